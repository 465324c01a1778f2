"""The server's own database: one run that it cannot take keeps nothing else out."""

from __future__ import annotations

import shutil

import duckdb
import pytest
from samples import info, result

from evalkit.errors import StoreError
from evalkit.server.live import Live
from evalkit.server.troubles import Troubles
from evalkit.store import mirror
from evalkit.store.browse.questions import list_runs
from evalkit.store.journal.writer import Journal

LATER = 9e9


def measured(reports, run_id):
    journal = Journal(reports / "journal", info(run_id))
    journal.append_result(result())
    journal.close()


def shown(store):
    return {run.run_id for run in list_runs(store, limit=10)}


def test_a_run_that_the_database_refuses_is_told_and_keeps_no_other_out(tmp_path, monkeypatch):
    """It is told once and not tried again until its files change; the runs after it are read, and pages know that something is new."""

    def ingest(cursor, news):
        if news.folder.name == "r1":
            cursor.execute("insert into runs (run_id) values ('r1')")
            raise duckdb.ConversionException("no such number")
        return taken(cursor, news)

    taken = mirror.ingest_run
    monkeypatch.setattr(mirror, "ingest_run", ingest)
    for run_id in ("r0", "r1", "r2"):
        measured(tmp_path, run_id)
    with mirror.mirrored(tmp_path) as store:
        done = store.refresh(now=LATER)
        assert done.damage == ("run r1 was skipped: DuckDB: no such number",)
        assert shown(store) == {"r0", "r2"}
        assert store.generation == 1
        assert store.refresh(now=LATER) == mirror.Refreshed()
        monkeypatch.undo()
        measured(tmp_path, "r1")
        store.refresh(now=LATER)
        assert shown(store) == {"r0", "r1", "r2"}


def test_a_run_that_cannot_be_counted_ahead_keeps_no_other_out(tmp_path, monkeypatch):
    """It is tried once, again only when it was read again, and left to whoever compares it."""
    tried = []

    def count(cursor, run_id):
        tried.append(run_id)
        if run_id == "r1":
            raise duckdb.OutOfMemoryException("too large")
        kept(cursor, run_id)

    kept = mirror.keep_counts
    for run_id in ("r0", "r1", "r2"):
        measured(tmp_path, run_id)
    with mirror.mirrored(tmp_path) as store:
        store.refresh(now=LATER)
        monkeypatch.setattr(mirror, "keep_counts", count)
        while store.count_ahead(limit=1):
            pass
        assert sorted(tried) == ["r0", "r1", "r2"]
        assert not store.count_ahead(limit=1)
        with store.paired("r0", "r1") as runs:
            assert len(runs.groups("b")) == 1
        measured(tmp_path, "r1")
        store.refresh(now=LATER)
        store.count_ahead(limit=1)
        assert tried.count("r1") == 2


def test_a_run_that_could_not_be_dropped_is_dropped_at_the_next_refresh(tmp_path, monkeypatch):
    """What was purged while the database was busy must not stay on the pages for good."""

    def busy(cursor, run_id):
        raise duckdb.TransactionException(f"somebody writes {run_id}")

    measured(tmp_path, "r1")
    with mirror.mirrored(tmp_path) as store:
        store.refresh(now=LATER)
        store.refresh(now=LATER)
        shutil.rmtree(tmp_path / "journal" / "r1")
        with monkeypatch.context() as once:
            once.setattr(mirror, "forget_run", busy)
            with pytest.raises(StoreError, match="somebody writes r1"):
                store.refresh(now=LATER)
        assert store.refresh(now=LATER).forgotten == ("r1",)
        assert shown(store) == set()


def test_a_run_killed_after_a_silence_stays_live_until_all_of_it_is_read(tmp_path):
    """It was read while it was silent, wrote once more and died: whoever is told that it is over finds every trial in the store."""
    journal = Journal(tmp_path / "journal", info("r1"))
    with mirror.mirrored(tmp_path) as store:
        live = Live(tmp_path / "journal", store, Troubles())
        assert store.refresh(now=0).growing == ("r1",)
        live.look()
        assert store.refresh(now=LATER).read == ("r1",)
        live.look()
        assert [(run.done, run.quiet) for run in live.runs()] == [(0, True)]
        journal.append_result(result())
        journal.close()
        live.look()
        assert [run.done for run in live.runs()] == [1], "the store has nothing of it"
        store.refresh(now=LATER)
        live.look()
        assert live.runs() == []
        assert [run.trials for run in list_runs(store, limit=1)] == [1]


def test_the_last_trials_of_a_run_are_told_before_its_end(tmp_path):
    """It wrote, ended and was stored between two looks: whoever follows it gets what it wrote, and then that it is stored."""
    journal = Journal(tmp_path / "journal", info("r1"))
    with mirror.mirrored(tmp_path) as store:
        live = Live(tmp_path / "journal", store, Troubles())
        assert store.refresh(now=0).growing == ("r1",)
        live.look()
        journal.append_result(result())
        journal.close()
        assert store.refresh(now=LATER).read == ("r1",)
        live.look()
        assert [(run.done, len(run.trials)) for run in live.runs()] == [(1, 1)]
        live.look()
        assert live.runs() == []
