"""Journals of the format's first days, when every field was written: they are read, and mean what they meant."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from samples import call, failed_call, gate, info, prompt, request, result

from evalkit.store.cache import CACHE_FILE, Cache
from evalkit.store.database.connection import opened
from evalkit.store.database.ingest import ingest
from evalkit.store.journal.reader import read_run

OLD = Path(__file__).parent / "data" / "every_field_written.jsonl"


@pytest.fixture
def folder(tmp_path):
    """The folder of a run whose journal is the old one."""
    home = tmp_path / "journal" / "r1"
    home.mkdir(parents=True)
    shutil.copy(OLD, home)
    return home


def test_an_old_journal_reads_as_it_was_meant(folder):
    """Results with follow-up calls, prompts, plan, skips, gates, the intent without an answer and the final state: all equal."""
    judged = result(followups=(call("judge me"), failed_call("embed me")))
    records = read_run(folder)
    assert records.results == (judged, result("early", text="Other", status="fail", source="scripted"))
    assert records.run == info(complete=True, finished_at="2026-11-21T10:05:00+00:00", planned=2)
    assert (records.planned_tests, records.planned) == (("a", "b"), 2)
    assert records.prompts == (prompt(),)
    assert records.gates == (gate(),)
    assert records.skipped == {"c": 3}
    assert records.possibly_billed == (request("lost").key,)
    assert [stored.key for stored in records.stored_calls] == [one.request.key for one in records.calls]


def test_an_old_journal_feeds_the_cache_and_the_database(folder, tmp_path):
    """Its live answers are served again, and its rows are in the tables."""
    cache = Cache(tmp_path / CACHE_FILE)
    assert cache.absorb(folder.parent).responses == 2  # the failure and the scripted answer are not kept
    assert cache.get(request().key) == call().reply
    cache.close()
    assert ingest(folder.parent, tmp_path / "evalkit.duckdb").damage == ()
    with opened(tmp_path / "evalkit.duckdb", read_only=True) as connection:
        assert connection.execute("select case_id, status from trials order by all").fetchall() == [
            ("early", "fail"),
            ("late-parcel", "pass"),
        ]
