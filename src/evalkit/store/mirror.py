"""A database of one server's own, kept up to date with the journals: whoever reads it never stands in the way of a run."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

from evalkit.errors import StoreError, Where
from evalkit.files import private_folder
from evalkit.store.counting.kept import drop_counts, keep_counts, kept_runs, make_room, uncounted
from evalkit.store.counting.paired import PairedRuns
from evalkit.store.counting.said import keep_said
from evalkit.store.database.connection import first_line, opened
from evalkit.store.database.ingest import (
    DATABASE_FILE,
    IngestReport,
    check_tables,
    forget_run,
    forget_unshared,
    ingest_run,
    journal_sizes,
    prepare,
    unread_runs,
)
from evalkit.store.journal.lines import first_and_last
from evalkit.store.journal.writer import is_written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from evalkit.store.database.ingest import RunNews
    from evalkit.store.database.rows import Row

FOLDER = ".serve"
"""Where servers keep their databases, inside the reports folder."""
LOCK_FILE = "lock"
LABELS = "labels-"
"""How the names of journals begin that people's labels are in."""
QUIET_S = 5.0
"""Seconds without a new byte after which a run that has not ended is read as far as it is."""

Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What one refresh did: runs that were ``read`` or ``forgotten``, runs that are ``growing`` and wait, and what could not be read."""

    read: tuple[str, ...] = ()
    forgotten: tuple[str, ...] = ()
    growing: tuple[str, ...] = ()
    damage: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Said:
    """What a person said, as a ``row`` of ``table``; it replaces the row where the condition ``same`` holds for ``place``.

    ``table`` and ``same`` are constants of the program: they become SQL.
    """

    table: str
    same: str
    place: tuple[Any, ...]
    row: Row


class Mirror:
    """The tables of ``schema.sql`` in a file that only this process opens. Queries from any thread, :meth:`refresh` from one at a time.

    It starts as a copy of the project's database where that lies still, and as an empty one otherwise; it is deleted when it is closed.
    """

    def __init__(self, reports: Path, connection: DuckDBPyConnection, path: Path) -> None:
        self._journals = reports / "journal"
        self._connection = connection
        self._path = path
        self._door = Lock()  # a cursor is made from the one connection
        self._writing = Lock()  # one change at a time
        self._known: set[str] = set()
        self._refused: dict[str, dict[str, int]] = {}
        self._uncountable: dict[str, int] = {}
        self._versions: dict[str, int] = {}
        self.generation = 0
        """Changes with everything that is read: what was worked out before may be another answer now."""
        self.words = 0
        """Changes with everything that a person says."""
        self.growing: tuple[str, ...] = ()
        """The runs that were being written at the last refresh, and are not read yet."""

    def rows(self, sql: str, **values: Any) -> Rows:  # noqa: ANN401 - whatever a column holds
        """Answer a query, one dict per row, as of the last refresh. Raises StoreError."""
        with self._cursor() as cursor:
            found = cursor.execute(sql, values)
            names = [str(column[0]) for column in found.description or ()]
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def tuples(self, sql: str, **values: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401 - whatever a column holds
        """Answer a query, one tuple per row, as of the last refresh. Raises StoreError."""
        with self._cursor() as cursor:
            return cursor.execute(sql, values).fetchall()

    @contextmanager
    def session(self) -> Iterator[Callable[..., list[tuple[Any, ...]]]]:
        """Something that answers queries as :meth:`tuples` does, all of them as of one moment; they may share temporary tables. Raises StoreError."""
        with self._cursor() as cursor:
            cursor.begin()
            yield lambda sql, **values: cursor.execute(sql, values).fetchall()

    @contextmanager
    def paired(self, a: str, b: str) -> Iterator[PairedRuns]:
        """Two runs to be counted case by case, as of the last refresh. Raises StoreError."""
        with self._cursor() as cursor:
            cursor.begin()  # all of it as of one moment, even if one of them is read again
            yield PairedRuns(cursor, a, b, kept=kept_runs(cursor, a, b))

    def count_ahead(self, *, limit: int) -> bool:
        """Count at most ``limit`` runs, the newest first, so that comparing them takes less; whether there are more. Raises StoreError."""
        with self._cursor() as cursor:
            found = uncounted(cursor, limit=limit + 1 + len(self._uncountable))
        runs = [run_id for run_id in found if self._uncountable.get(run_id) != self.version(run_id)]
        for run_id in runs[:limit]:
            try:
                with self._writing, self._cursor() as cursor:
                    cursor.begin()
                    keep_counts(cursor, run_id)
                    cursor.commit()
            except StoreError:
                self._uncountable[run_id] = self.version(run_id)  # whoever compares it is told: it is counted then
        return len(runs) > limit

    def keeps_said(self) -> bool:
        """Look up the answers of labels that are new; False if the tables are being written, which nobody waits for. Raises StoreError."""
        if not self._writing.acquire(blocking=False):
            return False
        try:
            with self._cursor() as cursor:
                keep_said(cursor)
        finally:
            self._writing.release()
        return True

    def version(self, run_id: str) -> int:
        """Changes when a run is read again or forgotten; what people say of it does not count."""
        return self._versions.get(run_id, 0)

    def is_read(self, run_id: str) -> bool:
        """Whether the tables hold all that the journals of a run hold now, or cannot take it. Raises StoreError, OSError."""
        known = dict(self.tuples("select file, bytes from ingested where run_id = $run", run=run_id))
        return journal_sizes(self._journals / run_id) in (known, self._refused.get(run_id))

    def refresh(self, *, now: float | None = None) -> Refreshed:
        """Read every run that is new or has changed, run by run, and forget those whose journals were deleted since. Raises StoreError.

        A run that is still being written is left to whoever follows its journals, until it ends or falls silent.
        """
        moment = time.time() if now is None else now
        with self._cursor() as cursor:
            news = [
                one for one in unread_runs(cursor, self._journals) if self._refused.get(one.folder.name) != one.sizes
            ]
            growing = tuple(one.folder.name for one in news if not _settled(one, moment))
        self.growing = (*self.growing, *(run_id for run_id in growing if run_id not in self.growing))
        settled = [one for one in news if one.folder.name not in growing]
        damage = [note for one in settled for note in self._read(one)]
        read = [one.folder.name for one in settled]
        forgotten = self._forget()
        if read or forgotten:
            self.generation += 1
            self._versions |= dict.fromkeys([*read, *forgotten], self.generation)
        self.growing = growing
        return Refreshed(tuple(read), forgotten, growing, tuple(damage))

    @contextmanager
    def _cursor(self) -> Iterator[DuckDBPyConnection]:
        """A connection of its own to the same file: what it sees does not change while it reads."""
        import duckdb

        with self._door:
            cursor = self._connection.cursor()
        try:
            with cursor:
                yield cursor
        except duckdb.Error as error:
            raise StoreError(
                f"DuckDB: {first_line(error)}",
                hint="evalkit ingest --rebuild makes the database again from the journals",
                where=Where(str(self._path)),
            ) from error

    def put(self, one: Said, journal: Path, write: Callable[[], Future[None]]) -> None:
        """Have a person's word written to its run's ``journal``, and put it into the tables without reading the run again. Raises StoreError."""
        values = ", ".join("?" * len(one.row))
        noted = [journal.parent.name, journal.name]
        with self._writing, self._cursor() as cursor:
            write().result()
            cursor.begin()
            cursor.execute(f"delete from {one.table} where {one.same}", one.place)  # noqa: S608 - constants, see Said
            cursor.execute(f"insert into {one.table} values ({values})", one.row)  # noqa: S608 - the same
            cursor.execute("delete from ingested where run_id = ? and file = ?", noted)
            cursor.execute("insert into ingested values (?, ?, ?, now()::timestamp)", [*noted, journal.stat().st_size])
            cursor.commit()
            self.words += 1

    def _read(self, news: RunNews) -> tuple[str, ...]:
        """Read one run; one that the database does not take is told, until its files change, and keeps no other run out."""
        try:
            with self._writing, self._cursor() as cursor:
                cursor.begin()
                report = ingest_run(cursor, news)
                drop_counts(cursor, news.folder.name)
                cursor.commit()
        except StoreError as error:
            report = IngestReport(0, 0, (f"run {news.folder.name} was skipped: {error.message}",))
        if not report.runs:
            self._refused[news.folder.name] = news.sizes
        return report.damage

    def _forget(self) -> tuple[str, ...]:
        """Drop the runs whose folders were there at an earlier refresh and are not any more: they were purged."""
        there = {path.name for path in self._journals.iterdir()} if self._journals.is_dir() else set()
        gone = tuple(sorted(self._known - there))
        with self._writing, self._cursor() as cursor:
            for run_id in gone:
                cursor.begin()
                forget_run(cursor, run_id)
                drop_counts(cursor, run_id)
                cursor.commit()
            if gone:
                forget_unshared(cursor)
        self._known = there  # only now: what could not be dropped is dropped at the next refresh
        return gone


@contextmanager
def mirrored(reports: Path) -> Iterator[Mirror]:
    """Open a new mirror of a reports folder, and delete it at the end of the block. Raises StoreError.

    The project's own database is never opened: not even the lock of a reader is taken on it.
    """
    home = reports / FOLDER
    sweep(home)
    folder = home / f"{os.getpid()}-{secrets.token_hex(4)}"
    try:
        private_folder(home)
        folder.mkdir(mode=0o700)
        lock = _locked(folder / LOCK_FILE)
    except OSError as error:
        raise StoreError(
            f"cannot create the server's folder: {error.strerror or error}",
            hint="the reports folder must be writable",
            where=Where(str(folder)),
        ) from error
    path = folder / DATABASE_FILE
    try:
        with ExitStack() as stack:
            connection = _begin(stack, reports / DATABASE_FILE, path)
            make_room(connection)
            yield Mirror(reports, connection, path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _locked(path: Path) -> int:
    """A new file under a lock that ends with this process, however it ends. Raises OSError."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with suppress(OSError):  # where there are no locks, the process's number says who is alive
        fcntl.flock(fd, fcntl.LOCK_SH)
    return fd


def _begin(stack: ExitStack, source: Path, path: Path) -> DuckDBPyConnection:
    """Open a copy of ``source`` at ``path`` if that works, else an empty database."""
    if _copied(source, path):
        with ExitStack() as attempt:
            try:
                connection = attempt.enter_context(opened(path, read_only=False, wait_s=0))
                check_tables(connection, path)
            except StoreError:
                attempt.close()
                path.unlink()
            else:
                stack.push(attempt.pop_all())
                return connection
    connection = stack.enter_context(opened(path, read_only=False, wait_s=0))
    prepare(connection, path)
    return connection


def _copied(source: Path, path: Path) -> bool:
    """Copy the database without opening it. False if there is none, or somebody was writing it."""
    wal = source.with_name(f"{source.name}.wal")
    try:
        before = source.lstat()
        if wal.exists() or source.is_symlink():
            return False
        shutil.copyfile(source, path)
        path.chmod(0o600)
        after = source.lstat()
    except OSError:
        path.unlink(missing_ok=True)
        return False
    if wal.exists() or (before.st_mtime_ns, before.st_size, before.st_ino) != (
        after.st_mtime_ns,
        after.st_size,
        after.st_ino,
    ):
        path.unlink()
        return False
    return True


def sweep(home: Path) -> None:
    """Delete what servers that were killed have left: their locks went with them."""
    for folder in home.iterdir() if home.is_dir() and not home.is_symlink() else ():
        owner = folder.name.partition("-")[0]
        if owner.isascii() and owner.isdigit() and not _in_use(folder, int(owner)):
            shutil.rmtree(folder, ignore_errors=True)


def _in_use(folder: Path, owner: int) -> bool:
    """A number may be another process's by now, or one of another container; the lock says more, where there is one."""
    try:
        locked = is_written(folder / LOCK_FILE)
    except OSError:
        locked = None  # it is not there yet
    return _alive(owner) if locked is None else locked


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def is_going_on(folder: Path) -> bool | None:
    """Whether a process has the journals of a run open; None where the file system knows no locks. Labels do not count.

    Between its last trial and its end a run has none open: only one that has fallen silent as well was killed. Raises OSError.
    """
    paths = [path for path in folder.glob("*.jsonl") if not path.name.startswith(LABELS)]
    found = {is_written(path) for path in paths if path.is_file() and not path.is_symlink()}
    return True if True in found else None if None in found else False


def _settled(news: RunNews, now: float) -> bool:
    """Whether a run came to its end, or nothing was written to it for a while."""
    paths = [news.folder / name for name in news.sizes]
    try:
        if any(record["t"] == "end" for path in paths for record in first_and_last(path)):
            return True
        return max(path.stat().st_mtime for path in paths) + QUIET_S < now
    except (OSError, StoreError):
        return False  # it is being moved or deleted: the next refresh will see
