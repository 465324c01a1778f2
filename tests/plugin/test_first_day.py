"""What pytest shows somebody on the first day: the right place, once, and no waiting for what cannot change."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

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
