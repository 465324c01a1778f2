"""``evalkit doctor``: each fault of a machine or project is one line with what to do, and nothing is written or sent unasked."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from fakes.eval_project import cases
from fakes.llm_server import LLMServer, error

import evalkit
from evalkit.harness.doctor import machine as doctor_machine

KEY = "sk-test-0123456789abcdef"
SUITE = f"suite: hello\nprompt: hello:v1\n{cases('Ana', 'Bob')}\nchecks: [contains: Hello]\n"


@pytest.fixture
def sound(project):
    """A project that ran once."""
    project.suite(SUITE)
    evalkit.run()
    return project


def examined(project, *words):
    """The exit code, and the text on one line."""
    ran = project.evalkit("doctor", *words)
    assert "Traceback" not in ran.err
    return ran.code, " ".join(ran.out.split())


def test_a_sound_project(sound):
    """Versions, folders, suites, prices and the store on one screen; exit 0; no file is made or changed."""
    before = {path: path.stat().st_mtime_ns for path in sound.root.rglob("*")}
    code, text = examined(sound)
    assert code == 0, text
    for part in (
        "✓ Python 3.",
        "duckdb 2.",
        "1 of 1 suites are sound, with 2 tests",
        "genai-prices",
        "✓ 1 journaled runs",
        "evalkit.duckdb can be read",
        "nothing is in the way of a run",
    ):
        assert part in text
    assert len(sound.evalkit("doctor").out.splitlines()) < 45
    assert {path: path.stat().st_mtime_ns for path in sound.root.rglob("*")} == before


def test_every_extra_of_the_package_is_explained():
    """What is optional has a line that says what it gives."""
    declared = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert doctor_machine.EXTRAS.keys() == declared.keys()


def test_what_is_not_installed_says_how_to_get_it(sound, monkeypatch):
    """An extra that is missing is a note with the command, never a problem."""
    monkeypatch.setattr(doctor_machine, "requires", lambda name: ["absent-thing>=1; extra == 'language'", "pytest>=8"])
    code, text = examined(sound)
    assert code == 0
    assert "· language is not installed (absent-thing): the check language" in text
    assert "pip install 'pytest-evalkit[language]'" in text


def test_a_wrong_configuration_is_the_one_problem(project):
    """Nothing else of the project can be looked at."""
    project.write("pyproject.toml", "[tool.evalkit]\nmodus = 'cache'\n")
    code, text = examined(project)
    assert code == 1
    assert "unknown key 'modus'" in text
    assert text.endswith("1 problem")


@pytest.mark.parametrize("setting", [{"check_modules": ["nowhere"]}, {"untrusted": True, "suites": "."}])
def test_a_project_whose_suites_cannot_be_planned_is_still_examined(project, setting):
    """A module that cannot be imported, a folder that may not be read: one finding among the others, not the end of the examination."""
    project.configure(**setting)
    ran = project.evalkit("doctor")
    assert ran.code == 1
    assert "✗ no suite can be planned: " in ran.out
    assert "no runs yet" in ran.out


def test_an_empty_folder_is_told_to_begin(tmp_path, project, monkeypatch):
    """No project at all: the command that makes one."""
    empty = tmp_path / "elsewhere"
    empty.mkdir()
    monkeypatch.chdir(empty)
    project.root.joinpath("pyproject.toml").unlink()
    code, text = examined(project)
    assert code == 1
    assert "there is no folder prompts/ → evalkit init" in text


def test_a_broken_suite_is_told_with_file_and_line(sound):
    """The others are still counted."""
    sound.suite(SUITE.replace("contains", "contians"), name="typo")
    code, text = examined(sound)
    assert code == 1
    assert "✗ suites/typo.yaml:" in text
    assert "1 of 2 suites are sound" in text


def test_a_key_is_there_or_not_and_never_shown(sound, monkeypatch):
    """A missing key stops live runs; in replay it is a note; a present one is only said to be there."""
    sound.prompt("v1", tone="kind", model="anthropic/claude-sonnet-5")
    assert examined(sound)[0] == 1
    assert "✗ anthropic: ANTHROPIC_API_KEY is not set → export it" in examined(sound)[1]
    sound.configure(answers={"default": "Hello!"}, mode="replay")
    assert examined(sound)[0] == 0
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    code, text = examined(sound)
    assert code == 0
    assert "✓ anthropic: anthropic default messages, ready" in text
    assert KEY not in text


def test_only_online_asks_and_only_once(sound, monkeypatch):
    """Without the option no request; with it one list of models per provider in use, with address and key as a run would use them."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with LLMServer() as server:
        sound.live(server.url)
        assert examined(sound)[0] == 0
        assert server.requests == []
        code, text = examined(sound, "--online")
        assert code == 0, text
        assert [asked.path for asked in server.requests] == ["/v1/models"]
        assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert "openai: answers, and lists 1 models" in text


def test_a_provider_that_refuses_is_a_problem_without_the_key(sound, monkeypatch):
    """A wrong key, and a server that echoes it."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    with LLMServer(lambda asked: error(401, f"bad key {KEY}")) as server:
        sound.prompt("v1", tone="kind", model="anthropic/claude-sonnet-5")
        sound.write("pyproject.toml", f'[tool.evalkit.providers.anthropic]\nbase_url = "{server.url}"\n')
        code, text = examined(sound, "--online")
        assert len(server.requests) == 1
    assert code == 1
    assert "anthropic does not answer: auth: HTTP 401" in text
    assert KEY not in text


def test_a_damaged_journal_and_a_run_that_is_not_ingested(sound):
    """Each is told with what brings it back."""
    evalkit.run()
    (first, second) = sorted((sound.root / "reports" / "journal").glob("*/main-*.jsonl"))
    lines = first.read_bytes().splitlines(keepends=True)
    first.write_bytes(b"".join([lines[0], b"x" + lines[1][1:], *lines[2:]]))
    second.write_bytes(second.read_bytes() + b"torn")
    code, text = examined(sound)
    assert code == 1
    assert f"{first.name} has 1 damaged records → bring it back from a copy" in text
    assert second.name not in text, "a torn end is what a kill leaves"
    assert "1 runs are not in the database yet" in text
    assert "→ evalkit ingest" in text


def test_a_database_that_is_held_newer_or_foreign(sound):
    """Held is a matter of waiting; the others say what to do."""
    path = sound.root / "reports" / "evalkit.duckdb"
    holding = "import duckdb, sys\nwith duckdb.connect(sys.argv[1]): print('held', flush=True); sys.stdin.read()"
    words = [sys.executable, "-c", holding, path]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        holder.stdout.readline()
        code, text = examined(sound)
        holder.communicate("")
    assert code == 0
    assert f"process {holder.pid} holds the database" in text
    path.write_bytes(b"not a database")
    code, text = examined(sound)
    assert code == 1
    assert "evalkit ingest --rebuild" in text


def test_what_others_may_read_and_what_was_left_behind(sound):
    """A file with answers that others can read is a problem with its chmod; leftovers of repairs are a note."""
    reports = sound.root / "reports"
    (reports / "evalkit.duckdb.old").touch()
    (reports / "evalkit.duckdb").chmod(0o644)
    code, text = examined(sound)
    assert code == 1
    assert (
        "1 files with answers can be read by other users of this machine, such as evalkit.duckdb → chmod -R go= reports"
        in text
    )
    assert "evalkit.duckdb.old" in text
    assert (reports / "evalkit.duckdb").stat().st_mode & 0o777 == 0o644, "a doctor looks; it does not operate"


def test_folders_that_cannot_be_written(sound):
    """A file stands where the baselines would go."""
    sound.write("baselines", "in the way")
    code, text = examined(sound)
    assert code == 1
    assert "baselines/ cannot be made" in text
