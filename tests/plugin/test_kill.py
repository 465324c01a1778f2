"""kill -9 at any moment, then run again: every case has one result, and only what was in flight is paid twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from fakes.eval_project import Project, cases
from fakes.fork_server import ForkServer
from fakes.llm_server import LLMServer

from evalkit.store.journal.lines import scan

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fakes.llm_server import Asked

CASES = 24
CONCURRENCY = 4
MOMENTS = int(os.environ.get("EVALKIT_KILLS", "20"))
"""CI strikes at 60 moments; each costs two sessions."""

PARTS = 4
"""So that no part takes pytest's two minutes, after which it shows where every thread is."""

SUITE = (
    f"suite: hello\nprompt: hello:v1\n{cases(*(f'N{number}' for number in range(CASES)))}\nchecks: [contains: Hello]\n"
)


class Killer:
    """Answers, and kills the session at one moment: when request ``at`` (from 0) comes in, or ``late_s`` seconds after that."""

    def __init__(self, *, at: int, late_s: float, whole_group: bool = False) -> None:
        self.asked: list[str] = []
        self.before: set[str] = set()
        """What the session that was killed had asked, also what the server read only when it was dead already."""
        self.settled: set[str] = set()
        """What it had an answer to on disk."""
        self._at = at
        self._late_s = late_s
        self._kill_process = os.killpg if whole_group else os.kill
        self._session: int | None = None
        self._started = threading.Event()

    def __call__(self, asked: Asked) -> str:
        self.asked.append(asked.question)
        if asked.headers["x-session"] == "first":
            self.before.add(asked.question)
        if asked.number == self._at:
            self._started.wait(30)
            threading.Timer(self._late_s, self._kill).start() if self._late_s else self._kill()
        return "Hello"

    def aim(self, process: int) -> None:
        """Name the process to kill."""
        self._session = process
        self._started.set()

    def died(self) -> None:
        """The session is gone: nobody else may be killed."""
        self._session = None

    def _kill(self) -> None:
        if self._session is not None:
            self._kill_process(self._session, signal.SIGKILL)


def results(project: Project) -> Counter[str]:
    """How many results each case has in the newest run of the database."""
    import duckdb

    with duckdb.connect(str(project.root / "reports" / "evalkit.duckdb"), read_only=True) as database:
        rows = database.sql(
            "select case_id, count(*) from trials where run_id = (select max(run_id) from runs) group by case_id"
        ).fetchall()
    return Counter(dict(rows))


def settled(project: Project) -> set[str]:
    """The questions whose answers are in the journals, of which the last line may be torn."""
    records = [line.record for path in (project.root / "reports" / "journal").glob("*/*.jsonl") for line in scan(path)]
    return {one["call"]["request"]["messages"][-1]["content"] for one in records if one and one["t"] == "call"}


@pytest.fixture
def sessions() -> Iterator[ForkServer]:
    """Cheap sessions of pytest."""
    with ForkServer() as server:
        yield server


def configure(project: Project, server: LLMServer, *, session: str) -> None:
    """Let the project ask ``server``, and say in a header, which changes no answer, which session asks."""
    project.live(server.url, concurrency=CONCURRENCY)
    with (project.root / "pyproject.toml").open("a", encoding="utf-8") as config:
        config.write(f'headers = {{x-session = "{session}"}}\n')


def kill_once(project: Project, sessions: ForkServer, dice: random.Random) -> tuple[Killer, bool]:
    """Kill one session at a random moment, run again; whether the first one was still running when it was struck."""
    project.suite(SUITE)
    killer = Killer(at=dice.randrange(CASES), late_s=dice.choice([0.0, dice.uniform(0, 0.03), dice.uniform(0, 0.3)]))
    with LLMServer(killer) as server:
        configure(project, server, session="first")
        killer.aim(sessions.start(project.root))
        killed = sessions.wait() == -signal.SIGKILL
        killer.died()
        killer.settled = settled(project)
        configure(project, server, session="second")
        sessions.start(project.root)
        assert sessions.wait() == 0, (project.root / "said.txt").read_text()
    return killer, killed


@pytest.mark.parametrize("part", range(PARTS))
def test_no_kill_loses_or_repeats_anything(
    tmp_path: Path, sessions: ForkServer, monkeypatch: pytest.MonkeyPatch, part: int
) -> None:
    """Counted at the server: after the second run each case has one result, and at most the calls in flight were sent twice."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789")
    struck = on_disk = 0
    for moment in range(part, MOMENTS, PARTS):
        project = Project(tmp_path / str(moment))
        killer, killed = kill_once(project, sessions, random.Random(moment))
        story = f"moment {moment}"
        assert results(project) == {f"n{number}": 1 for number in range(CASES)}, story
        twice = {question for question, count in Counter(killer.asked).items() if count > 1}
        assert twice <= killer.before - killer.settled, story
        assert len(twice) <= CONCURRENCY, f"{story}: only what was in flight is not on disk"
        assert len(killer.asked) == CASES + len(twice), story
        struck, on_disk = struck + killed, on_disk + len(killer.settled)
    assert struck >= MOMENTS // PARTS // 2, "most kills must have struck a session that was still running"
    assert on_disk, "some answers must have been on disk when the session died"


@pytest.mark.parametrize("at", [3, 20])
def test_workers_of_xdist_lose_nothing_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    """The same with ``-n 2``: all processes are killed at once."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789")
    project = Project(tmp_path)
    project.suite(SUITE)
    killer = Killer(at=at, late_s=0.0, whole_group=True)
    words = [sys.executable, "-m", "pytest", "suites", "-q", "-n", "2"]
    with LLMServer(killer) as server:
        configure(project, server, session="first")
        first = subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.DEVNULL, start_new_session=True)
        killer.aim(first.pid)
        assert first.wait(60) == -signal.SIGKILL
        killer.died()
        configure(project, server, session="second")
        second = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
        assert second.returncode == 0, second.stdout
    assert results(project) == {f"n{number}": 1 for number in range(CASES)}
    counts = Counter(killer.asked)
    assert max(counts.values()) <= 2
    assert sum(count == 2 for count in counts.values()) <= CONCURRENCY
