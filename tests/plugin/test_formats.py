"""The whole format, end to end: Parquet rows, git revisions, grids, expectations, structured output, tool calls and judges."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import duckdb
from fakes.eval_project import cases
from fakes.llm_server import LLMServer, Reply, chat

if TYPE_CHECKING:
    import pytest
    from fakes.eval_project import PytestProject as Project
    from fakes.llm_server import Asked


def git(project: Project, *words: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", *identity, *words], cwd=project.root, check=True, capture_output=True)


def live(project: Project, server: LLMServer, monkeypatch: pytest.MonkeyPatch, **options: str) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789")
    lines = ["[tool.evalkit.providers.openai]", f'base_url = "{server.url}/v1"']
    lines += [f"{key} = {json.dumps(value)}" for key, value in options.items()]
    project.write("pyproject.toml", "\n".join(lines))


def test_rows_come_from_parquet(project: Project) -> None:
    """Columns become variables, expectations, tags and ids, and an expectation is usable in a check with its type."""
    (project.root / "suites" / "data").mkdir(parents=True)
    path = project.root / "suites" / "data" / "rows.parquet"
    duckdb.sql(
        "select * from (values ('a', 'Ana', 'Hello', 5), ('b', 'Bob', 'Hello', 5)) t(id, customer, \"expect.word\", \"expect.letters\")"
    ).to_parquet(str(path))
    project.suite(
        "suite: hello\nprompt: hello:v1\ncases:\n  - file: data/rows.parquet\n"
        "checks:\n  - contains: '{{ expect.word }}'\n  - length: {words: {max: '{{ expect.letters }}'}}\n"
    )
    project.run_here("suites").assert_outcomes(passed=2)


def test_a_variant_may_stand_at_a_git_revision(project: Project) -> None:
    """The working tree against the last commit, without inventing a version number; the store keeps both texts."""
    git(project, "init", "-q")
    git(project, "add", ".")
    git(project, "commit", "-qm", "before")
    project.prompt("v1", tone="rude")
    project.suite(
        "suite: hello\nvariants:\n  before: {prompt: hello:v1, at: HEAD}\n  now: {prompt: hello:v1}\n"
        f"{cases('Ana')}\nchecks: [contains: Hello]\n"
    )
    project.run_here("suites").assert_outcomes(passed=2)
    texts = {
        record["prompt"].get("at"): next(iter(record["prompt"]["sources"].values()))
        for record in project.journal()
        if record["t"] == "prompt"
    }
    assert "kind" in texts["HEAD"]
    assert "rude" in texts[None]


def test_a_grid_multiplies_and_names_its_cells(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every parameter value is sent, and is part of the id."""
    with LLMServer(lambda asked: "Hello") as server:
        live(project, server, monkeypatch)
        project.prompt("v1", tone="kind", model="openai/gpt-4.1")
        project.suite(
            f"suite: hello\nprompt: hello:v1\ngrid: {{temperature: [0, 0.7]}}\n{cases('Ana')}\nchecks: [contains: Hello]\n"
        )
        project.run_here("suites").assert_outcomes(passed=2)
        project.run_here("suites", "-k", "temperature:0.7").assert_outcomes(passed=1, deselected=1)
        assert sorted(request.body["temperature"] for request in server.requests) == [0, 0.7]


def test_an_output_schema_is_sent_and_checked(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """``output:`` asks for structured output and adds the check, without a line in the suite."""
    schema = {
        "type": "object",
        "properties": {"n": {"type": "integer"}},
        "required": ["n"],
        "additionalProperties": False,
    }
    project.write("schemas/n.json", json.dumps(schema))
    project.write(
        "prompts/count/v1.j2",
        "---\noutput: schemas/n.json\ndefaults: {model: openai/gpt-5-mini}\n---\n{% user %}Count {{ what }}.{% enduser %}\n",
    )
    project.suite(
        "suite: count\nprompt: count:v1\ncases:\n  - {id: good, vars: {what: sheep}}\n  - {id: bad, vars: {what: wolves}}\n"
        "checks:\n  - number: {select: $.n, equals: 3}\n"
    )
    with LLMServer(lambda asked: '{"n": 3}' if "sheep" in asked.question else '{"n": "3"}') as server:
        live(project, server, monkeypatch)
        result = project.run_here("suites")
        result.assert_outcomes(passed=1, failed=1)
        result.stdout.fnmatch_lines(["*json_schema*"])
        assert all("json_schema" in request.body["response_format"] for request in server.requests)


def test_tools_are_offered_and_calls_are_checked(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Front matter offers a tool; a check looks at the call."""
    project.write(
        "prompts/find/v1.j2",
        "---\ndefaults: {model: openai/gpt-5-mini}\ntools:\n  - name: lookup\n    description: Finds an order.\n"
        "    parameters: {type: object, properties: {id: {type: string}}, required: [id]}\n---\n{% user %}{{ text }}{% enduser %}\n",
    )
    project.suite(
        "suite: find\nprompt: find:v1\ncases: [{id: a, vars: {text: Where is A-1}}]\nchecks:\n  - tool_called: lookup\n"
    )
    call = {"id": "c1", "type": "function", "function": {"name": "lookup", "arguments": '{"id": "A-1"}'}}

    def script(asked: Asked) -> Reply:
        assert asked.body["tools"][0]["function"]["name"] == "lookup"
        return Reply(chat(None, finish="tool_calls", tool_calls=[call]))

    with LLMServer(script) as server:
        live(project, server, monkeypatch)
        project.run_here("suites").assert_outcomes(passed=1)


def test_a_judge_is_asked_through_the_same_engine_and_cached(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """One call for the answer and one for its judge; the second run pays for neither. A rambling judge is an error."""

    def script(asked: Asked) -> str:
        if asked.body["model"] != "judge":
            return "Hello"
        return "I would say yes" if "Bob" in json.dumps(asked.body) else '{"pass": true, "reason": "kind"}'

    with LLMServer(script) as server:
        live(project, server, monkeypatch)
        project.prompt("v1", tone="kind", model="openai/gpt-5-mini")
        judge = "checks:\n  - rubric: {ask: Is it kind?, model: openai/judge}\n"
        project.suite(f"suite: hello\nprompt: hello:v1\n{cases('Ana')}\n{judge}")
        project.run_here("suites").assert_outcomes(passed=1)
        assert [request.body["model"] for request in server.requests] == ["gpt-5-mini", "judge"]
        project.run_here("suites").assert_outcomes(passed=1)
        assert len(server.requests) == 2
        project.suite(f"suite: hello\nprompt: hello:v1\n{cases('Ana', 'Bob')}\n{judge}")
        rambling = project.run_here("suites")
        rambling.stdout.fnmatch_lines(["*1/2 (errors 1, skipped 0)*"])
        assert rambling.ret == 3
