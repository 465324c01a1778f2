"""Reading: SQL that only reads, frames for pandas, and Parquet rows as plain JSON."""

from __future__ import annotations

import json

import duckdb
import pytest
from samples import info, result

from evalkit.errors import ConfigError, StoreError, SuiteError
from evalkit.store.database import query
from evalkit.store.database.connection import in_memory
from evalkit.store.database.frames import load_frames
from evalkit.store.database.ingest import DATABASE_FILE, ingest
from evalkit.store.database.query import read_parquet, run_sql
from evalkit.store.journal.writer import Journal


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """A reports folder with one run of two trials."""
    reports = tmp_path_factory.mktemp("reports")
    journal = Journal(reports / "journal", info())
    journal.append_result(result("one"))
    journal.append_result(result("two", text="Other", status="fail"))
    journal.close(info(complete=True))
    ingest(reports / "journal", reports / DATABASE_FILE)
    return reports


@pytest.fixture
def database(reports):
    return reports / DATABASE_FILE


def test_a_query_returns_columns_and_rows(database):
    """Names and plain Python values, in the order asked for."""
    table = run_sql(database, "select case_id, status from trials order by case_id;")
    assert table.columns == ("case_id", "status")
    assert table.rows == (("one", "pass"), ("two", "fail"))


def test_a_limit_says_that_there_is_more(database):
    """A cut answer says so; an answer that just fits does not."""
    assert run_sql(database, "from trials", limit=1).truncated
    assert not run_sql(database, "from trials", limit=2).truncated


@pytest.mark.parametrize(
    "sql", ["describe trials", "show tables", "summarize trials", "with a as (select 1) from a", "values (1)"]
)
def test_everything_that_reads_works(database, sql):
    """The shorthands of DuckDB work as well as select."""
    assert run_sql(database, sql).rows


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("", "0 statements"),
        ("-- nothing", "0 statements"),
        ("select 1; select 2", "2 statements"),
        ("delete from trials", "DELETE is refused"),
        ("copy trials to 'x.csv'", "COPY is refused"),
        ("attach 'x'", "ATTACH is refused"),
        ("set threads = 1", "SET is refused"),
        ("selec 1", "syntax error"),
        ("select nope from trials", "nope"),
        ("select * from read_csv('/etc/passwd')", "file system operations are disabled"),
        ("select '\ud800'", "not UTF-8"),
        ("select error('boom') from trials", "boom"),
    ],
)
def test_a_query_that_cannot_be_answered_is_explained(database, sql, says):
    """Nonsense, writing and reaching outside are usage errors that say what was wrong and what to do."""
    with pytest.raises(ConfigError, match=says) as caught:
        run_sql(database, sql)
    assert caught.value.hint
    assert run_sql(database, "select count(*) from trials").rows == ((2,),)


def test_without_a_database_the_error_says_how_to_get_one(tmp_path):
    """A project that never ran has no database, and reading does not create one."""
    with pytest.raises(StoreError, match="no database yet"):
        run_sql(tmp_path / "none.duckdb", "select 1")
    with pytest.raises(StoreError, match="no database yet"):
        load_frames(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_frames_hold_what_was_stored(reports):
    """One row per trial with answer, cost and failed checks; times are times, unknown numbers are missing and not 0."""
    frames = load_frames(reports)
    assert list(frames.trials.case_id) == ["one", "two"]
    assert list(frames.trials.answer) == ["Hi 😀", "Hi 😀"]
    assert [list(checks) for checks in frames.trials.failed_checks] == [[], ["contains"]]
    assert str(frames.runs.started_at.dtype).startswith("datetime64")
    assert frames.calls.reasoning_tokens.isna().all()
    assert len(frames.verdicts) == 4
    assert len(frames.attempts) == 4


def test_frames_are_made_from_journals_alone(reports, tmp_path):
    """Journals that were copied without their database are enough."""
    (tmp_path / "journal").symlink_to(reports / "journal")
    assert len(load_frames(tmp_path).trials) == 2


def test_a_received_database_cannot_put_a_view_in_place_of_a_table(tmp_path):
    """A view under a table's name, in a file from elsewhere, is refused instead of computed."""
    path = tmp_path / DATABASE_FILE
    ingest(tmp_path / "journal", path)
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "drop view latest_run; alter table verdicts rename to hidden; create view verdicts as from hidden"
        )
    with pytest.raises(StoreError, match="no table 'verdicts'"):
        load_frames(tmp_path)


PARQUET = """select 1 as a, date '2020-01-02' as d, 1.5::decimal(10,2) as dec, [1, null] as l, {'x': [date '2020-01-01']} as s, map {'k': 1} as m,
  'hü'::varchar as v, time '10:00' as t, timestamp '2020-01-01 10:00:00' as ts, timestamptz '2020-01-01 00:00:00.5+02' as "t""z",
  'nan'::double as n, null::integer as nn, true as bo, '\\xAA'::blob as b, uuid '6d3c3a0e-0000-4000-8000-000000000000' as u"""


@pytest.mark.parametrize("name", ["plain.parquet", "odd [1]*?.parquet", "quo'te.parquet", "no-suffix"])
def test_parquet_rows_are_plain_json(tmp_path, name):
    """Every type becomes a JSON value, whatever the file is called."""
    made = tmp_path / "made"
    duckdb.sql(PARQUET).write_parquet(str(made))
    made.rename(tmp_path / name)
    (row,) = read_parquet(tmp_path / name)
    assert json.loads(json.dumps(row, allow_nan=False)) == row == {
        "a": 1, "d": "2020-01-02", "dec": 1.5, "l": [1, None], "s": {"x": ["2020-01-01"]}, "m": {"k": 1}, "v": "hü", "t": "10:00:00",
        "ts": "2020-01-01T10:00:00", 't"z': "2019-12-31T22:00:00.5+00:00", "n": None, "nn": None, "bo": True, "b": "qg==",
        "u": "6d3c3a0e-0000-4000-8000-000000000000",
    }  # fmt: skip


def test_a_pattern_in_a_name_reads_no_other_file(tmp_path):
    """A file called ``*.parquet`` is that file, not all of them."""
    for name, value in (("*.parquet", 1), ("other.parquet", 2)):
        duckdb.sql(f"select {value} as a").write_parquet(str(tmp_path / "made"))
        (tmp_path / "made").rename(tmp_path / name)
    assert read_parquet(tmp_path / "*.parquet") == [{"a": 1}]


def test_only_the_named_file_can_be_read(tmp_path):
    """The connection that reads a dataset cannot open the file next to it."""
    for name in ("one", "two"):
        duckdb.sql("select 1 as a").write_parquet(str(tmp_path / name))
    with in_memory(allowed=[str(tmp_path / "one")]) as connection:
        assert connection.execute(f"from read_parquet('{tmp_path}/one')").fetchall() == [(1,)]
        with pytest.raises(duckdb.PermissionException):
            connection.execute(f"from read_parquet('{tmp_path}/two')")


@pytest.mark.parametrize("content", [b"", b"hello", b"PAR1" + b"\xff" * 50 + b"PAR1", b"a,b\n1,2\n"])
def test_what_is_not_parquet_is_told(tmp_path, content):
    """A file of another kind, or a damaged one, is a SuiteError with its path."""
    path = tmp_path / "data.parquet"
    path.write_bytes(content)
    with pytest.raises(SuiteError, match="not a readable Parquet file") as caught:
        read_parquet(path)
    assert caught.value.where.path == str(path)


def test_a_missing_file_a_folder_and_too_many_rows_are_told(tmp_path, monkeypatch):
    """Nothing is read without bounds."""
    with pytest.raises(SuiteError, match="No such file"):
        read_parquet(tmp_path / "missing.parquet")
    with pytest.raises(SuiteError, match="not a regular file"):
        read_parquet(tmp_path)
    duckdb.sql("select * from range(11)").write_parquet(str(tmp_path / "long.parquet"))
    monkeypatch.setattr(query, "MAX_ROWS", 10)
    with pytest.raises(SuiteError, match="more than 10 rows"):
        read_parquet(tmp_path / "long.parquet")
