"""A disk that is full: each file that is derived from the journal fails cleanly, and what it held before stays."""

from __future__ import annotations

import errno
import subprocess
import sys

import pytest
from fakes.eval_project import cases

import evalkit
from evalkit import files
from evalkit.store.database.connection import opened

SUITE = f"suite: hello\nprompt: hello:v1\n{cases('Ana', 'Bob')}\nchecks: [contains: Hello]\n"

LIMITED = """
import resource, sys
from pathlib import Path
def limit(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
"""

INGESTING = f"""{LIMITED}
from dataclasses import replace
from evalkit.errors import StoreError
from evalkit.store.database.ingest import ingest
from evalkit.store.journal.writer import Journal
from evalkit.store.journal.reader import read_run
root, database, run_id = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
measured = read_run(root / run_id)
journal = Journal(root, replace(measured.run, run_id="big"))
for number in range(3000):
    one = measured.results[0]
    case = replace(one.trial.case, id=str(number), vars={{"customer": str(number) * 300}})
    journal.append_result(replace(one, trial=replace(one.trial, case=case)))
journal.close()
limit(database.stat().st_size + 20_000)
try:
    ingest(root, database)
except StoreError as error:
    print(error.message)
"""


def test_a_database_that_cannot_grow_keeps_what_it_had(project):
    """The ingest fails with DuckDB's reason; earlier runs are there as before; with space again, the next ingest brings all."""
    project.suite(SUITE)
    done = evalkit.run()
    root, database = project.root / "reports" / "journal", project.root / "reports" / "evalkit.duckdb"
    command = [sys.executable, "-c", INGESTING, root, database, done.report.run.run_id]
    child = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert "File too large" in child.stdout or "Could not write" in child.stdout, child.stdout
    with opened(database, read_only=True) as connection:
        assert connection.execute("select run_id, count(*) from trials group by all").fetchall() == [
            (done.report.run.run_id, 2)
        ]
    assert project.evalkit("ingest").code == 0
    with opened(database, read_only=True) as connection:
        assert connection.execute("select count(*) from trials").fetchall() == [(3002,)]


def test_a_page_that_cannot_be_written_is_a_problem_and_leaves_no_half(project, monkeypatch):
    """The run says why its page is missing and exits with 3; no half page and no temporary file is left, the rows are stored."""
    project.suite(SUITE)

    def full(_handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    monkeypatch.setattr("evalkit.store.journal.writer._sync_folder", lambda folder: None)
    done = evalkit.run()
    assert (done.exit_code, done.html) == (3, None)
    assert "No space left" in done.problems[0]
    assert list((project.root / "reports" / done.report.run.run_id).iterdir()) == []
    assert len(evalkit.load().trials) == 2


RECORDING = f"""{LIMITED}
from evalkit.errors import RecordingError
from evalkit.model.calls import Message, Request, Response
from evalkit.providers.recordings.recording import Recorder
from evalkit.providers.redact import Redactor
recorder = Recorder(Path(sys.argv[1]), redactor=Redactor({{}}))
limit(10_000)
try:
    for number in range(100):
        recorder.add(Request("openai/m", (Message("user", str(number)),)), Response("x" * 500), at=0.0)
        print(number)
except RecordingError as error:
    print(error.message, file=sys.stderr)
"""


def test_a_recording_that_cannot_grow_stays_readable(tmp_path):
    """What was recorded before the disk was full can be replayed: no half line is left behind it."""
    from evalkit.providers.recordings.recording import read_recordings

    path = tmp_path / "hello.jsonl"
    child = subprocess.run(
        [sys.executable, "-c", RECORDING, path], capture_output=True, text=True, timeout=60, check=True
    )
    assert "File too large" in child.stderr
    assert len(read_recordings(path)) == len(child.stdout.split()) > 5


@pytest.mark.parametrize("taken", ["reports", "reports/journal"])
def test_a_folder_that_cannot_be_made_is_told_before_anything_is_called(project, taken):
    """Where the journal should go there is a file: the run ends with the path, and the script was never asked."""
    module = f"answers_{taken.replace('/', '_')}"  # two projects in one process
    project.write(f"{module}.py", "def answer(request):\n    open('called', 'w').close()\n    return 'Hello'\n")
    project.write(
        "pyproject.toml",
        f'[tool.evalkit.providers.scripted]\nfunction = "{module}:answer"\n[tool.pytest.ini_options]\n',
    )
    project.suite(SUITE)
    project.write(taken, "in the way")
    ran = project.evalkit("run")
    assert ran.code == 3
    assert "cannot create the journal" in ran.out + ran.err
    assert "nothing was called" in ran.out + ran.err
    assert not (project.root / "called").exists()
