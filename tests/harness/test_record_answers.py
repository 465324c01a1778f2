"""Recording a run: what is written, what is not, and that it answers again."""

from __future__ import annotations

import pytest
from fakes.llm_server import LLMServer, error

SECRET = "tok-9f8e7d6c5b4a"
FAKE_KEY = "AKIAIOSFODNN7EXAMPLE"
SUITE = f"""
suite: hello
prompt: hello:v1
cases:
  - {{id: a, vars: {{customer: "{SECRET} and {FAKE_KEY}"}}}}
  - {{id: b, vars: {{customer: Bob}}}}
checks: [contains: Hello]
"""


@pytest.fixture
def recorded(project, monkeypatch):
    """A run that was recorded, of a case that holds secrets and a model that repeats one; returns the recording."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789")
    monkeypatch.setenv("SHOP_TOKEN", SECRET)
    project.suite(SUITE)
    with LLMServer(lambda asked: f"Hello {SECRET} {asked.headers['authorization']}") as server:
        project.live(server.url)
        ran = project.evalkit("run", "--record")
        assert ran.code == 0, ran.out
        assert project.evalkit("run", "--record").code == 0
    return project.root / "suites" / "recordings" / "hello.jsonl"


def test_a_recording_holds_no_secret(recorded):
    """Neither from the environment nor in the format of a key, in questions, answers and headers."""
    text = recorded.read_text(encoding="utf-8")
    assert SECRET not in text
    assert FAKE_KEY not in text
    assert "sk-test" not in text
    assert text.count("[REDACTED:SHOP_TOKEN]") >= 3


def test_recording_twice_adds_nothing(recorded):
    """Two cases were recorded by two runs: two lines."""
    assert len(recorded.read_text(encoding="utf-8").splitlines()) == 2


def test_a_case_that_holds_a_secret_is_replayed(project, recorded, monkeypatch):
    """A suite about leaks has texts that look like keys: the recording answers them, on a machine without the keys too."""
    monkeypatch.delenv("OPENAI_API_KEY")
    monkeypatch.delenv("SHOP_TOKEN")
    ran = project.evalkit("run", "--mode", "replay")
    assert ran.code == 0, ran.out
    assert "2 replayed" in ran.out


def test_a_stand_ins_answer_is_recorded_as_its_own(project, monkeypatch):
    """Not as what the silent model had said: in replay its case is a missing recording, which no fallback hides."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789")
    suite = SUITE.replace("checks:", "fallbacks: [openai/spare]\nchecks:")
    project.suite(suite)

    def script(asked):
        return (
            "Hello from the spare"
            if asked.body["model"] == "spare"
            else error(404, "no such model", code="model_not_found")
        )

    with LLMServer(script) as server:
        project.live(server.url)
        assert project.evalkit("run", "--record").code == 0
    recorded = (project.root / "suites" / "recordings" / "hello.jsonl").read_text(encoding="utf-8")
    assert recorded.count("openai/spare") == 2
    assert "openai/gpt-5-mini" not in recorded
    ran = project.evalkit("run", "--mode", "replay")
    assert ran.code == 3
    assert "replay_miss" in ran.out


def test_scripted_and_replayed_answers_are_not_recorded(project):
    """Only what a model said is worth recording."""
    project.suite(SUITE)
    assert project.evalkit("run", "--record").code == 0
    assert not (project.root / "suites" / "recordings").exists()


def test_a_recording_that_cannot_be_written_is_a_problem(project, monkeypatch):
    """Exit 3 and the reason; the run itself is stored, and recording again costs nothing."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789")
    project.suite(SUITE)
    project.write("suites/recordings", "a file where the folder should be")
    with LLMServer(lambda asked: "Hello") as server:
        project.live(server.url)
        first = project.evalkit("run", "--record")
        (project.root / "suites" / "recordings").unlink()
        again = project.evalkit("run", "--record")
        assert len(server.requests) == 2
    assert first.code == 3
    assert "problem: the recordings could not be written" in first.out
    assert again.code == 0
    assert (project.root / "suites" / "recordings" / "hello.jsonl").is_file()
