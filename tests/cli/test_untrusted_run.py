"""``evalkit run --untrusted``: the suites of a fork are data. Nothing of the checkout runs, is read from elsewhere, or is believed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from fakes.eval_project import Ran, cases
from fakes.llm_server import LLMServer

from evalkit import cli as evalkit_cli
from evalkit.cli.untrusted import fork_advice
from evalkit.errors import ConfigError
from evalkit.harness.api import run as run_suites

SUITE = f"suite: hello\nprompt: hello:v1\n{cases('Ana', 'Bob')}\nchecks: [contains: Hello]\n"
CANARY = "import pathlib, sys\nwith open({file!r}, 'a') as f: f.write({name!r} + chr(10))\n"
KEY = "sk-test-0123456789abcdef"


@pytest.fixture
def fork(project):
    """A checkout with a suite and its recording: what a fork would send."""
    project.prompt("v1", tone="kind", model="openai/gpt-5-mini")
    project.configure()
    project.suite(SUITE)
    lines = []
    for name in ("Ana", "Bob"):
        messages = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": f"I am {name}."}]
        exchange = {"model": "openai/gpt-5-mini", "request": {"messages": messages}, "response": {"text": "Hello!"}}
        lines.append(json.dumps(exchange))
    project.write("suites/recordings/hello.jsonl", "\n".join(lines))
    return project


def evalkit(project, *words, **environ):
    """Run the installed command, as a job of a CI does."""
    done = subprocess.run(
        [Path(sys.executable).with_name("evalkit"), *words],
        cwd=project.root,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def untrusted(project, *words):
    """The command in this process: faster, for what does not depend on how Python was started."""
    return project.evalkit("run", "--untrusted", *words)


def plant(project, sign):
    """Put code into every file of the checkout that some tool would run, each of which signs the canary file when it does."""

    def code(name):
        return CANARY.format(file=str(sign), name=name)

    for name in (
        "conftest.py",
        "suites/conftest.py",
        "suites/__init__.py",
        "suites/test_evil.py",
        "evil.py",
        "shop.py",
        "yaml.py",
        "json.py",
        "click.py",
        "jinja2/__init__.py",
        "sitecustomize.py",
        "usercustomize.py",
        "setup.py",
        "suites/recordings/conftest.py",
        "prompts/conftest.py",
        "prompts/__init__.py",
    ):
        project.write(name, code(name))
    project.write("pytest.ini", "[pytest]\naddopts = -p evil\npythonpath = .\n")
    project.write("tox.ini", "[pytest]\naddopts = -p evil\npythonpath = .\n")
    project.write("setup.cfg", "[tool:pytest]\naddopts = -p evil\n")
    project.write("evil-1.0.dist-info/METADATA", "Name: evil\nVersion: 1.0\n")
    project.write("evil-1.0.dist-info/entry_points.txt", "[pytest11]\nevil = evil\n[evalkit.checks]\npii = evil:Pii\n")
    project.write(".env", "OPENAI_BASE_URL=http://127.0.0.1:9/v1\nOPENAI_API_KEY=sk-from-the-dot-env\n")
    with (project.root / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write('\ncheck_modules = ["shop"]\nallow_python = ["shop"]\n')
        file.write('[tool.pytest.ini_options]\naddopts = "-p evil"\npythonpath = ["."]\n')


def test_no_file_of_the_checkout_runs(fork, tmp_path_factory):
    """Neither pytest's settings, conftest.py, packages and test modules beside the suites, modules that shadow others, nor check modules."""
    sign = tmp_path_factory.mktemp("elsewhere") / "canary"
    plant(fork, sign)
    ran = evalkit(fork, "run", "--untrusted", "--mode", "replay")
    assert ran.code == 0, ran.out + ran.err
    assert "2 passed" in ran.out
    assert not sign.exists(), sign.read_text(encoding="utf-8")
    assert "not read from its pyproject.toml: allow_python, check_modules" in ran.err
    assert "not loaded: pytest.ini, tox.ini, setup.cfg, conftest.py, suites/__init__.py, …" in ran.err
    assert not (fork.root / ".pytest_cache").exists()


def test_the_canaries_do_sing_without_it(fork, tmp_path_factory):
    """The same checkout under plain pytest runs its code: what the test above plants is no dummy."""
    sign = tmp_path_factory.mktemp("elsewhere") / "canary"
    plant(fork, sign)
    for name in ("json.py", "yaml.py", "click.py"):
        (fork.root / name).unlink()
    evalkit(fork, "run", "--mode", "replay")
    assert {"evil.py", "conftest.py"} <= set(sign.read_text(encoding="utf-8").split())


def test_the_import_path_does_not_lead_into_the_checkout(fork, tmp_path_factory):
    """``python -c`` and PYTHONPATH put folders of the checkout first; they are taken off before anything else is imported."""
    sign = tmp_path_factory.mktemp("elsewhere") / "canary"
    plant(fork, sign)
    for name in ("json.py", "yaml.py", "click.py", "sitecustomize.py", "usercustomize.py"):
        (fork.root / name).unlink()
    fork.write("regex.py", CANARY.format(file=str(sign), name="regex.py"))
    path = os.pathsep.join([str(fork.root), *filter(None, [os.environ.get("PYTHONPATH")])])
    assert evalkit(fork, "run", "--untrusted", "--mode", "replay", PYTHONPATH=path).code == 0
    assert not sign.exists(), sign.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("checks", "said"),
    [
        ("[{pydantic: shop.Reply}]", "a suite may not import 'shop'"),
        ("[is_kind]", "no check named 'is_kind'"),
        ("[{json_schema: schemas/reply.json}]", "no file 'schemas/reply.json'"),
        ("[{json_schema: secret.json}]", "no file 'secret.json'"),
        ("[{json_schema: ../secret.json}]", "is not a path inside the project"),
    ],
)
def test_what_a_case_would_need_of_the_checkout_is_exit_2(fork, checks, said):
    """Python of the checkout and files outside the suites folder: the check is named, and nothing is judged."""
    fork.write("shop.py", "raise AssertionError('imported')\n")
    fork.write("schemas/reply.json", "{}")
    fork.write("secret.json", "{}")
    fork.configure(allow_python=["shop"], check_modules=["shop"])
    fork.suite(SUITE.replace("[contains: Hello]", checks))
    ran = untrusted(fork, "--mode", "replay")
    assert ran.code == 2
    assert said in ran.out + ran.err
    assert not (fork.root / "reports").exists()


@pytest.mark.parametrize(
    "file", ["../secret.csv", "secret.csv", "*.csv", "data/link.csv", "data/*.csv", "/etc/hosts.csv"]
)
def test_a_dataset_lies_in_the_suites_folder(fork, file):
    """Not beside it in the checkout, where jobs leave their credentials, and not behind a link."""
    fork.write("secret.csv", "id,customer\none,Ana\n")
    fork.write("suites/data/fine.csv", "id,customer\ntwo,Ana\n")
    (fork.root / "suites/data/link.csv").symlink_to(fork.root / "secret.csv")
    fork.suite(f"suite: hello\nprompt: hello:v1\ncases: [{{file: '{file}'}}]\nchecks: [contains: Hello]\n")
    ran = untrusted(fork, "--mode", "replay")
    assert ran.code == 2, ran.out
    assert not (fork.root / "reports").exists()


@pytest.mark.parametrize("link", ["suites/more.yaml", "prompts/other", "suites/recordings/more.jsonl", "baselines"])
def test_a_link_out_of_a_folder_is_refused(fork, tmp_path_factory, link):
    """Suites, prompts, recordings and baselines, whatever the link is called."""
    (fork.root / link).symlink_to(tmp_path_factory.mktemp("elsewhere"))
    ran = untrusted(fork, "--mode", "replay")
    assert ran.code == 2
    assert f"{link}: a link that leads out of its folder" in ran.err


def test_a_prompt_reads_nothing_outside_the_prompts_folder(fork):
    """Its output schema may lie beside it, but not elsewhere in the checkout."""
    prompt = (fork.root / "prompts/hello/v1.j2").read_text(encoding="utf-8")
    fork.write("prompts/hello/v1.j2", prompt.replace("---\ndesc", "---\noutput: credentials.json\ndesc", 1))
    fork.write("credentials.json", '{"type": "object"}')
    ran = untrusted(fork, "--mode", "replay")
    assert ran.code == 2
    assert "credentials.json" in ran.out
    assert "outside of prompts/" in ran.out


@pytest.mark.parametrize("name", ["prompts", "suites", "recordings", "baselines"])
@pytest.mark.parametrize("folder", [".", ".git", "secrets/.aws", "here", "git"])
def test_the_checkout_cannot_have_all_of_itself_read(fork, name, folder):
    """Its settings name the folders: not the top, where jobs leave credentials, and nothing hidden, also not behind a link."""
    fork.write(".git/config", "[http]\nextraheader = AUTHORIZATION: basic c2VjcmV0\n")
    fork.write("secrets/.aws/credentials", "secret")
    (fork.root / "here").symlink_to(".")
    (fork.root / "git").symlink_to(".git")
    fork.configure(**{name: folder})
    ran = untrusted(fork, "--mode", "replay")
    assert ran.code == 2
    assert f"{name} = '{folder}' is not read in a project that is not trusted" in ran.err


def test_a_suite_at_the_top_names_no_file_there(fork):
    """What lies beside it is the whole checkout, with the credentials of git and of the job."""
    fork.write("secret.json", "{}")
    fork.write(
        "top.yaml", SUITE.replace("suite: hello", "suite: top").replace("contains: Hello", "json_schema: secret.json")
    )
    ran = untrusted(fork, "--mode", "replay", "top.yaml")
    assert ran.code == 2
    assert "leads out of the project" in ran.out + ran.err or "no file 'secret.json'" in ran.out + ran.err


@pytest.mark.parametrize("text", ["tool = 3", "[tool]\nevalkit = 3", "tool = " + "[" * 5000])
def test_a_pyproject_of_another_shape_is_one_error(fork, text):
    """A fork's file is anybody's text: no traceback, whatever is in it."""
    fork.write("pyproject.toml", text)
    ran = untrusted(fork, "--mode", "replay")
    assert ran.code == 2
    assert "error: pyproject.toml:" in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize("mode", ["cache", "live", "refresh", "batch"])
def test_without_a_ceiling_nobody_is_asked(fork, monkeypatch, mode):
    """The suites decide how much is asked, so somebody else must say where it ends. A ceiling of the checkout itself does not count."""
    fork.configure(max_cost_usd=1000.0, mode="replay")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    ran = untrusted(fork, "--mode", mode)
    assert ran.code == 2
    assert "needs a ceiling" in ran.err


def test_the_checkout_names_no_endpoint(fork, monkeypatch, tmp_path_factory):
    """Its own provider tables are not read, nor a ``.env``; a file outside of it, named on the command line, is, and the environment."""
    fork.write(".env", "OPENAI_BASE_URL=http://127.0.0.1:9/v1\n")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with LLMServer(lambda _: "Hello!") as thief, LLMServer(lambda _: "Hello!") as server:
        fork.live(thief.url)
        mine = tmp_path_factory.mktemp("base") / "pyproject.toml"
        mine.write_text(f'[tool.evalkit.providers.openai]\nbase_url = "{server.url}/v1"\n', encoding="utf-8")
        ran = untrusted(fork, "--max-calls", "9", "--config", str(mine))
        assert (ran.code, len(server.requests), len(thief.requests)) == (0, 2, 0), ran.out + ran.err
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        (fork.root / "reports").rename(fork.root / "earlier")
        again = untrusted(fork, "--mode", "live", "--max-calls", "9")
        assert (again.code, len(server.requests), len(thief.requests)) == (0, 4, 0), again.out + again.err
    assert "not read from its pyproject.toml: providers" in ran.err


def test_settings_inside_the_checkout_are_the_forks(fork):
    """Naming its own pyproject.toml is a mistake, and said to be one."""
    ran = untrusted(fork, "--mode", "replay", "--config", "pyproject.toml")
    assert ran.code == 2
    assert "the settings lie in the checkout that is not to be trusted" in ran.err


def test_a_trusted_setting_may_not_lead_back_into_the_checkout(fork, tmp_path_factory):
    """``check_modules`` and a scripted function of one's own settings are not looked up in the fork's files."""
    fork.write("shop.py", "raise AssertionError('imported')\n")
    mine = tmp_path_factory.mktemp("base") / "mine.toml"
    mine.write_text('[tool.evalkit]\ncheck_modules = ["shop"]\n', encoding="utf-8")
    ran = untrusted(fork, "--mode", "replay", "--config", str(mine))
    assert ran.code == 2
    assert "'shop' is not installed outside of the checkout" in ran.out
    mine.write_text('[tool.evalkit.providers.openai]\nkind = "scripted"\nfunction = "shop:answer"\n', encoding="utf-8")
    ran = untrusted(fork, "--mode", "replay", "--config", str(mine))
    assert ran.code == 2
    assert "is a function of the project" in ran.out


def test_answers_that_came_with_the_checkout_are_not_believed(fork):
    """A cache or a journal in the repository could hold any answer; those of an earlier run of this job may stay."""
    subprocess.run(["git", "init", "-q", "."], cwd=fork.root, check=True)
    assert untrusted(fork, "--mode", "replay").code == 0
    assert untrusted(fork, "--mode", "replay").code == 0
    subprocess.run(["git", "add", "-f", "reports"], cwd=fork.root, check=True)
    ran = untrusted(fork, "--mode", "replay")
    assert ran.code == 2
    assert "answers in it may be made up" in ran.err


def test_the_project_may_say_so_itself(fork):
    """``untrusted = true`` in the settings is the option; plain pytest obeys it too, and says what it cannot take back."""
    subprocess.run(["git", "init", "-q", "."], cwd=fork.root, check=True)
    fork.configure(untrusted=True, mode="replay")
    assert "needs a ceiling" in fork.evalkit("run").err
    assert fork.evalkit("run", "--mode", "replay").code == 0
    fork.configure(check_modules=["shop"])
    fork.write("shop.py", "raise AssertionError('imported')\n")
    plain = [sys.executable, "-m", "pytest", "--untrusted", "--evalkit-mode", "replay", "suites"]
    ran = subprocess.run(plain, cwd=fork.root, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout
    assert "pytest has obeyed the checkout's own settings" in ran.stdout


def test_a_folder_above_is_not_the_project(fork, monkeypatch):
    """A pyproject.toml further up is somebody else's: the checkout is the current folder."""
    monkeypatch.chdir(fork.root / "suites")
    ran = untrusted(fork, "--mode", "replay")
    assert ran.code == 2
    assert "there is no folder" in ran.err


PULL = {"pull_request": {"head": {"repo": {"full_name": "fork/x"}}, "base": {"repo": {"full_name": "own/x"}}}}
OWN = {"pull_request": {"head": {"repo": {"full_name": "own/x"}}, "base": {"repo": {"full_name": "own/x"}}}}
GONE = {"pull_request": {"head": {"repo": None}, "base": {"repo": {"full_name": "own/x"}}}}


@pytest.mark.parametrize(
    ("event", "name", "advised"),
    [
        (PULL, "pull_request", 1),
        (GONE, "pull_request_target", 1),
        (OWN, "pull_request", 0),
        (PULL, "push", 0),
        ([], "pull_request", 0),
    ],
)
def test_a_job_for_a_fork_is_advised(tmp_path, event, name, advised):
    """For the pull request of a fork only."""
    path = tmp_path / "event.json"
    path.write_text(json.dumps(event), encoding="utf-8")
    environ = {"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": name, "GITHUB_EVENT_PATH": str(path)}
    assert bool(fork_advice(environ)) == advised


def test_a_merge_request_of_a_fork_is_advised(fork, monkeypatch):
    """GitLab names two projects. One line before the run, and none once the advice is taken."""
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    monkeypatch.setenv("CI_MERGE_REQUEST_SOURCE_PROJECT_ID", "8")
    monkeypatch.setenv("CI_MERGE_REQUEST_PROJECT_ID", "7")
    assert untrusted(fork, "--mode", "replay", "-k", "nobody").err.count("advice: ") == 0
    assert fork.evalkit("run", "--mode", "replay", "-k", "nobody").err.count("advice: ") == 1
    monkeypatch.setenv("CI_MERGE_REQUEST_SOURCE_PROJECT_ID", "7")
    assert fork_advice(os.environ) is None


DATA_ONLY = [
    ["estimate"],
    ["doctor"],
    ["check", "contains: x", "pyproject.toml"],
    ["checks"],
    ["schema"],
    ["baseline", "show"],
    ["cache", "explain", "suites/hello.yaml::ana", "--against", "recordings"],
    ["race", "--mode", "replay"],
    ["rescore"],
    ["merge", "shard"],
]
"""Every command that imports a trusted project's Python, as the parameter ``code`` of the tests below."""


@pytest.mark.parametrize("command", DATA_ONLY, ids=" ".join)
def test_other_commands_run_nothing_of_the_checkout_either(fork, tmp_path_factory, command):
    """Each imports a trusted project's check modules, and with ``--untrusted`` none; what they can say of such a project they say."""
    sign = tmp_path_factory.mktemp("elsewhere") / "canary"
    fork.write("shop.py", CANARY.format(file=str(sign), name="shop.py"))
    assert untrusted(fork, "--mode", "replay").code == 0
    shutil.copytree(fork.root / "reports/journal", fork.root / "shard/journal")
    subprocess.run(["git", "init", "-q", "."], cwd=fork.root, check=True)
    fork.configure(check_modules=["shop"], mode="replay")
    ran = fork.evalkit(*command, "--untrusted")
    assert not sign.exists()
    assert "not read from its pyproject.toml: check_modules" in ran.out + ran.err
    assert ran.code in {0, 1, 10} or "needs two variants" in ran.err, ran.err
    sys.modules.pop("shop", None)  # an earlier test may have imported its own
    fork.evalkit(*command)
    assert sign.exists(), "what was planted is a dummy"


def test_an_import_runs_nothing_of_the_checkout_either(fork, tmp_path_factory):
    """What ``evalkit import`` wrote is planned, to see what is to mend: with ``--untrusted`` without the project's check modules."""
    sign = tmp_path_factory.mktemp("elsewhere") / "canary"
    fork.write("shop.py", CANARY.format(file=str(sign), name="shop.py"))
    fork.configure(check_modules=["shop"], mode="replay")
    test = "{vars: {x: Ana}, assert: [{type: contains, value: Ana}]}"
    fork.write(
        "old/promptfooconfig.yaml", f"prompts: ['Say {{{{x}}}}']\nproviders: [openai:gpt-5-mini]\ntests: [{test}]\n"
    )
    ran = fork.evalkit("import", "old/promptfooconfig.yaml", "--name", "one", "--untrusted")
    assert not sign.exists()
    fork.write("old/output.json", '{"evalId": "e", "results": {"results": []}}')
    assert "0 of 3 requests" in fork.evalkit("import", "old/output.json", "--untrusted").out
    assert not sign.exists(), "the answers of its results are matched with planned requests, too"
    assert "not read from its pyproject.toml: check_modules" in ran.out + ran.err
    sys.modules.pop("shop", None)
    fork.evalkit("import", "old/promptfooconfig.yaml", "--name", "two")
    assert sign.exists(), "what was planted is a dummy"


def test_every_command_that_could_import_is_known():
    """A command that has no ``--untrusted`` plans no suite and imports no module of the project."""
    sources = Path(evalkit_cli.__file__).parent
    asking = {path.stem for path in sources.glob("*.py") if "@project_options" in path.read_text(encoding="utf-8")}
    assert asking == {words[0] for words in DATA_ONLY} | {"run", "import_suite"}
    others = [path for path in sources.glob("*.py") if path.stem not in asking]
    assert not [path.stem for path in others if "Planner" in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("command", [["estimate"], ["baseline", "show"], ["doctor"]], ids=" ".join)
def test_other_commands_follow_no_link_out_of_the_checkout(fork, tmp_path_factory, command):
    """Planning reads suites and prompts, and these must be the checkout's own."""
    secret = tmp_path_factory.mktemp("elsewhere") / "secret.yaml"
    secret.write_text("password: hunter2", encoding="utf-8")
    (fork.root / "suites/more.yaml").symlink_to(secret)
    ran = fork.evalkit(*command, "--untrusted")
    assert ran.code in {1, 2}
    assert "suites/more.yaml: a link that leads out of its folder" in ran.out + ran.err
    assert "hunter2" not in ran.out + ran.err


def test_an_estimate_needs_no_ceiling(fork, tmp_path_factory):
    """It spends nothing; the prices and endpoints are those of one's own settings."""
    mine = tmp_path_factory.mktemp("base") / "mine.toml"
    mine.write_text('[tool.evalkit]\nmode = "live"\n', encoding="utf-8")
    ran = fork.evalkit("estimate", "--untrusted", "--config", str(mine))
    assert ran.code == 0, ran.err
    assert "calls: 2 to pay of 2" in ran.out


def test_the_api_needs_a_ceiling_too(fork):
    """``untrusted = true`` holds for Python callers as for the command."""
    fork.configure(untrusted=True, mode="live")
    with pytest.raises(ConfigError, match="needs a ceiling"):
        run_suites(root=fork.root)
