"""``evalkit run``: exit codes, what reaches pytest, and the mistakes of a first day."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from xml.etree import ElementTree as ET

import duckdb  # noqa: F401 - imported here, so that no test pays for it
import openai  # noqa: F401 - as above
import pytest
from fakes.eval_project import cases
from fakes.llm_server import LLMServer

SUITE = f"suite: hello\nprompt: hello:v1\n{cases('Ana', 'Bob')}\nchecks: [contains: Hello]\n"
GATED = f"""
suite: hello
prompt: hello
variants:
  baseline: {{prompt: hello:v1}}
  candidate: {{prompt: hello:v2}}
{cases(*[f"N{number}" for number in range(10)])}
checks: [contains: Hello]
gates: [{{better_than: {{against: baseline}}}}]
"""


def asked(project):
    return [
        record["call"]["request"]["messages"][-1]["content"] for record in project.journal() if record["t"] == "call"
    ]


def test_all_cases_pass(project):
    """Exit 0, the pass rate with its denominator, and the way to the report."""
    project.suite(SUITE)
    ran = project.evalkit("run")
    assert ran.code == 0
    assert "2/2 (errors 0, skipped 0)" in ran.out
    assert Path(re.search(r"report: (\S+)", ran.out)[1]).is_file()


def test_a_failing_case_is_exit_1(project):
    """The case is named with its reason."""
    project.configure(answers={"Bob": "no", "default": "Hello"})
    project.suite(SUITE)
    ran = project.evalkit("run")
    assert ran.code == 1
    assert "FAILED suites/hello.yaml::bob[v1-scripted/m] - contains: 'Hello' not found" in ran.out


def test_a_case_without_an_answer_is_exit_3(project):
    """Not measured is neither passed nor failed."""
    project.configure(mode="replay")
    project.prompt("v1", tone="kind", model="openai/gpt-5-mini")
    project.suite(SUITE)
    ran = project.evalkit("run")
    assert ran.code == 3
    assert "COULD NOT MEASURE" in ran.out


def test_an_undecided_gate_is_exit_10_unless_the_project_only_warns(project):
    """``on_undecided = "warn"`` makes it 0; the gate is still shown as undecided."""
    project.suite(GATED)
    project.configure(answers={"N3": "no", "default": "Hello"})
    first = project.evalkit("run")
    project.configure(answers={"N3": "no", "default": "Hello"}, on_undecided="warn")
    second = project.evalkit("run")
    assert (first.code, second.code) == (10, 0)
    assert "undecided" in first.out
    assert "undecided" in second.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--mode", "ofline"], "'ofline' is not one of 'cache', 'replay', 'live', 'refresh'"),
        (["--concurrency", "0"], "0 is not in the range x>=1"),
        (["--max-cost", "much"], "'much' is not a valid float"),
        (["-k", "nobody"], "no case was found or selected, nothing was called"),
        (["-k", "nobody"], "hint: evalkit run --collect-only -q lists the cases that there are"),
        (["--max-cots", "1"], "did you mean --max-cost?"),
        (["suites/helo.yaml"], "there is no suites/helo.yaml\n  hint: did you mean 'suites/hello.yaml'?"),
        (["suites/hello.yaml::eve[v1-scripted/m]"], "not found: "),
    ],
)
def test_a_mistake_on_the_command_line_is_exit_2(project, words, said):
    """One message that names what is wrong and what there is; no traceback, and nothing is written."""
    project.suite(SUITE)
    ran = project.evalkit("run", *words)
    assert ran.code == 2
    assert said in ran.err
    assert "Traceback" not in ran.out + ran.err
    assert not (project.root / "reports").exists()


def test_a_mistake_in_a_suite_is_exit_2(project):
    """File, line, the wrong word and the right one; the good suite beside it does not run either."""
    project.suite(SUITE)
    project.suite(SUITE.replace("suite: hello", "suite: other").replace("checks:", "chekcs:"), name="other")
    ran = project.evalkit("run")
    assert ran.code == 2
    assert re.search(r"suites/other\.yaml:6: .*'chekcs'.*\n.*did you mean 'checks'", ran.out)
    assert "collect.py" not in ran.out
    assert not (project.root / "reports").exists()


def test_outside_any_project_it_says_how_to_begin(tmp_path_factory, project, monkeypatch):
    """Exit 2 and the command that writes an example."""
    monkeypatch.chdir(tmp_path_factory.mktemp("empty"))
    ran = project.evalkit("run")
    assert ran.code == 2
    assert re.fullmatch(r"ERROR: there is no folder \S+/suites\n  hint: .*evalkit init\n", ran.err.rstrip("\n") + "\n")
    assert ran.out == ""


def test_a_project_without_suites_is_exit_2(project):
    """An empty folder measures nothing, which must not look like success."""
    (project.root / "suites").mkdir()
    assert project.evalkit("run").code == 2


def test_options_of_pytest_reach_pytest(project):
    """-k narrows, -x stops, a test id selects, --junitxml writes; options may stand before and after."""
    project.suite(SUITE)
    assert project.evalkit("run", "-k", "ana", "--junitxml", "out.xml", "-q").code == 0
    assert [case.get("name") for case in ET.parse("out.xml").iter("testcase")] == ["ana[v1-scripted/m]"]
    assert project.evalkit("run", "--mode", "cache", "suites/hello.yaml::bob[v1-scripted/m]").code == 0
    assert sorted(asked(project)) == ["I am Ana.", "I am Bob."]
    project.configure(answers={"default": "no"})
    stopped = project.evalkit("run", "-x")
    assert stopped.code == 1
    assert "stopping after 1 failures" in stopped.out
    assert "INCOMPLETE" in stopped.out


def test_the_value_of_an_option_is_not_a_path(project):
    """``-k suites`` with a folder of that name still runs the suites and not the tests of the project."""
    project.suite(SUITE)
    project.write("tests/test_suites.py", "def test_suites():\n    raise AssertionError('not a suite')\n")
    ran = project.evalkit("run", "-k", "suites")
    assert ran.code == 0
    assert "2 passed" in ran.out
    assert "2 passed" in project.evalkit("run", "-ksuites").out


def test_it_runs_from_a_folder_inside_the_project(project, monkeypatch):
    """All suites, or an id as it was printed at the top of the project; reports go to the project."""
    project.suite(SUITE)
    monkeypatch.chdir(project.root / "prompts" / "hello")
    assert "2 passed" in project.evalkit("run").out
    assert "1 passed" in project.evalkit("run", "suites/hello.yaml::bob[v1-scripted/m]").out
    monkeypatch.chdir(project.root / "suites")
    assert "2 passed" in project.evalkit("run", "hello.yaml").out
    assert len(list((project.root / "reports" / "journal").iterdir())) == 3


def test_workers_of_xdist_run_the_same_suites(project, monkeypatch):
    """Without a path, from a folder that holds tests of its own, the workers collect the suites and nothing else."""
    project.suite(SUITE)
    project.write("other/test_other.py", "def test_other():\n    raise AssertionError('not a suite')\n")
    monkeypatch.chdir(project.root / "other")
    ran = project.evalkit("run", "-n", "1")
    assert ran.code == 0
    assert "2/2 (errors 0, skipped 0)" in ran.out


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_run_in_order(project, number, code):
    """Ctrl-C and SIGTERM while answers are awaited: what was measured is kept in a report that says INCOMPLETE."""
    project.suite(
        f"suite: hello\nprompt: hello:v1\n{cases(*[f'N{i}' for i in range(12)])}\nchecks: [contains: Hello]\n"
    )
    waiting, never = threading.Event(), threading.Event()

    def script(question):
        if question.number >= 4:
            waiting.set()
            never.wait(60)
        return "Hello"

    with LLMServer(script) as server:
        project.live(server.url, concurrency=2)
        process = subprocess.Popen(
            [Path(sys.executable).with_name("evalkit"), "run"],
            cwd=project.root,
            stdout=subprocess.PIPE,
            text=True,
            env=dict(os.environ, OPENAI_API_KEY="sk-test-0123456789"),
        )
        assert waiting.wait(60)
        process.send_signal(number)
        output, _ = process.communicate(timeout=60)
        never.set()
    assert process.returncode == code
    assert "INCOMPLETE" in output
    page = Path(re.search(r"^report: (/\S+)", output, re.MULTILINE)[1])
    assert "INCOMPLETE" in page.read_text(encoding="utf-8")
    assert len(asked(project)) >= 3, "with two in flight, the fifth question was asked after three answers"


def test_help_on_a_short_word(project):
    """-h is the help of this command, not pytest's."""
    assert "Examples:" in project.evalkit("run", "-h").out


def test_limits_of_an_account_that_nobody_has_are_a_mistake(project):
    """A typo in the name of an account would leave the account without its limits, and say nothing."""
    project.suite(SUITE)
    with (project.root / "pyproject.toml").open("a", encoding="utf-8") as config:
        config.write("\n[tool.evalkit.limits.openia]\nrequests_per_minute = 60\n")
    ran = project.evalkit("run")
    assert ran.code == 2
    assert "no provider has that account" in ran.err
    assert "did you mean 'openai'" in ran.err
