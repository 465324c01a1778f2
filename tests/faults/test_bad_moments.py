"""Clocks that jump, forks, dead workers, readers that go away, two runs at once: the run goes on and its account is right."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fakes.eval_project import Project, cases
from fakes.llm_server import LLMServer, Reply, default_body

import evalkit
from evalkit.harness.facts import new_run_id
from evalkit.model.calls import CallFailure
from evalkit.providers.failures import retry_after_s
from evalkit.providers.limits import rate_limits
from evalkit.store.database.connection import opened

if TYPE_CHECKING:
    from collections.abc import Iterator

EVALKIT = Path(sys.executable).with_name("evalkit")
NAMES = [f"N{number}" for number in range(12)]
SUITE = f"suite: hello\nprompt: hello:v1\n{cases(*NAMES)}\nchecks: [contains: Hello]\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project with twelve cases; the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789")
    made = Project(tmp_path)
    made.suite(SUITE)
    return made


@pytest.fixture
def server(project: Project) -> Iterator[LLMServer]:
    """A model that says hello, which the project asks."""
    with LLMServer(lambda asked: Reply(default_body(asked, "Hello"), delay_s=0.01)) as running:
        project.live(running.url, concurrency=4)
        yield running


def counted(project: Project) -> list[tuple[str, int]]:
    """Every run of the database with its trials."""
    with opened(project.root / "reports" / "evalkit.duckdb", read_only=True) as database:
        return database.execute("select run_id, count(*) from trials group by run_id order by run_id").fetchall()


def test_a_clock_that_is_set_back_changes_no_duration(
    project: Project, server: LLMServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wall clock jumps to 1970 and back while calls are under way: every latency and wait is what it was, deadlines hold."""
    real, calls = time.time, iter(range(1_000_000))
    monkeypatch.setattr(time, "time", lambda: 0.0 if next(calls) % 3 == 0 else real() + 86_400)
    done = evalkit.run()
    assert done.exit_code == 0
    attempts = [attempt for result in done.report.results for attempt in result.call.attempts]
    assert len(attempts) == 12
    assert all(0.009 < attempt.latency_s < 30 and 0 <= attempt.wait_s < 30 for attempt in attempts)
    assert [result.call.reply.latency_s > 0.009 for result in done.report.results] == [True] * 12
    assert evalkit.run().exit_code == 0
    assert len(server.requests) == 12, "what was paid at a wrong time is found again"


def test_a_clock_that_stands_still_gives_every_run_its_own_id() -> None:
    """Two runs in one microsecond, or in a machine that wakes up in 1970 each time, do not share a folder."""
    for moment in (datetime(1970, 1, 1, tzinfo=UTC), datetime(2026, 11, 21, 10, 15, tzinfo=UTC)):
        assert len({new_run_id(moment) for _ in range(5_000)}) == 5_000


@pytest.mark.parametrize("here", [0.0, 1_795_000_000.0, 4_000_000_000.0])
def test_a_wait_told_as_a_date_is_counted_by_the_clock_that_told_it(here: float) -> None:
    """A reply says when it was sent and when to come back: the difference is the wait, whatever the clock of this machine says."""
    sent = {"date": "Sat, 21 Nov 2026 10:00:00 GMT"}
    assert retry_after_s({**sent, "retry-after": "Sat, 21 Nov 2026 10:00:30 GMT"}, now=here) == 30
    told = {
        "anthropic-ratelimit-requests-limit": "50",
        "anthropic-ratelimit-requests-remaining": "0",
        "anthropic-ratelimit-requests-reset": "2026-11-21T10:00:20Z",
    }
    limits = rate_limits({**sent, **told}, now=here)
    assert limits is not None
    assert limits.requests is not None
    assert limits.requests.reset_s == 20


FORKING = """
import os
import re
def pytest_runtest_logreport(report):
    if report.when == "call":
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
"""


def test_forks_in_the_middle_of_a_run_disturb_nothing(project: Project, server: LLMServer) -> None:
    """A conftest that forks while journal, cache and connections are open: each case has one result, each answer was paid once."""
    project.write("conftest.py", FORKING)
    done = subprocess.run([EVALKIT, "run"], cwd=project.root, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout
    assert [count for _, count in counted(project)] == [12]
    assert len(server.requests) == 12


DYING = """
import os, signal
import pytest

@pytest.hookimpl(tryfirst=True)
def pytest_runtest_logreport(report):
    if "n5[" in report.nodeid and report.when == WHEN and "PYTEST_XDIST_WORKER" in os.environ:
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_worker_that_dies_makes_its_case_unmeasured_not_failed(project: Project, server: LLMServer) -> None:
    """Another worker does the rest; the lost case is counted as missing, exit 3; its paid answer was on disk, so it is not paid again.

    So may be the case before it: a verdict, unlike an answer, costs nothing and reaches the disk a moment later.
    """
    conftest = project.write("conftest.py", DYING.replace("WHEN", "'setup'"))
    words = [EVALKIT, "run", "-n", "2"]
    ran = subprocess.run(words, cwd=project.root, capture_output=True, text=True, check=False, timeout=120)
    assert ran.returncode == 3, ran.stdout
    said = re.search(r"INCOMPLETE; (1[01]) of 12 planned trials measured \(([12]) missing\)", ran.stdout)
    assert said, ran.stdout
    assert int(said[1]) + int(said[2]) == 12
    assert "crashed" in ran.stdout
    conftest.unlink()
    before = len(server.requests)
    assert before <= 14, "the twelve, and what the dead worker had in flight"
    assert evalkit.run().exit_code == 0
    assert len(server.requests) == before
    assert [count for _, count in counted(project)] == [int(said[1]), 12]


@pytest.mark.parametrize("command", ["{} run | head -1", "{} run >&-", "{} run >&- 2>&-"])
def test_a_reader_that_goes_away_does_not_stop_a_run(project: Project, server: LLMServer, command: str) -> None:
    """``| head -1`` and a closed standard output: every case is measured and stored, the exit code is the run's, no traceback."""
    shell = ["bash", "-c", f"set -o pipefail; {command.format(EVALKIT)}"]
    done = subprocess.run(shell, cwd=project.root, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0
    assert done.stderr == ""
    assert [count for _, count in counted(project)] == [12]


def test_two_runs_in_one_folder_at_once(project: Project, server: LLMServer) -> None:
    """Two sessions share cache, journals' folder and database: both end well, both are stored whole."""
    words = [EVALKIT, "run", "--mode", "live"]
    both = [
        subprocess.Popen(words, cwd=project.root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for _ in range(2)
    ]
    told = [one.communicate(timeout=120)[0] for one in both]
    assert [one.returncode for one in both] == [0, 0], told
    assert [count for _, count in counted(project)] == [12, 12]
    assert len(server.requests) == 24


def test_a_wrong_clock_does_not_end_a_call_before_its_time(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The deadline of a call runs on the loop's clock, which no one can set."""
    monkeypatch.setattr(time, "time", lambda: 4_000_000_000.0)
    with LLMServer(lambda asked: Reply(default_body(asked, "Hello"), drop="never")) as silent:
        project.live(silent.url, retries=0, timeout_s=0.2, concurrency=12)
        done = evalkit.run()
    replies = [result.call.reply for result in done.report.results]
    assert all(isinstance(reply, CallFailure) and reply.kind == "timeout" for reply in replies)


def test_a_worker_that_dies_behind_its_last_result_is_not_green(project: Project, server: LLMServer) -> None:
    """The result was written before the worker died, so nothing is missing; pytest still shows a crash, and the exit code is not 0."""
    project.write(
        "conftest.py", DYING.replace("WHEN", "'teardown'").replace("os.kill", "import time; time.sleep(0.2); os.kill")
    )
    project.suite(f"suite: hello\nprompt: hello:v1\n{cases('N5')}\nchecks: [contains: Hello]\n")
    words = [EVALKIT, "run", "-n", "1"]
    ran = subprocess.run(words, cwd=project.root, capture_output=True, text=True, check=False, timeout=120)
    assert "1 of 1 planned trials measured" in ran.stdout
    assert ran.returncode == 3, ran.stdout
