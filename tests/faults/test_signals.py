"""Signals at bad moments: what was measured is kept and told, nothing is left running, and the exit code says who stopped it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fakes.eval_project import Project, cases
from fakes.llm_server import LLMServer

from evalkit.store.database.connection import opened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fakes.llm_server import Asked

EVALKIT = Path(sys.executable).with_name("evalkit")
SUITE = f"suite: hello\nprompt: hello:v1\n{cases(*(f'N{number}' for number in range(12)))}\nchecks: [contains: Hello]\n"


STOPPED_AGAIN = """
import os, signal
from pathlib import Path
from evalkit.harness.after import finish

def again(real):
    def at_a_bad_moment(*given, **named):
        here = Path(__file__).with_name("again")
        here.write_text(str(int(here.read_text()) + 1 if here.exists() else 1))
        os.kill(os.getpid(), signal.{name})
        return real(*given, **named)
    return at_a_bad_moment

for name in ("read_run", "store_run", "write_page"):
    setattr(finish, name, again(getattr(finish, name)))
"""
"""A conftest: the signal comes again at three moments while the run is finished."""


class Waiting:
    """Answers four questions; from then on nobody gets an answer, and ``reached`` tells."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.over = threading.Event()

    def __call__(self, asked: Asked) -> str:
        if asked.number >= 4:
            self.reached.set()
            self.over.wait(60)
        return "Hello"


@pytest.fixture
def script() -> Iterator[Waiting]:
    """What the server does."""
    waiting = Waiting()
    yield waiting
    waiting.over.set()


@pytest.fixture
def project(tmp_path: Path, script: Waiting) -> Iterator[Project]:
    """A project whose suite gets stuck after four answers."""
    made = Project(tmp_path)
    made.suite(SUITE)
    with LLMServer(script) as server:
        made.live(server.url, concurrency=2)
        yield made
        script.over.set()


def start(project: Project, *words: str | Path) -> subprocess.Popen[str]:
    """A command in a session of its own, so that its process group is its own too."""
    return subprocess.Popen(
        words,
        cwd=project.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=dict(os.environ, OPENAI_API_KEY="sk-test-0123456789"),
        start_new_session=True,
    )


def answered(project: Project, script: Waiting, *, most: int) -> bool:
    """Wait until the journals of the run hold ``most`` answers; whether they do within a minute."""
    journals = project.root / "reports" / "journal"
    for _ in range(600):
        if sum(path.read_text(encoding="utf-8").count('{"t":"call"') for path in journals.glob("*/*.jsonl")) >= most:
            return True
        script.over.wait(0.1)
    return False


def group_is_gone(group: int) -> bool:
    """Whether no process of the group lives any more."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


def test_sigterm_to_the_controller_alone_stops_the_workers_too(project: Project, script: Waiting) -> None:
    """With ``-n 2`` only the first process is told to stop: one report of what all workers measured, exit 143, nobody left behind."""
    process = start(project, EVALKIT, "run", "-n", "2")
    assert script.reached.wait(60)
    assert answered(project, script, most=4)
    process.terminate()
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 143
    assert "INCOMPLETE; 4 of 12 planned trials measured (8 missing)" in output
    assert group_is_gone(process.pid)
    with opened(project.root / "reports" / "evalkit.duckdb", read_only=True) as database:
        assert database.execute("select count(*) from trials").fetchone() == (4,)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_second_signal_does_not_take_the_report_away(
    project: Project, script: Waiting, number: signal.Signals, code: int
) -> None:
    """CI sends one signal after the other. What the first one began is finished: the report is written, whatever comes meanwhile."""
    project.write("conftest.py", STOPPED_AGAIN.format(name=number.name))
    process = start(project, EVALKIT, "run")
    assert script.reached.wait(60)
    process.send_signal(number)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == code
    assert "INCOMPLETE" in output
    assert "Traceback" not in output
    page = re.search(r"^report: (/\S+)", output, re.MULTILINE)
    assert page is not None
    assert Path(page[1]).is_file()
    assert (project.root / "again").read_text() == "3"


def test_ctrl_c_twice_ends_at_once_and_loses_nothing(project: Project, script: Waiting) -> None:
    """The second Ctrl-C, while the run is stored, is obeyed: exit 130, a sentence instead of a traceback, and ``evalkit ingest`` brings it in."""
    project.write("conftest.py", STOPPED_AGAIN.format(name="SIGINT"))
    process = start(project, EVALKIT, "run")
    assert script.reached.wait(60)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "stopped while the run was stored; nothing is lost, 'evalkit ingest' brings it in" in output
    assert "Traceback" not in output
    assert (project.root / "again").read_text() == "1"
    ingested = subprocess.run([EVALKIT, "ingest"], cwd=project.root, capture_output=True, text=True, check=False)
    assert ingested.returncode == 0, ingested.stderr
    with opened(project.root / "reports" / "evalkit.duckdb", read_only=True) as database:
        assert database.execute("select count(*) from responses").fetchone() >= (3,)


def test_ctrl_c_while_a_whole_run_is_stored(project: Project, script: Waiting) -> None:
    """Everything was measured and Ctrl-C comes then: the same sentence, exit 130, no second attempt."""
    script.over.set()
    project.write("conftest.py", STOPPED_AGAIN.format(name="SIGINT"))
    process = start(project, EVALKIT, "run")
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130, output
    assert "stopped while the run was stored" in output
    assert (project.root / "again").read_text() == "1"


COLLECTING = """
import os, signal
def pytest_collection_modifyitems(items):
    os.kill(os.getpid(), signal.{name})
"""


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", -signal.SIGTERM)])
def test_a_signal_during_collection_costs_nothing(project: Project, name: str, code: int) -> None:
    """Nothing was asked yet and nothing is written: a shell sees 130 and 143."""
    project.write("conftest.py", COLLECTING.format(name=name))
    process = start(project, EVALKIT, "run")
    process.communicate(timeout=60)
    assert process.returncode == code
    assert not (project.root / "reports").exists()


def test_a_run_under_nohup_outlives_its_terminal(project: Project, script: Waiting) -> None:
    """SIGHUP was ignored when it started, so it stays ignored: the run goes on to its end."""
    process = start(project, "nohup", EVALKIT, "run")
    assert script.reached.wait(60)
    process.send_signal(signal.SIGHUP)
    script.over.set()
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "12 of 12 planned trials measured" in output
