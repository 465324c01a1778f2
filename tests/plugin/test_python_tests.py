"""The ``evalkit`` fixture: the same engine, checks and store for tests written in Python."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fakes.eval_project import PytestProject


def test_a_python_test_asks_checks_and_is_stored(project: PytestProject) -> None:
    """A passing and a failing test; both answers are in the journal under the test's name."""
    project.configure(answers={"Ana": "Hello Ana", "default": "no"})
    project.write(
        "tests/test_greeting.py",
        "def test_greets(evalkit):\n"
        "    answer = evalkit.ask('hello:v1', customer='Ana')\n"
        "    assert 'Ana' in answer.text\n"
        "    answer.check('contains', 'Hello')\n\n"
        "def test_fails(evalkit):\n"
        "    evalkit.ask('hello:latest', customer='Bob').check('contains', 'Hello')\n",
    )
    result = project.run_here("tests")
    result.assert_outcomes(passed=1, failed=1)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*contains: 'Hello' not found*"])
    stored = [record["trial"]["case"]["id"] for record in project.journal() if record["t"] == "result"]
    assert stored == ["test_greets", "test_fails"]


def test_a_python_test_learns_its_mistakes(project: PytestProject) -> None:
    """A wrong prompt, variable or check name is one clear message."""
    project.write(
        "tests/test_wrong.py",
        "def test_prompt(evalkit):\n    evalkit.ask('helo:v1', customer='Ana')\n\n"
        "def test_variable(evalkit):\n    evalkit.ask('hello:v1', custmer='Ana')\n\n"
        "def test_check(evalkit):\n    evalkit.ask('hello:v1', customer='Ana').check('contians', 'x')\n",
    )
    result = project.run_here("tests")
    result.assert_outcomes(failed=3)
    for text in ("did you mean 'hello'", "customer", "did you mean 'contains'"):
        assert text in result.stdout.str()
