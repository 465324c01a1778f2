"""Journals into ``reports/evalkit.duckdb``: whole runs, in one transaction, as often as you like."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, TypeVar

from evalkit.errors import StoreError, StoreLockedError, Where
from evalkit.files import private_folder
from evalkit.store.database.connection import MEMORY, WAIT_S, needs_memory, opened
from evalkit.store.database.renamed import told_apart
from evalkit.store.database.rows import TABLES, SharedTable
from evalkit.store.database.schema import VERSION, statements
from evalkit.store.journal.reader import journal_files, read_run
from evalkit.store.journal.writer import is_run_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from evalkit.store.database.rows import Row
    from evalkit.store.journal.reader import RunRecords

T = TypeVar("T")

_SHARED_BY = (
    ("cases", "trials", "(u.suite_path, u.case_id, u.case_digest) = (x.suite_path, x.case_id, x.case_digest)"),
    ("requests", "responses", "u.request_key = x.request_key"),
    ("prompts", "variants", "(u.prompt, u.prompt_digest) = (x.ref, x.digest)"),
)
"""Tables that runs share, who uses their rows, and which of them."""
DATABASE_FILE = "evalkit.duckdb"
"""The database's name in the reports folder."""


_LITTLE_MEMORY = "64MB"
"""Enough for 50,000 answers of ordinary length, which would spread over 250 MB if they might. Long ones get ``MEMORY`` at a second try."""


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What an ingest did: ``runs`` that were new or had changed, their ``trials``, and what of their journals could not be read."""

    runs: int
    trials: int
    damage: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RunNews:
    """A run whose journals differ from what was read: its ``folder``, and their ``sizes`` in bytes now, by name."""

    folder: Path
    sizes: dict[str, int]


def ingest(
    journal_root: Path, database: Path, *, fresh: RunRecords | None = None, wait_s: float = WAIT_S
) -> IngestReport:
    """Bring the database up to date with the journals under ``journal_root``; it is created if missing.

    ``fresh`` is a run that was read a moment ago: its journals are not read again unless they have changed. One transaction: killed at any point, the database is as before, and the next ingest makes the same rows. A database of an older
    evalkit is rebuilt. Raises StoreLockedError, and StoreError for a newer, foreign or damaged database.
    """
    _make_folder(database)

    def bring(memory: str) -> IngestReport | None:
        with opened(database, read_only=False, wait_s=wait_s, memory=memory) as connection:
            return _ingest_all(connection, journal_root, fresh) if prepare(connection, database) else None

    return _with_enough_memory(bring) or rebuild(journal_root, database, wait_s=wait_s)


def rebuild(journal_root: Path, database: Path, *, wait_s: float = WAIT_S) -> IngestReport:
    """Make the database again from the journals alone; the one before stays beside it as ``….old``.

    Raises StoreLockedError if another process holds the database.
    """
    _make_folder(database)
    fresh = database.with_name(f"{database.name}.tmp")
    _wait_until_free(database, wait_s)

    def make(memory: str) -> IngestReport:
        for leftover in (fresh, _wal(fresh)):
            leftover.unlink(missing_ok=True)
        with opened(fresh, read_only=False, wait_s=wait_s, memory=memory) as connection:
            prepare(connection, fresh)
            return _ingest_all(connection, journal_root, None)

    report = _with_enough_memory(make)
    _swap(fresh, database)
    return report


def _with_enough_memory(work: Callable[[str], T]) -> T:
    """Do ``work`` with little memory; with more, if that was not enough. What failed was one transaction, and left nothing."""
    try:
        return work(_LITTLE_MEMORY)
    except StoreError as error:
        if not needs_memory(error):
            raise
    return work(MEMORY)


def _swap(fresh: Path, database: Path) -> None:
    """Put ``fresh`` in the place of ``database``. Killed between the renames, the next ingest makes the file again."""
    old = database.with_name(f"{database.name}.old")
    for source, target in ((_wal(database), _wal(old)), (database, old)):
        target.unlink(missing_ok=True)
        if source.exists():
            source.rename(target)
    fresh.rename(database)


def _wal(database: Path) -> Path:
    return database.with_name(f"{database.name}.wal")


def _make_folder(database: Path) -> None:
    try:
        private_folder(database.parent)
    except OSError as error:
        raise StoreError(
            f"cannot create the reports folder: {error.strerror}",
            hint="the reports folder must be writable",
            where=Where(str(database.parent)),
        ) from error


def _wait_until_free(database: Path, wait_s: float) -> None:
    """Raise StoreLockedError if the database is in use. One that cannot be opened for another reason is what rebuild is for."""
    if not database.exists():
        return
    try:
        with opened(database, read_only=False, wait_s=wait_s):
            return
    except StoreLockedError:
        raise
    except StoreError:
        return


def prepare(connection: DuckDBPyConnection, database: Path) -> bool:
    """Create the tables in an empty database. Return False if they are of an older version. Raises StoreError if they are newer or foreign."""
    if not connection.execute("select 1 from information_schema.tables limit 1").fetchall():
        _create(connection)
        return True
    return _version(connection, database) == VERSION


def check_tables(connection: DuckDBPyConnection, database: Path) -> None:
    """Raise StoreError unless the tables that are to be read are this evalkit's: a received file may hold views under their names."""
    if _version(connection, database) < VERSION:
        raise StoreError(
            "the database was made by an older evalkit",
            hint="'evalkit ingest' makes it again from the journals",
            where=Where(str(database)),
        )
    rows = connection.execute(
        "select table_name from information_schema.tables where table_type = 'BASE TABLE'"
    ).fetchall()
    missing = {table.name for table in TABLES} - {row[0] for row in rows}
    if missing:
        raise _foreign(database, f"it has no table {min(missing)!r}")


def _version(connection: DuckDBPyConnection, database: Path) -> int:
    kind = connection.execute(
        "select table_type from information_schema.tables where table_schema = 'main' and table_name = 'meta'"
    ).fetchall()
    if kind != [("BASE TABLE",)]:
        raise _foreign(database, "it has no table 'meta'")
    row = connection.execute("select max(schema_version) from meta").fetchone()
    found = row[0] if row else None
    if not isinstance(found, int):
        raise _foreign(database, "its table 'meta' has no schema version")
    if found > VERSION:
        raise StoreError(
            f"the database has schema version {found}, this evalkit reads {VERSION}",
            hint="upgrade evalkit",
            where=Where(str(database)),
        )
    return found


def _foreign(database: Path, reason: str) -> StoreError:
    return StoreError(
        f"this is not a database of evalkit: {reason}",
        hint="'evalkit ingest --rebuild' makes one from the journals",
        where=Where(str(database)),
    )


def _create(connection: DuckDBPyConnection) -> None:
    import duckdb

    connection.begin()
    for statement in statements():
        connection.execute(statement)
    connection.execute(
        "insert into meta values (?, ?, ?, ?)", [VERSION, version("pytest-evalkit"), duckdb.__version__, _now()]
    )
    connection.commit()


def _ingest_all(connection: DuckDBPyConnection, journal_root: Path, fresh: RunRecords | None) -> IngestReport:
    connection.begin()
    done = [ingest_run(connection, news, fresh) for news in unread_runs(connection, journal_root)]
    connection.commit()
    _fold_wal(connection)
    damage = tuple(note for report in done for note in report.damage)
    return IngestReport(sum(report.runs for report in done), sum(report.trials for report in done), damage)


def ingest_run(connection: DuckDBPyConnection, news: RunNews, fresh: RunRecords | None = None) -> IngestReport:
    """Bring in one run within a transaction of the caller; a run that cannot be read is told in ``damage``.

    A function of its own, so that a run is out of memory before the next one is read.
    """
    run_id = news.folder.name
    if not is_run_id(run_id):
        return IngestReport(0, 0, (f"the folder {run_id!a} was skipped: no run can be called so",))
    try:
        unchanged = fresh is not None and fresh.run.run_id == run_id and fresh.sizes == news.sizes
        records = fresh if unchanged and fresh else read_run(news.folder, strict=False)
    except StoreError as error:
        return IngestReport(0, 0, (f"run {run_id} was skipped: {error.message}",))
    _replace_run(connection, told_apart(connection, records), news)
    return IngestReport(1, len(records.stored), tuple(f"run {run_id}: {note}" for note in records.damage))


def _fold_wal(connection: DuckDBPyConnection) -> None:
    """Write what was committed into the file itself, so that the file alone can be copied and shared."""
    connection.checkpoint()


def journal_sizes(folder: Path) -> dict[str, int]:
    """The bytes of each journal of a run. Raises StoreError, OSError."""
    return {path.name: path.stat().st_size for path in journal_files(folder)} if any(folder.glob("*.jsonl")) else {}


def unread_runs(connection: DuckDBPyConnection, journal_root: Path) -> list[RunNews]:
    """The runs under ``journal_root`` whose journals are not what was ingested."""
    known: dict[str, dict[str, int]] = {}
    for run_id, file, size in connection.execute("select run_id, file, bytes from ingested").fetchall():
        known.setdefault(run_id, {})[file] = size
    folders = sorted(path for path in journal_root.iterdir() if path.is_dir()) if journal_root.is_dir() else []
    news = []
    for folder in folders:
        sizes = journal_sizes(folder)
        if sizes and sizes != known.get(folder.name):
            news.append(RunNews(folder, sizes))
    return news


def _replace_run(connection: DuckDBPyConnection, records: RunRecords, news: RunNews) -> None:
    run_id = records.run.run_id
    for table in TABLES:
        if isinstance(table, SharedTable):
            _add_new(connection, table, records)
        else:
            connection.execute(f"delete from {table.name} where run_id = ?", [run_id])  # noqa: S608 - a name from TABLES
            _append(connection, table.name, table.rows(records))
    connection.execute("delete from ingested where run_id = ?", [news.folder.name])
    _append(connection, "ingested", [(news.folder.name, file, size, _now()) for file, size in news.sizes.items()])


def forget_run(connection: DuckDBPyConnection, run_id: str) -> None:
    """Delete the rows of one run, within a transaction of the caller; content that it shares with other runs stays."""
    for table in TABLES:
        if not isinstance(table, SharedTable):
            connection.execute(f"delete from {table.name} where run_id = ?", [run_id])  # noqa: S608 - a name from TABLES
    connection.execute("delete from ingested where run_id = ?", [run_id])


def forget_unshared(connection: DuckDBPyConnection) -> None:
    """Delete the cases, requests and prompts that no run has any more."""
    for table, users, same in _SHARED_BY:
        connection.execute(f"delete from {table} x where not exists (select 1 from {users} u where {same})")  # noqa: S608 - constants


def _add_new(connection: DuckDBPyConnection, table: SharedTable, records: RunRecords) -> None:
    found = table.found(records)
    name, key = table.name, ", ".join(table.key)
    connection.execute(f"create or replace temp table arriving as select 0 as place, {key} from {name} limit 0")  # noqa: S608 - names from TABLES
    _append(connection, "arriving", ((place, *one) for place, one in enumerate(found)))
    rows = connection.execute(f"select place from arriving semi join {name} using ({key})").fetchall()  # noqa: S608 - names from TABLES
    connection.execute("drop table arriving")
    known = {place for (place,) in rows}
    new = (key + table.row(one) for place, (key, one) in enumerate(found.items()) if place not in known)
    _append(connection, name, new)


def _append(connection: DuckDBPyConnection, table: str, rows: Iterable[Row]) -> None:
    appender = connection.appender(table)
    try:
        with appender:
            appender.append_rows(rows)
    except BaseException:
        appender.clear()  # what did not fit goes with the transaction
        raise


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
