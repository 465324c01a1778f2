"""`evalkit check`: one check on one text, with an exit code that a script can read."""

from __future__ import annotations

import io
import json
import sys

import pytest

ANSWER = "Hello Ana,\nwrite to ana@example.org about order A-1001.\n"


@pytest.fixture
def tried(project):
    """Try a check on a text in a file."""

    def run(check: str, *words: str, text: str = ANSWER):
        project.write("answer.txt", text)
        return project.evalkit("check", check, "answer.txt", *words)

    return run


@pytest.mark.parametrize(
    ("check", "code", "told"),
    [
        ("contains: Hello", 0, "pass: contains: found 'Hello'"),
        ("contains: Goodbye", 1, "fail: contains: "),
        ("not: {contains: Hello}", 1, "fail: not contains: must not hold, but does"),
        ("any_of: [{contains: Goodbye}, {regex: 'A-\\d+'}]", 0, "pass: any_of(contains, regex)"),
        ("json", 1, "fail: json: "),
        ("cost_usd: {max: 1}", 3, "error: cost_usd: "),
    ],
)
def test_the_verdict_is_the_exit_code(tried, check, code, told):
    """0 passes, 1 fails, 3 could not judge: a call that was never made has no price."""
    ran = tried(check)
    assert (ran.code, ran.err) == (code, "")
    assert ran.out.startswith(told)


@pytest.mark.parametrize(
    ("check", "told"),
    [
        ("contians: Hello", "did you mean 'contains'"),
        ("contains:Hello", "write a blank after the colon: `contains: Hello`"),
        ("contains: {al: [x]}", "unknown parameter 'al'"),
        ("contains: [", "error: CHECK: not valid YAML"),
        ("contains: {al: [x], an: 1}", "2 mistakes\nCHECK: contains: "),
        ("regex: x\nother: [", "error: CHECK:2: not valid YAML"),
        ("", "a check is empty"),
        ("{contains: a, json: true}", "a check has one name"),
        ("contains: '{{ nobody }}'", "nobody"),
    ],
)
def test_a_check_that_is_wrong_is_a_usage_error(tried, check, told):
    """The same words as for a suite, and exit code 2."""
    ran = tried(check)
    assert (ran.code, ran.out) == (2, "")
    assert told in ran.err


def test_the_text_comes_from_the_standard_input(project, monkeypatch):
    """One line end at its end does not count, of either kind; more are part of the text."""
    for data, code in ((b"hi\n", 0), (b"hi\r\n", 0), (b"hi", 0), (b"hi\n\n", 1)):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), encoding="utf-8"))
        assert project.evalkit("check", r"regex: {pattern: '\Ahi\z'}").code == code
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"h\xff"), encoding="utf-8"))
    ran = project.evalkit("check", "contains: h")
    assert ran.code == 2
    assert "byte 1 is 0xff" in ran.err


def test_a_path_that_does_not_exist_is_named(project):
    """Before anything is judged."""
    ran = project.evalkit("check", "contains: x", "nothing.txt")
    assert ran.code == 2
    assert "nothing.txt" in ran.err


def test_json_carries_the_whole_verdict(tried):
    """For scripts: status, reason, score, spans, detail."""
    ran = tried("similarity: {to: 'Hello Ben', min: 0.1}", "--json", text="Hello Ana\n")
    verdict = json.loads(ran.out)
    assert verdict["status"] == "pass"
    assert verdict["score"] == pytest.approx(6 / 9)
    assert json.loads(tried("contains: Hello", "--json").out)["spans"] == [[0, 5]]


def test_variables_and_expectations_reach_the_check(tried):
    """As JSON or YAML; expressions keep their types."""
    assert tried("contains: '{{ name }}'", "--vars", "{name: Ana}").code == 0
    assert tried("contains: '{{ expect.name }}'", "--expect", '{"name": "Ben"}').code == 1
    assert tried("length: {words: {max: '{{ limit }}'}}", "--vars", "{limit: 3}").code == 1
    wrong = tried("contains: x", "--vars", "Ana")
    assert wrong.code == 2
    assert "--vars is not a mapping" in wrong.err


def test_evidence_is_shown_but_not_what_safety_found(tried):
    """A log is no place for the address that a check complains about."""
    assert "characters 0 to 5: Hello" in tried("contains: Hello").out
    ran = tried("pii")
    assert ran.code == 1
    assert "ana@example.org" not in ran.out
    assert "characters 20 to 35" in ran.out


def test_hostile_text_reaches_the_terminal_cleaned(tried):
    """No escape sequence of an answer is printed."""
    ran = tried("contains: Hello", text="x \x1b[31m Hello\n")
    assert "\x1b" not in tried("equals: Hello", text="x \x1b[31m Hello\n").out
    assert ran.code == 0


JUDGE = """
[tool.evalkit.providers.judge]
kind = "scripted"
answers = {{default = {answer}}}
"""
RUBRIC = "rubric: {ask: 'Kind?', model: judge/j}"


@pytest.fixture
def judge(project):
    """A project whose judge says what it is told to say."""

    def configured(reply: object) -> None:
        with (project.root / "pyproject.toml").open("a", encoding="utf-8") as file:
            file.write(JUDGE.format(answer=json.dumps(json.dumps(reply))))

    return configured


def test_a_judge_is_not_asked_without_a_word(judge, tried, project):
    """It costs money: refused, with how many questions there would be."""
    judge({"reason": "warm", "pass": True})
    ran = tried(RUBRIC)
    assert ran.code == 2
    assert "rubric asks judge/j (calls: 1)" in ran.err
    assert "--live" in ran.err
    asked = tried(RUBRIC, "--live")
    assert (asked.code, asked.out.strip().split("\n")[0]) == (0, "pass: rubric: yes: warm")
    assert not (project.root / "reports").exists(), "what is tried out is no run"


def test_a_judge_that_cannot_be_read_could_not_judge(judge, tried):
    """Exit code 3, as in a run."""
    judge("pass!")
    ran = tried(RUBRIC, "--live")
    assert ran.code == 3
    assert "error: rubric: " in ran.out


def test_a_check_of_ones_own_is_tried_with_its_traceback(project, tried):
    """The module that pyproject.toml names is imported; what it raises is shown line by line."""
    project.write(
        "own_tried.py", "import evalkit\n\n@evalkit.check('odd')\ndef odd(answer: str) -> bool:\n    return 1 / 0\n"
    )
    project.configure(check_modules=["own_tried"])
    from evalkit.checks.catalog import CHECKS

    before = dict(CHECKS._things)
    try:
        ran = tried("odd")
    finally:
        CHECKS._things = before
    assert ran.code == 3
    assert "the check raised ZeroDivisionError: division by zero (own_tried.py:5)" in ran.out
    assert "own_tried.py:5 in odd: return 1 / 0" in ran.out


@pytest.mark.parametrize("words", [["contians: Hello"], ["contains: Hello", "--vars", "[1]"]])
def test_a_mistake_on_the_command_line_does_not_wait_for_the_text(project, monkeypatch, words):
    """Nobody types an answer into a terminal only to read that there is no such check."""

    class Keyboard:
        @property
        def buffer(self):
            raise AssertionError("the text was read first")

    monkeypatch.setattr(sys, "stdin", Keyboard())
    assert project.evalkit("check", *words).code == 2
