"""SIGKILL at any moment: what was acknowledged is there, and the next run pays only for what is missing."""

from __future__ import annotations

import random
import signal
import subprocess
import sys

import pytest
from samples import info, result

from evalkit.store.cache import Cache
from evalkit.store.database.connection import opened
from evalkit.store.database.ingest import ingest
from evalkit.store.database.rows import TABLES
from evalkit.store.journal.reader import read_run
from evalkit.store.journal.writer import Journal

JOURNALING = """
import os, sys, threading
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from samples import call, info, result
from evalkit.store.journal.writer import Journal

journal = Journal(Path(sys.argv[1]), info())

def work(name):
    for number in range(100_000):
        measured = result(text=f"{name}-{number}")
        journal.intend(measured.call.request)
        journal.settle(measured.call).result()
        os.write(1, measured.call.request.key.encode() + b"\\n")  # in one piece, whatever the other threads do
        journal.append_result(measured)

for name in range(4):
    threading.Thread(target=work, args=(name,), daemon=True).start()
threading.Event().wait()
"""


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_acknowledged_call_survives_a_kill(tmp_path, here, seed):
    """Four threads journal until SIGKILL after a random number of answers: none that was acknowledged is lost, and the cache serves each."""
    root = tmp_path / "journal"
    with subprocess.Popen([sys.executable, "-c", JOURNALING, root, here], stdout=subprocess.PIPE, text=True) as child:
        heard = [child.stdout.readline().strip() for _ in range(random.Random(seed).randrange(5, 300))]
        child.send_signal(signal.SIGKILL)
        heard += [line.strip() for line in child.stdout if line.endswith("\n")]
    records = read_run(root / "r1")
    assert {stored.key for stored in records.stored_calls} >= set(heard)
    assert len(records.damage) <= 1
    cache = Cache(tmp_path / "cache.sqlite")
    cache.absorb(root)
    assert all(cache.get(key) is not None for key in heard)
    cache.close()


INGESTING = """
import os, signal, sys
from pathlib import Path
from evalkit.store.database import ingest as database

def killed_at(name, count):
    original, calls = getattr(database, name), []
    def counted(*args, **kwargs):
        calls.append(name)
        if len(calls) == count:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*args, **kwargs)
    setattr(database, name, counted)

root, path, work, name, count = sys.argv[1:]
killed_at(name, int(count))
getattr(database, work)(Path(root), Path(path))
"""


def contents(path):
    """Every row of every table but the times of ingestion."""
    with opened(path, read_only=True) as connection:
        return {table.name: sorted(map(repr, connection.execute(f"from {table.name}").fetchall())) for table in TABLES}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Two journaled runs, and the rows that an ingest makes of them when nobody kills it."""
    folder = tmp_path_factory.mktemp("undisturbed")
    for run_id in ("r1", "r2"):
        journal = Journal(folder / "journal", info(run_id))
        for one in (result("one"), result("two", text="Other", status="fail")):
            journal.append_result(one)
        journal.close()
    ingest(folder / "journal", folder / "evalkit.duckdb")
    return folder / "journal", contents(folder / "evalkit.duckdb")


@pytest.mark.parametrize(
    ("work", "name", "count"),
    [
        ("ingest", "_create", 1),
        ("ingest", "_append", 3),  # in the middle of the first run
        ("ingest", "_append", 18),  # in the middle of the second run
        ("ingest", "_fold_wal", 1),  # after the commit, before the checkpoint
        ("rebuild", "_append", 5),
        ("rebuild", "_swap", 1),  # the new file is whole, the old one still in place
    ],
)
def test_an_ingest_that_was_killed_is_simply_run_again(tmp_path, undisturbed, work, name, count):
    """Killed at any step, the next ingest makes exactly the rows that an undisturbed one makes."""
    root, rows = undisturbed
    path = tmp_path / "evalkit.duckdb"
    if work == "rebuild":
        ingest(root, path)
    command = [sys.executable, "-c", INGESTING, root, path, work, name, str(count)]
    assert subprocess.run(command, timeout=60, check=False).returncode == -signal.SIGKILL
    if (work, name) == ("ingest", "_append"):
        assert contents(path)["runs"] == []  # half an ingest is never seen
    ingest(root, path)
    assert contents(path) == rows
