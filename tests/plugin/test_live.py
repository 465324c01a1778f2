"""Real SDKs against a server on loopback: concurrency, cache, resume after a kill, and money."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from fakes.eval_project import cases
from fakes.llm_server import LLMServer, error

if TYPE_CHECKING:
    from fakes.eval_project import PytestProject
    from fakes.llm_server import Asked

NAMES = [f"N{number}" for number in range(60)]
SUITE = f"suite: hello\nprompt: hello:v1\n{cases(*NAMES)}\nchecks: [contains: Hello]\n"


def live_project(project: PytestProject, server: LLMServer, **settings: object) -> None:
    project.prompt("v1", tone="kind", model="openai/gpt-5-mini")
    project.suite(SUITE)
    project.configure(**settings)
    config = project.root / "pyproject.toml"
    config.write_text(
        config.read_text() + f'\n[tool.evalkit.providers.openai]\nbase_url = "{server.url}/v1"\n', encoding="utf-8"
    )


def test_an_answer_is_paid_once(project: PytestProject, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second run is served from the cache; a third with ``refresh`` pays again."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789")
    with LLMServer(lambda asked: "Hello") as server:
        live_project(project, server)
        project.run_here("suites").stdout.fnmatch_lines(["*60 paid*"])
        second = project.run_here("suites")
        second.stdout.fnmatch_lines(["*0 paid*60 from cache*"])
        assert len(server.requests) == 60
        project.run_here("suites", "--evalkit-mode", "refresh", "-k", "n1").stdout.fnmatch_lines(["*11 paid*"])
        assert len(server.requests) == 71


def test_cases_are_asked_together_without_xdist(project: PytestProject, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that answers only when 20 requests are in flight at once would never answer a serial runner."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789")
    together = threading.Barrier(20, timeout=30)

    def script(asked: Asked) -> str:
        del asked
        together.wait()
        return "Hello"

    with LLMServer(script) as server:
        live_project(project, server)
        project.run_here("suites", "--evalkit-concurrency", "20").assert_outcomes(passed=60)


def test_a_wrong_key_is_one_message_and_few_requests(project: PytestProject, monkeypatch: pytest.MonkeyPatch) -> None:
    """401 stops the session; nobody asks 60 times with a bad key, and the key is not printed."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789")
    with LLMServer(lambda asked: error(401, "Incorrect API key provided: sk-test-0123456789")) as server:
        live_project(project, server, concurrency=4)
        result = project.run_here("suites")
        assert result.ret == 3
        assert len(server.requests) <= 4
        text = result.stdout.str()
        assert "auth" in text
        assert "sk-test-0123456789" not in text


def test_a_missing_key_costs_no_request(project: PytestProject) -> None:
    """Without a key the run stops at once and says what to do."""
    with LLMServer(lambda asked: "Hello") as server:
        project.prompt("v1", tone="kind", model="anthropic/claude-sonnet-5")
        project.suite(SUITE)
        result = project.run_here("suites")
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        assert server.requests == []
        result.stderr.fnmatch_lines(["*ANTHROPIC_API_KEY is not set*", "*hint: export it*"])
        assert not (project.root / "reports" / "journal").exists()


def test_a_parameter_that_the_provider_refuses_is_found_at_collection(project: PytestProject) -> None:
    """Today's Anthropic API takes no temperature: said with the line, before any call."""
    project.prompt("v1", tone="kind", model="anthropic/claude-sonnet-5")
    project.suite(SUITE + "params: {temperature: 0}\n")
    result = project.run_here("suites")
    assert result.ret == 2
    result.stdout.fnmatch_lines(["*suites/hello.yaml:*temperature*"])


def test_the_ceiling_stops_the_bill(project: PytestProject, monkeypatch: pytest.MonkeyPatch) -> None:
    """--max-cost 0 makes no call at all, and every case is an error, not a pass; each says so in one line that ends in what to do."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789")
    with LLMServer(lambda asked: "Hello") as server:
        live_project(project, server)
        result = project.run_here("suites", "--max-cost", "0")
        assert server.requests == []
        assert result.ret == 3
        result.assert_outcomes(errors=60)
        result.stdout.fnmatch_lines([
            "suites/hello.yaml:*: not asked: the ceiling of $0*; raise --max-cost*",
            "ERROR *budget*",
        ])
        assert "prompt   hello:v1" not in result.stdout.str()


def test_a_ceiling_without_a_price_is_one_message(project: PytestProject, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unknown is not zero: nothing is called, and what to write into pyproject.toml is said once."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789")
    with LLMServer(lambda asked: "Hello") as server:
        live_project(project, server)
        project.prompt("v1", tone="kind", model="openai/nobody-knows-1")
        result = project.run_here("suites", "--max-cost", "1")
        assert (result.ret, server.requests) == (pytest.ExitCode.USAGE_ERROR, [])
        text = result.stdout.str() + result.stderr.str()
        assert text.count('[tool.evalkit.prices."openai/nobody-knows-1"]') == 1


def test_a_damaged_recording_is_found_before_anything_is_paid(
    project: PytestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--evalkit-record would add to it, which would hide the damage."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789")
    with LLMServer(lambda asked: "Hello") as server:
        live_project(project, server)
        project.write("suites/recordings/hello.jsonl", '{"model": "openai/gpt-5-mini", "requ')
        assert project.run_here("suites", "--evalkit-record").ret == 3
        assert server.requests == []


def test_recordings_replay_what_was_live(project: PytestProject, monkeypatch: pytest.MonkeyPatch) -> None:
    """--evalkit-record writes a readable recording; replay needs neither key nor server; another prompt misses and says why."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789")
    with LLMServer(lambda asked: "Hello") as server:
        live_project(project, server)
        project.run_here("suites", "--evalkit-record").assert_outcomes(passed=60)
    monkeypatch.delenv("OPENAI_API_KEY")
    recording = project.root / "suites" / "recordings" / "hello.jsonl"
    lines = [json.loads(line) for line in recording.read_text(encoding="utf-8").splitlines()]
    assert len(lines) == 60
    replay = project.run_here("suites", "--evalkit-mode", "replay")
    replay.assert_outcomes(passed=60)
    replay.stdout.fnmatch_lines(["*0 paid*60 replayed*"])
    project.prompt("v1", tone="rude", model="openai/gpt-5-mini")
    missed = project.run_here("suites", "--evalkit-mode", "replay", "-k", "n59")
    missed.assert_outcomes(errors=1, deselected=59)
    missed.stdout.fnmatch_lines(["*replay_miss*messages*rude*kind*"])


def test_a_killed_run_pays_only_for_what_was_missing(project: PytestProject, monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGKILL half-way; the next run asks only what was not answered, apart from calls in flight."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789")
    half = threading.Event()
    answered: Counter[str] = Counter()

    def script(asked: Asked) -> str:
        answered[asked.question] += 1
        if asked.number == 30:
            half.set()
        return "Hello"

    with LLMServer(script) as server:
        live_project(project, server, concurrency=4)
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", "suites", "-q"],
            cwd=project.root,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=dict(os.environ),
        )
        assert half.wait(60)
        process.send_signal(signal.SIGKILL)
        process.wait(30)
        result = project.run_here("suites")
        result.assert_outcomes(passed=60)
    assert set(answered.values()) <= {1, 2}
    twice = sum(count == 2 for count in answered.values())
    assert twice <= 4, "only calls that were in flight may be asked again"
    assert len(answered) == 60


def test_ctrl_c_keeps_what_was_measured(project: PytestProject, monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGINT ends the session at once, with a report that is marked incomplete."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789")
    some, never = threading.Event(), threading.Event()

    def script(asked: Asked) -> str:
        if asked.number == 20:
            some.set()
        if asked.number >= 20:
            never.wait(20)
        return "Hello"

    with LLMServer(script) as server:
        live_project(project, server, concurrency=4)
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", "suites"],
            cwd=project.root,
            stdout=subprocess.PIPE,
            text=True,
            env=dict(os.environ),
        )
        assert some.wait(60)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
        never.set()
    assert process.returncode == 2
    assert "INCOMPLETE" in output
    assert "report:" in output
