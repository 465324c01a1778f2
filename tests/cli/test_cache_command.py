"""evalkit cache: what is stored for a test, and what makes a request that has no answer different."""

from __future__ import annotations

import pytest
from fakes.batch_server import BatchServer
from fakes.eval_project import cases
from fakes.llm_server import LLMServer, error

VERDICT = '{"reason": "it is kind", "pass": true}'
SUITE = f"suite: hello\nprompt: hello:v1\n{cases('Ana', 'Ben')}\nchecks: [contains: Hello]\n"
ANA = "suites/hello.yaml::ana"


@pytest.fixture
def live(project, monkeypatch):
    """A project whose two cases were answered live."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789")
    with LLMServer(lambda asked: VERDICT if "judge" in str(asked.body) else "Hello") as server:
        project.live(server.url)
        project.suite(SUITE)
        assert project.evalkit("run").code == 0
        project.server = server
        yield project


def test_a_stored_request_names_the_run_it_came_from(live) -> None:
    """Exit code 0, the run's id, and nothing is called."""
    run = next((live.root / "reports" / "journal").iterdir()).name
    said = live.evalkit("cache", "explain", ANA)
    assert said.code == 0
    assert "✓ stored: an answer of " in said.out
    assert run in said.out
    assert len(live.server.requests) == 2


def test_a_miss_names_every_field_that_differs(live) -> None:
    """Another word in the prompt and another temperature: place, character, before and after, against the same case's request."""
    text = (
        (live.root / "prompts/hello/v1.j2")
        .read_text()
        .replace("Be kind", "Be rude")
        .replace("mini}", "mini, temperature: 0.2}")
    )
    live.write("prompts/hello/v1.j2", text)
    said = live.evalkit("cache", "explain", ANA)
    assert said.code == 1
    assert "✗ no answer: nearest is an answer of " in said.out
    assert "messages[0].content of the system differs at character 4: 'Be kind.' → 'Be rude.'" in said.out
    assert "params.temperature not set → 0.2" in said.out
    assert len(live.server.requests) == 2


def test_another_address_is_another_request(live) -> None:
    """The cache goes by the endpoint too, and says so."""
    config = live.root / "pyproject.toml"
    config.write_text(config.read_text().replace("/v1", "/v2"))
    said = live.evalkit("cache", "explain", ANA)
    assert said.code == 1
    assert "endpoint" in said.out
    assert "/v2" in said.out


def test_what_a_judge_would_ask_is_explained_too(live) -> None:
    """The answer is stored, the judge's question about it is not; afterwards both are."""
    live.suite(
        SUITE.replace("[contains: Hello]", "[contains: Hello, rubric: {ask: judge kindness, model: openai/gpt-5}]")
    )
    before = live.evalkit("cache", "explain", ANA)
    assert before.code == 1
    assert (before.out.count("✓ stored"), before.out.count("✗ no answer")) == (1, 1)
    assert "asked by rubric (openai/gpt-5, request " in before.out
    live.evalkit("run")
    after = live.evalkit("cache", "explain", ANA)
    assert (after.code, after.out.count("✓ stored")) == (0, 2)


def test_recordings_are_looked_in_when_asked(live) -> None:
    """A request that the cache has may be missing in the recordings, which is what a replay needs."""
    missing = live.evalkit("cache", "explain", ANA, "--against", "recordings")
    assert missing.code == 1
    assert "there are no recordings" in missing.out
    live.evalkit("run", "--record")
    assert live.evalkit("cache", "explain", ANA, "--against", "recordings").code == 0


def test_a_request_that_failed_says_how(live) -> None:
    """Not the nearest answer but the failure of the very same request is the reason; its key finds it too."""
    live.server._script = lambda asked: error(400, "no such tool")
    live.prompt("v1", tone="odd", model="openai/gpt-5-mini")
    assert live.evalkit("run").code == 3
    said = live.evalkit("cache", "explain", ANA)
    assert "it failed: bad_request" in said.out
    key = said.out.partition("request ")[2][:12]
    by_key = live.evalkit("cache", "explain", key)
    assert by_key.code == 1
    assert "no such tool" in by_key.out


def test_a_request_in_a_batch_says_so(project, monkeypatch) -> None:
    """It was handed in, so nothing is wrong with it."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789")
    with BatchServer() as server:
        project.live(server.url)
        project.suite(SUITE)
        project.evalkit("run", "--mode", "batch")
        assert f"it waits in the batch {next(iter(server.batches))}" in project.evalkit("cache", "explain", ANA).out


@pytest.mark.parametrize("what", ["nonsense", "suites/none.yaml::ana", "suites/hello.yaml::anna", "0123456789ab"])
def test_what_does_not_exist_is_a_usage_error(live, what) -> None:
    """Exit code 2 and a hint."""
    said = live.evalkit("cache", "explain", what)
    assert said.code == 2
    assert "hint:" in said.err


def test_stats_are_one_line(live) -> None:
    """How many answers, from when, how big."""
    assert "2 answers from 20" in live.evalkit("cache", "stats").out


def test_stats_of_nothing(project) -> None:
    """An empty project has no answers, and says where they come from."""
    assert "no answers" in project.evalkit("cache", "stats").out
