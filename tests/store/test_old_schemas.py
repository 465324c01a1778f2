"""Databases of every earlier layout: opened by today's evalkit they become today's, made from the journals, and nothing is lost."""

from __future__ import annotations

import re
import shutil
from importlib.resources import files
from pathlib import Path

import duckdb
import pytest
from samples import info, result

from evalkit.errors import StoreError
from evalkit.store.database.connection import opened
from evalkit.store.database.ingest import check_tables, ingest
from evalkit.store.database.rows import TABLES
from evalkit.store.database.schema import VERSION
from evalkit.store.journal.writer import Journal

DATA = Path(__file__).parent / "data"
EARLIER = range(1, VERSION)


def schema_of(version: int) -> str:
    """``schema.sql`` as it was."""
    return (DATA / f"schema_v{version}.sql").read_text(encoding="utf-8")


@pytest.fixture
def root(tmp_path):
    """Journals: one of the format's first days, one of today."""
    folder = tmp_path / "journal"
    (folder / "r1").mkdir(parents=True)
    shutil.copy(DATA / "every_field_written.jsonl", folder / "r1")
    journal = Journal(folder, info("r2"))
    journal.append_result(result("late"))
    journal.close()
    return folder


def old_database(path: Path, version: int) -> None:
    """A database as that version made it, with a run whose journal is gone since."""
    with duckdb.connect(str(path)) as connection:
        connection.execute(schema_of(version))
        connection.execute("insert into meta values (?, '0.0.1', 'v2.0.0', now()::timestamp)", [version])
        connection.execute("insert into runs (run_id) values ('only here')")


def contents(path: Path) -> dict[str, list[str]]:
    """Every row of every table that comes from the journals."""
    with opened(path, read_only=True) as connection:
        return {table.name: sorted(map(repr, connection.execute(f"from {table.name}").fetchall())) for table in TABLES}


@pytest.mark.parametrize("version", EARLIER)
def test_a_database_of_an_earlier_layout_becomes_todays(tmp_path, root, version):
    """Its rows are those of a database that was never old; the old file stays beside it, with what only it had."""
    fresh, path = tmp_path / "fresh.duckdb", tmp_path / "evalkit.duckdb"
    ingest(root, fresh)
    old_database(path, version)
    assert ingest(root, path).runs == 2
    assert contents(path) == contents(fresh)
    with duckdb.connect(str(path.with_name("evalkit.duckdb.old")), read_only=True) as old:
        assert old.execute("select run_id from runs").fetchall() == [("only here",)]
    assert ingest(root, path).runs == 0, "the second time there is nothing to do"


@pytest.mark.parametrize("version", EARLIER)
def test_who_only_reads_is_told_to_ingest(tmp_path, version):
    """A query of today on tables of yesterday would answer something else: it is refused with the command that helps."""
    path = tmp_path / "evalkit.duckdb"
    old_database(path, version)
    with opened(path, read_only=True) as connection, pytest.raises(StoreError, match="older evalkit") as caught:
        check_tables(connection, path)
    assert "evalkit ingest" in (caught.value.hint or "")


def test_a_change_of_the_schema_is_a_new_version():
    """Whoever changes ``schema.sql`` raises VERSION and keeps the new text here, so that the next change finds a database to migrate."""
    text = files("evalkit.store.database").joinpath("schema.sql").read_text(encoding="utf-8")
    advice = "raise VERSION in store/database/schema.py and copy schema.sql to tests/store/data/schema_v<VERSION>.sql"
    assert (DATA / f"schema_v{VERSION}.sql").is_file(), advice
    assert text == schema_of(VERSION), advice
    kept = sorted(int(re.findall(r"\d+", path.name)[0]) for path in DATA.glob("schema_v*.sql"))
    assert kept == [*EARLIER, VERSION]
