"""A request that no model could read stops the suite before anything is spent; a doubt is a note."""

from __future__ import annotations

import json
import re

import pytest
from fakes.llm_server import LLMServer

import evalkit
from evalkit.errors import ConfigError, SuiteError
from evalkit.harness.api import project as load_project
from evalkit.harness.before.planning import Planner
from evalkit.harness.during.asking import question

WINDOW = '\n[tool.evalkit.models."{model}"]\ncontext_window = {tokens}\n'


def suite(*texts: str, model: str = "openai/gpt-4") -> str:
    rows = [f"  - {{id: c{number}, vars: {{customer: {text}}}}}" for number, text in enumerate(texts)]
    return "\n".join([
        "suite: hello",
        "prompt: hello:v1",
        f"models: [{model}]",
        "cases:",
        *rows,
        "checks: [contains: ello]",
    ])


def window(project, model, tokens):
    with (project.root / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write(WINDOW.format(model=model, tokens=tokens))


def test_a_request_that_is_too_long_is_a_mistake_of_the_suite(project, monkeypatch):
    """The test, its tokens and the window are named with the case's line; nothing is called, also not for the case that would fit."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789")
    project.suite(suite("Ana", "word " * 20_000))
    with LLMServer() as server:
        project.live(server.url)
        with pytest.raises(SuiteError) as caught:
            evalkit.run()
        assert server.requests == []
    message = str(caught.value)
    assert message.startswith("suites/hello.yaml:6: suites/hello.yaml::c1[v1-openai/gpt-4]: the request has 20,0")
    assert "openai/gpt-4 reads at most 8,192" in message
    assert 'tool.evalkit.models."openai/gpt-4"] context_window' in message
    assert not (project.root / "reports").exists()


def test_a_doubt_is_a_note_of_the_run(project, monkeypatch):
    """An estimate a little above the window is sent all the same, and the run says what may go wrong."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789")
    with LLMServer() as server:
        project.live(server.url)
        with (project.root / "pyproject.toml").open("a", encoding="utf-8") as file:
            file.write(f'[tool.evalkit.providers.own]\nkind = "openai"\nbase_url = "{server.url}/v1"\n')
        window(project, "own/m", 1000)
        project.suite(suite("Ana", "word " * 1000, model="own/m"))
        done = evalkit.run()
        assert len(server.requests) == 2
    (note,) = [note for note in done.report.notes if "context window" in note]
    assert re.match(
        r"1 test may not fit the context window of own/m, 1,000 tokens: the longest, suites/hello.yaml::c1\[v1-own/m\], has about 1,2\d\d "
        r"tokens \(estimated\)",
        note,
    )


def test_room_for_the_answer_is_looked_at_too(project):
    """An input that fits beside an answer that may not is a doubt."""
    project.suite(suite("Ana") + "\nparams: {max_output_tokens: 8190}\n")
    plan = Planner(load_project(None)).plan(project.root / "suites/hello.yaml")
    assert "and an answer of up to 8,190" in plan.notes[0]


def test_a_small_window_of_ones_own_is_kept(project):
    """Also for requests that every model of the table could read."""
    window(project, "openai/gpt-4", 10)
    project.suite(suite("Ana " * 30))
    with pytest.raises(SuiteError, match="reads at most 10"):
        evalkit.run()


def test_recordings_and_scripts_read_anything(project):
    """In replay mode nothing is sent, so nothing can be too long."""
    project.suite(suite("word " * 20_000, model="scripted/m"))
    assert evalkit.run().exit_code == 0
    project.suite(suite("word " * 20_000))
    assert evalkit.run(mode="replay").exit_code == 3


def test_many_too_long_cases_are_not_a_wall_of_text(project):
    """Twenty are listed, the rest is counted."""
    window(project, "openai/gpt-4", 10)
    project.suite(suite(*["Ana " * 30] * 25))
    with pytest.raises(SuiteError) as caught:
        evalkit.run()
    assert str(caught.value).count("reads at most") == 20
    assert "… and 5 more tests" in str(caught.value)


def test_a_python_test_is_told_before_its_call(project):
    """What the fixture asks outside a suite is looked at as well."""
    planner = Planner(load_project(None))
    asked = {"prompt": "hello:v1", "params": {}, "test": "t", "path": "tests/test_x.py", "line": 1}
    question(planner, model="openai/gpt-4", vars={"customer": "Ana"}, **asked)
    with pytest.raises(ConfigError, match=r"20,0\d\d tokens, and openai/gpt-4 reads at most 8,192"):
        question(planner, model="openai/gpt-4", vars={"customer": "word " * 20_000}, **asked)


def test_a_schema_is_part_of_the_request(project):
    """What is sent beside the messages counts as well, for every case of the prompt."""
    text = json.dumps({"type": "object", "description": "word " * 3000})
    project.write("schemas/reply.json", text)
    page = (project.root / "prompts/hello/v1.j2").read_text(encoding="utf-8")
    project.write("prompts/hello/v1.j2", page.replace("defaults:", "output: schemas/reply.json\ndefaults:"))
    window(project, "openai/gpt-4", 1000)
    project.suite(suite("Ana", "Bob"))
    with pytest.raises(SuiteError) as caught:
        evalkit.run()
    assert str(caught.value).count("the request has 3,0") == 2
