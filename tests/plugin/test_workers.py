"""Runs that are shared by the workers of xdist: what ends them before a call, what is seen of them, how far they ask ahead."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from fakes.eval_project import cases
from fakes.llm_server import LLMServer
from fakes.screen import Screen
from fakes.terminal import on_a_terminal

from evalkit.pytest_plugin import progress

if TYPE_CHECKING:
    from fakes.eval_project import PytestProject

SUITE = f"suite: hello\nprompt: hello:v1\n{cases('Ana', 'Bo', 'Cy')}\nchecks: [contains: Hello]\n"
MANY = f"suite: many\nprompt: hello:v1\n{cases(*(f'N{n}' for n in range(20)))}\nchecks: [contains: Hello]\n"
KEY = "sk-test-0123456789"


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with LLMServer(lambda asked: "Hello") as server:
        yield server


def test_a_missing_key_is_a_usage_error_before_the_first_call(project: PytestProject, server, monkeypatch) -> None:
    """One message and pytest's code for usage, as without workers; no run is left behind."""
    monkeypatch.delenv("OPENAI_API_KEY")
    project.live(server.url)
    project.configure()
    project.suite(SUITE)
    result = project.run_here("suites", "-n", "2")
    assert result.ret == 4
    assert result.stderr.str().count("OPENAI_API_KEY is not set") == 1
    assert "crashed" not in result.stdout.str()
    assert not (project.root / "reports" / "journal").exists()


def test_batch_mode_of_the_project_is_refused_too(project: PytestProject, server) -> None:
    """The option is refused at once; the setting as soon as a worker reads it. Nothing is handed in."""
    project.live(server.url, mode="batch")
    project.suite(SUITE)
    result = project.run_here("suites", "-n", "2")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*batch mode cannot be shared by workers*", "*run without -n*"])
    assert not server.requests
    assert not (project.root / "reports" / "journal").exists()


def test_a_store_that_cannot_be_opened_ends_the_run_with_its_reason(project: PytestProject, server) -> None:
    """Nothing was measured: 3, and what is in the way is named."""
    project.live(server.url)
    project.suite(SUITE)
    project.write("reports", "a file")
    result = project.run_here("suites", "-n", "2")
    assert result.ret == 3
    assert "reports" in result.stdout.str() + result.stderr.str()
    assert "crashed" not in result.stdout.str()
    assert not server.requests


@pytest.mark.parametrize(("words", "asked", "code"), [((), 0, 2), (("--continue-on-collection-errors",), 3, 1)])
def test_a_broken_suite_stops_the_good_ones(project: PytestProject, server, words, asked, code) -> None:
    """Nothing is paid while a suite beside it has a mistake, unless the user says that this is fine."""
    project.live(server.url)
    project.suite(SUITE)
    project.suite(SUITE.replace("prompt: hello:v1", "promt: hello:v1"), name="typo")
    result = project.run_here("suites", "-n", "2", *words)
    result.stdout.fnmatch_lines(["*unknown key *promt* in a suite*"])
    assert (result.ret, len(server.requests)) == (code, asked)
    if not words:
        result.stdout.fnmatch_lines(["*Interrupted: 1 error during collection*"])


def test_the_status_line_adds_up_what_the_workers_tell(project: PytestProject, monkeypatch) -> None:
    """Both workers' calls stand in one line below the dots; afterwards the screen looks as if there had been none."""
    seen = threading.Event()
    with LLMServer(lambda asked: "Hello" if seen.wait(100) else "late") as server:
        project.live(server.url)
        project.suite(SUITE)
        text = on_a_terminal(
            project, "-n", "2", until="evalkit: 0/3 done, 3 in flight", then=seen.set, OPENAI_API_KEY=KEY
        )
    assert text.rindex("\x1b[J") > text.rindex("/3 done")
    rows = Screen(80).feed(text).rows
    assert not [row for row in rows if "/3 done" in row]
    assert any("3 passed" in row for row in rows)
    assert [row.split() for row in rows if row.startswith("...")] == [["...", "[100%]"]]


def test_plain_lines_tell_of_workers_too(project: PytestProject, monkeypatch) -> None:
    """Without a terminal, lines of their own, up to the answers that end the wait; none with the option off."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setattr(progress, "PLAIN_S", 0.05)
    arrived = threading.Barrier(3)
    with LLMServer(lambda asked: "Hello" if arrived.wait(100) >= 0 else "") as server:
        project.live(server.url)
        project.suite(SUITE)
        lines = project.run_here("suites", "-n", "2").stdout.lines
        assert [row for row in lines if row.startswith("evalkit: ") and "/3 done" in row]
        project.run_here("suites", "-n", "2", "--evalkit-progress", "off").stdout.no_fnmatch_line("*3 done*")


def test_a_worker_asks_for_what_xdist_has_handed_to_it(project: PytestProject, monkeypatch) -> None:
    """Not for one case after the other: four are at the server at once before the first is answered; with -x no more than two."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    arrived = threading.Semaphore(0)
    asked = []

    def answer(one):
        asked.append(one)
        if len(asked) == 4:
            arrived.release(1000)
        arrived.acquire(timeout=100)
        return "Hello"

    with LLMServer(answer) as server:
        project.live(server.url)
        project.suite(MANY)
        project.run_here("suites", "-n", "1").assert_outcomes(passed=20)
        assert server.peak >= 4
        assert len(server.requests) == 20
    with LLMServer(lambda asked: "Bye") as server:
        project.live(server.url, mode="live")
        project.run_here("suites", "-n", "1", "-x").assert_outcomes(failed=1)
        assert len(server.requests) <= 3


def test_workers_share_a_ceiling_and_say_so(project: PytestProject, server) -> None:
    """Three calls for two workers are two and one; whoever needs more is told that he had a part."""
    project.live(server.url)
    project.suite(MANY)
    result = project.run_here("suites", "-n", "2", "--max-calls", "3")
    assert (result.ret, len(server.requests)) == (3, 3)
    result.stdout.fnmatch_lines(["*the ceiling of * would be passed*the part of one of 2 workers*"])


def test_a_test_in_python_ends_the_session_with_its_reason_too(project: PytestProject, server) -> None:
    """There the engine starts in the middle of a test: a worker that cannot start it has not crashed."""
    project.live(server.url, mode="batch")
    project.write("tests/test_a.py", "def test_a(evalkit):\n    evalkit.ask('hello:v1', customer='Ana')\n")
    result = project.run_here("tests", "-n", "1")
    assert result.ret == 2
    assert "batch mode cannot be shared by workers" in result.stdout.str() + result.stderr.str()
    assert "crashed" not in result.stdout.str()
