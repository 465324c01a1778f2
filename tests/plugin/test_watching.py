"""Watching a run: the status line on a real terminal, plain lines elsewhere, the log of events."""

from __future__ import annotations

import json
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from fakes.eval_project import cases
from fakes.llm_server import LLMServer
from fakes.screen import Screen
from fakes.terminal import on_a_terminal

from evalkit.harness.watching.progress import line as whole_line
from evalkit.harness.watching.telemetry import Telemetry
from evalkit.pytest_plugin import progress

if TYPE_CHECKING:
    from fakes.eval_project import PytestProject

    from evalkit.harness.watching.progress import Progress

SUITE = f"suite: hello\nprompt: hello:v1\n{cases('Ana', 'Bo', 'Cy')}\nchecks: [contains: Hello]\n"
KEY = "sk-test-0123456789"


@pytest.mark.parametrize("words", [(), ("-v",), ("-q", "-s")], ids=["letters", "verbose", "quiet"])
def test_a_status_line_stands_below_the_dots_while_pytest_waits_and_leaves_no_trace(
    project: PytestProject, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    """The first answer comes only after the line was seen; afterwards the screen looks as if there had been none. NO_COLOR is obeyed."""
    monkeypatch.setenv("NO_COLOR", "1" if "-q" in words else "")
    seen = threading.Event()
    with LLMServer(lambda asked: "Hello" if seen.wait(30) else "late") as server:
        project.live(server.url)
        project.suite(SUITE)
        text = on_a_terminal(project, *words, until="evalkit: 0/3 done", then=seen.set, OPENAI_API_KEY=KEY)
    assert text.rindex("\x1b[J") > text.rindex("/3 done"), "it is taken away before pytest goes on"
    assert ("\x1b[2m" in text) == ("-q" not in words)
    rows = Screen(80).feed(text).rows
    assert not [row for row in rows if "/3 done" in row]
    assert any("3 passed" in row for row in rows)
    if not words:
        (dots,) = [row for row in rows if row.startswith("suites/hello.yaml")]
        assert dots.split() == ["suites/hello.yaml", "...", "[100%]"]
    if words == ("-v",):
        assert sum("PASSED" in row and "::" in row for row in rows) == 3


@pytest.mark.parametrize("words", [(), ("-v",), ("-q",)], ids=["letters", "verbose", "quiet"])
def test_plain_lines_do_not_break_pytests_own(
    project: PytestProject, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    """The first answer comes when a line was written. Without such lines the output is pytest's: letters, or a name and a word."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    written = threading.Event()

    def line(now: Progress, width: int) -> str:
        written.set()
        return whole_line(now, width)

    with LLMServer(lambda asked: "Hello" if written.wait(30) else "late") as server:
        project.live(server.url)
        project.suite(SUITE)
        monkeypatch.setattr(progress, "line", line)
        monkeypatch.setattr(progress, "PLAIN_S", 0.05)
        lines = project.run_here("suites", *words).stdout.lines
    assert [row for row in lines if row.startswith("evalkit: ") and "/3 done" in row]
    rest = [row for row in lines if not row.startswith("evalkit: ")]
    assert not [row for row in rest if "/3 done" in row]
    if words == ("-v",):
        assert sum("hello.yaml::" in row and "PASSED" in row for row in rest) == 3
    else:
        assert "".join(rest).replace("suites/hello.yaml", "").replace(" ", "").count("...") >= 1


@pytest.mark.parametrize("words", [("--evalkit-progress", "off"), ("-qq",)], ids=["off", "qq"])
def test_who_wants_no_progress_gets_none(
    project: PytestProject, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    """Even where each wait would write a line."""
    monkeypatch.setattr(progress, "PLAIN_S", 0.0)
    project.suite(SUITE)
    assert "/3 done" not in project.run_here("suites", *words).stdout.str()


def test_a_run_of_a_moment_writes_no_plain_line(project: PytestProject) -> None:
    """Ten seconds must pass before the first one."""
    project.suite(SUITE)
    assert "/3 done" not in project.run_here("suites").stdout.str()


def test_nothing_is_shown_without_pytests_terminal(project: PytestProject) -> None:
    """``-p no:terminal`` runs as quietly as it asks for."""
    project.suite(SUITE)
    result = project.run("suites", "-p", "no:terminal")
    assert (result.ret, result.stdout.str().strip()) == (0, "")


def test_the_log_tells_the_run(project: PytestProject, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each trial is sent, settled and answered; the lines name the run; no text of prompt or answer is in them."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with LLMServer(lambda asked: "Hello secret words") as server:
        project.live(server.url)
        project.suite(SUITE)
        project.run_here("suites", "--evalkit-log", "logs/events.jsonl").assert_outcomes(passed=3)
    text = (project.root / "logs" / "events.jsonl").read_text("utf-8")
    rows = [json.loads(line) for line in text.splitlines()]
    names = [row["name"] for row in rows]
    assert [names.count(name) for name in ("call.sent", "call.settled", "trial.answered")] == [3, 3, 3]
    assert {row["reason"] for row in rows if row["name"] == "trial.answered"} == {
        f"suites/hello.yaml::{name}[v1-openai/gpt-5-mini]" for name in ("ana", "bo", "cy")
    }
    assert len({row["run"] for row in rows}) == 1
    assert "secret words" not in text
    assert "I am" not in text


def test_the_workers_of_xdist_share_one_log(project: PytestProject) -> None:
    """Two processes append whole lines to the same file, each under its name."""
    project.suite(SUITE)
    project.run_here("suites", "-n", "2", "--evalkit-log", "events.jsonl").assert_outcomes(passed=3)
    rows = [json.loads(line) for line in (project.root / "events.jsonl").read_text("utf-8").splitlines()]
    assert sum(row["name"] == "trial.answered" for row in rows) == 3
    assert {row["worker"] for row in rows} <= {"gw0", "gw1"}
    assert len({row["run"] for row in rows}) == 1


def test_a_log_that_cannot_be_written_stops_before_any_call(
    project: PytestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pytest's code for usage and one message; the server is not asked."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with LLMServer(lambda asked: "Hello") as server:
        project.live(server.url)
        project.suite(SUITE)
        result = project.run_here("suites", "--evalkit-log", "suites")
        assert result.ret == 4
        result.stderr.fnmatch_lines(["*cannot write the event log*"])
        assert not server.requests


def test_telemetry_is_only_switched_on_by_hand(project: PytestProject, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the option the run works and exports as the variables say; without the extra it stops before any call, with 4."""
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "none")
    monkeypatch.setenv("OTEL_METRICS_EXPORTER", "none")
    told: list[str] = []
    monkeypatch.setenv("OTEL_LOGS_EXPORTER", "none")
    monkeypatch.setattr(Telemetry, "judged", lambda self, result: told.extend(one.check for one in result.verdicts))
    project.suite(SUITE)
    project.run_here("suites", "--evalkit-otel").assert_outcomes(passed=3)
    assert told == ["contains"] * 3
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    project.run_here("suites").assert_outcomes(passed=3)
    result = project.run_here("suites", "--evalkit-otel")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*needs the package 'opentelemetry-sdk'*"])
