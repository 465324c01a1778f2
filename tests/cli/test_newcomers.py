"""Mistakes of somebody's first day, many with promptfoo's words: each message says what, where, and what to write instead."""

from __future__ import annotations

import pytest
from fakes.eval_project import cases

PLAIN = f"suite: hello\nprompt: hello:v1\n{cases('Ana', 'Bob')}\nchecks:\n  - contains: Hello\n"


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("checks:", "assert:", ["suites/hello.yaml:6", "'assert'", "did you mean 'checks'?"]),
        ("cases:", "tests:", ["suites/hello.yaml:3", "'tests'", "did you mean 'cases'?"]),
        ("prompt:", "providers: [openai:x]\nprompt:", ["suites/hello.yaml:2", "did you mean 'models'?"]),
        ("prompt:", "models: [openai:chat:gpt-4o]\nprompt:", ["suites/hello.yaml:2", "openai/gpt-4o"]),
        ("prompt:", "models: gpt-4o\nprompt:", ["suites/hello.yaml:2", "as in openai/gpt-5-mini"]),
        ("contains:", "icontains:", ["suites/hello.yaml:7", "did you mean 'contains'?"]),
        ("contains: Hello", "latency: 5", ["suites/hello.yaml:7", "did you mean 'latency_s'?"]),
        ("hello:v1", "hello:v3", ["suites/hello.yaml:2", "'v3'", "prompts/hello/v3.txt is there; rename it to v3.j2"]),
        ("  - contains", " - contains: a\n  - contains", ["suites/hello.yaml:8", "2 columns in and line 7 1"]),
        ("  - contains", "   x\n  - contains", ["suites/hello.yaml:8", "2 columns in and line 7 3"]),
        (
            "  - contains: Hello",
            "  - json\n  contains: Hello",
            ["suites/hello.yaml:8", "each item of a list begins with '- '"],
        ),
        (
            "prompt: hello:v1",
            "prompt: prompts/hello/v1.j2",
            ["suites/hello.yaml:2", "'prompts/hello/v1.j2'", "write hello:v1"],
        ),
        ("prompt: hello:v1", "prompt: hello/v1.j2", ["suites/hello.yaml:2", "'hello/v1.j2'", "write hello:v1"]),
        (
            "prompt: hello:v1",
            "variants: {a: {prompt:hello:v1}}",
            ["suites/hello.yaml:2", "blank after the colon: prompt: hello:v1"],
        ),
        ("cases:", "cases: data/x.csv\nold:", ["suites/hello.yaml:3", "write cases: [{file: data/x.csv}]"]),
        ("cases:", "cases:\n  - data/x.csv", ["suites/hello.yaml:4", "write `- file: data/x.csv`"]),
        ("contains: Hello", "rubric: Kind?", ["suites/hello.yaml:7", "rubric: {ask: …, ", "'evalkit checks rubric'"]),
    ],
)
def test_a_suite_in_other_words_is_answered_in_ours(project, before, after, words):
    """The place, the word that is wrong, and the one that is meant."""
    project.suite(PLAIN.replace(before, after, 1))
    project.write("prompts/hello/v3.txt", "Hello")
    told = project.evalkit("estimate")
    assert told.code == 2
    assert [word for word in words if word not in told.err] == []


@pytest.mark.parametrize(
    ("command", "meant"),
    [("eval", "run"), ("view", "serve"), ("diff", "compare"), ("show", "prompts"), ("runn", "run")],
)
def test_a_command_of_another_tool_names_ours(project, command, meant):
    """Only names that are commands are offered."""
    told = project.evalkit(command)
    assert told.code == 2
    assert f"'{meant}'" in told.err.partition("did you mean")[2].partition("?")[0]


@pytest.mark.parametrize("name", ["hello", "hello:v1", "suites/hello"])
def test_a_suite_is_named_by_its_file(project, name):
    """Its own name, or that of its prompt, is answered with the file."""
    project.suite(PLAIN)
    project.suite(PLAIN.replace("suite: hello", "suite: other"), name="other")
    told = project.evalkit("estimate", name)
    assert told.code == 2
    wanted = "suites/hello.yaml"
    assert f"a suite is named by its file: {wanted}\n" in told.err or f"did you mean '{wanted}'" in told.err


@pytest.mark.parametrize("table", ["tool.evalkits", "tool.eval-kit", "tool.pytest-evalkit", "evalkit", "tool.EvalKit"])
def test_a_table_that_nobody_would_read_is_refused(project, table):
    """It may hold the ceiling: a run without it may cost what it costs."""
    project.suite(PLAIN)
    text = (project.root / "pyproject.toml").read_text()
    project.write("pyproject.toml", f"{text}\n[{table}]\nmax_cost_usd = 1\n")
    told = project.evalkit("estimate")
    assert told.code == 2
    assert f"nobody reads [{table}]" in told.err
    assert f"pyproject.toml:{len(text.splitlines()) + 1}" in told.err
    assert "[tool.evalkit]" in told.err


@pytest.mark.parametrize("table", ["tool.evals", "tool.evalml", "tool.toolkit", "project"])
def test_tables_of_others_are_left_alone(project, table):
    """They are nobody's mistake."""
    project.suite(PLAIN)
    text = (project.root / "pyproject.toml").read_text()
    project.write("pyproject.toml", f"{text}\n[{table}]\nx = 1\n")
    assert project.evalkit("estimate").code == 0


def test_a_project_without_prompts_says_what_to_write(project):
    """There is nothing to be meant: the file to begin with is named."""
    project.suite(PLAIN)
    for path in (project.root / "prompts/hello").iterdir():
        path.unlink()
    told = project.evalkit("estimate")
    assert told.code == 2
    assert (
        "suites/hello.yaml:2: no prompt 'hello'\n  hint: there are none (in prompts/); write prompts/hello/v1.j2"
        in told.err
    )


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("hello", ["there is no hello", "a suite is named by its file: suites/hello.yaml"]),
        ("prompts/hello/v1.j2", ["prompts/hello/v1.j2 is no suite"]),
        ("suites/hello.yaml::anna", ["evalkit run suites/hello.yaml --collect-only -q lists its tests"]),
    ],
)
def test_what_cannot_run_is_answered_with_what_can(project, name, words):
    """A suite's name, a prompt, a case that is not there: pytest alone says "not found"."""
    project.suite(PLAIN)
    told = project.evalkit("run", name)
    assert told.code == 2
    assert [word for word in words if word not in told.err + told.out] == []
