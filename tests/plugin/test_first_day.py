"""What pytest shows somebody on the first day: the right place, once, and no waiting for what cannot change."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from fakes.eval_project import cases

if TYPE_CHECKING:
    from fakes.eval_project import PytestProject


def test_a_check_of_a_row_is_told_at_its_row(project: PytestProject) -> None:
    """The suite's own check is told at the suite's line, the row's at the row's, though both have the same name."""
    rows = [{"id": name, "vars": {"customer": name}, "checks": [{"contains": "bye"}]} for name in ("ana", "bob")]
    project.write("suites/data/rows.jsonl", "\n".join(map(json.dumps, rows)))
    project.suite("suite: hello\nprompt: hello:v1\nchecks: [contains: Howdy]\ncases: [{file: data/rows.jsonl}]\n")
    result = project.run_here("suites", "-k", "bob")
    result.stdout.fnmatch_lines([
        "*contains (suites/hello.yaml:3): 'Howdy' not found",
        "*contains (suites/data/rows.jsonl:2): 'bye' not found",
        "case *suites/data/rows.jsonl:2",
    ])


def test_a_check_of_a_prompts_schema_is_told_in_the_prompt(project: PytestProject) -> None:
    """The check that a prompt's output: adds is written nowhere in the suite."""
    text = (project.root / "prompts/hello/v1.j2").read_text()
    project.write("prompts/hello/v1.j2", text.replace("inputs:", "output: {type: object}\ninputs:"))
    project.suite(f"suite: hello\nprompt: hello:v1\n{cases('Ana')}\n")
    project.run_here("suites").stdout.fnmatch_lines(["*json_schema (prompts/hello/v1.j2*): *"])


def test_a_wrong_check_in_a_python_test_is_told_once_where_it_stands(project: PytestProject) -> None:
    """One place, the line of the call, not that of the test's def beside it."""
    project.write(
        "tests/test_it.py",
        "def test_it(evalkit):\n    answer = evalkit.ask('hello:v1', customer='Ana')\n    answer.check('lenght')\n",
    )
    result = project.run_here("tests")
    result.stdout.fnmatch_lines(["tests/test_it.py:3: no check named 'lenght'", "*did you mean 'length'*"])
    assert result.ret == 1


def test_a_function_that_answers_with_a_number_is_called_once_per_case(project: PytestProject) -> None:
    """What the same function would return again is not asked again, with pauses in between."""
    project.write("fake.py", "calls = []\n\ndef reply(request):\n    calls.append(1)\n    return len(calls)\n")
    project.write("pyproject.toml", '[tool.evalkit.providers.fake]\nkind = "scripted"\nfunction = "fake:reply"\n')
    project.prompt("v1", tone="kind", model="fake/m")
    project.suite(f"suite: hello\nprompt: hello:v1\nchecks: [contains: a]\n{cases('Ana')}\n")
    result = project.run_here("suites")
    result.stdout.fnmatch_lines(["*bad_response after 1 attempt: the scripted function returned int, *"])


def test_a_check_without_a_name_is_refused_where_it_stands(project: PytestProject) -> None:
    """@evalkit.check alone would leave no check, and no word about it."""
    project.write(
        "conftest.py", "import evalkit\n\n@evalkit.check\ndef polite(answer: str) -> bool:\n    return True\n"
    )
    project.suite(f"suite: hello\nprompt: hello:v1\nchecks: [polite]\n{cases('Ana')}\n")
    result = project.run("suites")
    assert result.ret == 4
    told = result.stderr.str()
    assert "conftest.py:3: a check needs a name" in told
    assert '@evalkit.check("polite")' in told


def _forty(project: PytestProject) -> None:
    rows = "\n".join(f"  - {{id: c{n:02}, vars: {{customer: {'X' if n % 20 else 'Y'}}}}}" for n in range(40))
    project.configure(answers={"X": "no", "default": "yes"})
    project.suite(f"suite: hello\nprompt: hello:v1\nchecks: [contains: Howdy]\ncases:\n{rows}\n")
    project.write(
        "conftest.py",
        "def pytest_terminal_summary(terminalreporter):\n"
        "    terminalreporter.line(f\"others count {len(terminalreporter.stats['failed'])}\")\n",
    )


def test_forty_cases_that_fail_alike_leave_the_verdict_on_the_screen(project: PytestProject) -> None:
    """Ten are explained and listed, the rest is counted; other plugins and the last line know all of them."""
    _forty(project)
    shown = project.run_here("suites").stdout
    shown.fnmatch_lines([
        "10 of 40 are shown: suites/hello.yaml: contains (-v shows all)",
        "  v1-scripted/m  0/40 (errors 0, skipped 0)*",
        "    ✗ failed: contains 40",
        "*= 40 failed in *",
    ])
    text = shown.str()
    assert "others count 40" in text
    assert text.count("✗ contains (suites/hello.yaml:3)") == 10
    assert text.count("FAILED suites/hello.yaml::") == 10
    assert len(text.partition("= evalkit =")[2].splitlines()) < 25


def test_v_shows_every_case_that_failed(project: PytestProject) -> None:
    """Nothing is left out, and nothing said about it."""
    _forty(project)
    text = project.run_here("suites", "-v", "-rf").stdout.str()
    assert text.count("✗ contains (suites/hello.yaml:3)") == 40
    assert "are shown" not in text


def test_cases_that_fail_differently_are_all_shown(project: PytestProject) -> None:
    """What failed by another check is another reason, and an error is none of the failures."""
    checks = "\n".join(f"  - {name}" for name in ("contains: Howdy", "starts_with: Howdy"))
    rows = "\n".join(
        f"  - {{id: c{n:02}, vars: {{customer: A}}, checks: [{'ends_with: X' if n % 2 else 'equals: X'}]}}"
        for n in range(20)
    )
    project.suite(f"suite: hello\nprompt: hello:v1\nchecks:\n{checks}\ncases:\n{rows}\n")
    text = project.run_here("suites").stdout.str()
    assert text.count("✗ starts_with (suites/hello.yaml:5)") == 20
    assert "✗ failed: contains 20, starts_with 20, " in text


def test_what_could_not_be_measured_is_counted_by_its_kind(project: PytestProject) -> None:
    """Calls without an answer and checks that could not judge, each under its own name, also with workers."""
    project.write(
        "conftest.py", "import evalkit\n\n@evalkit.check('mine')\ndef mine(answer: str) -> bool:\n    return 1 / 0\n"
    )
    project.configure(answers={"X": "no"})
    rows = "\n".join(f"  - {{id: c{n:02}, vars: {{customer: {'X' if n < 15 else 'Y'}}}}}" for n in range(30))
    project.suite(f"suite: hello\nprompt: hello:v1\nchecks: [mine]\ncases:\n{rows}\n")
    result = project.run("suites", "-n", "2")
    result.stdout.fnmatch_lines(["    ! not measured: * 15, * 15"])
    result.stdout.fnmatch_lines_random(["10 of 15 are shown: suites/hello.yaml: mine (-v shows all)"])
    assert result.ret == 3


@pytest.mark.parametrize("words", [(), ("-q",), ("-qq",)])
def test_the_letters_of_gates_have_a_line_of_their_own(project: PytestProject, words: tuple[str, ...]) -> None:
    """Not behind the 100% of the cases, however quiet."""
    project.suite(
        f"suite: hello\nprompt: hello:v1\nchecks: [contains: Hello]\n{cases('Ana')}\ngates: ['pass_rate(content) == 1']\n"
    )
    lines = project.run_here("suites", *words).outlines
    (of_cases,) = [line for line in lines if line.rstrip().endswith("[ 50%]") or line.rstrip().endswith("[100%]")][:1]
    assert re.search(r"\.\s+\[ *\d+%\]$", of_cases)
    assert not [line for line in lines if re.search(r"%\]\S", line)]


@pytest.mark.parametrize("tag", ["high-priority", "team.billing", "a/b", "2026", "étage"])
def test_a_tag_is_a_mark_though_it_is_no_identifier(project: PytestProject, tag: str) -> None:
    """-m chooses by it, also where unknown marks are refused; what it does not name is left out."""
    project.suite(
        f"suite: hello\nprompt: hello:v1\nchecks: [contains: Hello]\n{cases('Ana', tags=f', tags: [{tag}]')}\n"
        "  - {id: bob, vars: {customer: Bob}, tags: [other, 'x:y', _z]}\n"
    )
    result = project.run_here("suites", "-m", tag, "--strict-markers", "-W", "error::pytest.PytestUnknownMarkWarning")
    result.assert_outcomes(passed=1, deselected=1)
