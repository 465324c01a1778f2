"""Answers of earlier runs by request key: an SQLite file derived from the journals, so a killed run's answers are found too."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any

from evalkit.canon import digest_text
from evalkit.errors import StoreError, StoreLockedError, Where
from evalkit.files import private_folder
from evalkit.model.calls import Response
from evalkit.store.journal.codec import decode, decode_text, dumps
from evalkit.store.journal.lines import scan

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

CACHE_FILE = "cache.sqlite"
"""The cache's name in the reports folder."""

_BUSY_S = 30.0
_SCHEMA = """
create table if not exists responses (key text primary key, response text not null, seal text not null, settled_at real not null)
  without rowid;
create table if not exists absorbed (file text primary key, size integer not null, next integer not null) without rowid;
"""
_CANNOT_LOCK = frozenset({
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_NOLFS,
    sqlite3.SQLITE_IOERR_LOCK,
    sqlite3.SQLITE_IOERR_RDLOCK,
    sqlite3.SQLITE_IOERR_CHECKRESERVEDLOCK,
    sqlite3.SQLITE_IOERR_SHMLOCK,
    sqlite3.SQLITE_IOERR_SHMMAP,
    sqlite3.SQLITE_IOERR_SHMOPEN,
    sqlite3.SQLITE_IOERR_SHMSIZE,
})
"""What SQLite says where ``fcntl`` locks or shared memory do not work (https://www.sqlite.org/rescode.html)."""

_KEEP = """
insert into responses values (?, ?, ?, ?) on conflict (key) do update
set response = excluded.response, seal = excluded.seal, settled_at = excluded.settled_at
where excluded.settled_at >= responses.settled_at
"""


@dataclass(frozen=True, slots=True)
class Absorbed:
    """What :meth:`Cache.absorb` read: ``files`` that were new or had grown, ``responses`` found in them, records it skipped."""

    files: int
    responses: int
    damage: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _News:
    """A journal that was not read to its end yet: its name in the cache, its size, and the byte to go on from."""

    name: str
    path: Path
    size: int
    start: int


@dataclass(slots=True)
class _Reading:
    """The answers in a journal, one at a time: a journal may be larger than the memory. The rest is known when all were read.

    ``end`` is the byte up to which all was read, ``found`` counts answers, ``damage`` says what was skipped.
    """

    news: _News
    end: int
    found: int = 0
    damage: list[str] = field(default_factory=list)

    def rows(self) -> Iterator[tuple[str, str, str, float]]:
        """Yield the rows to keep. A last line that is cut short is left for next time."""
        for line in scan(self.news.path, offset=self.news.start):
            if line.body is None and line.last:
                return
            self.end = line.end
            if line.body is None:
                self.damage.append(f"{self.news.name}: the record at byte {line.start} is damaged and was skipped")
            elif line.body.startswith(b'{"t":"call"') and b'"source":"live"' in line.body:
                for row in _row(line.record or {}):
                    self.found += 1
                    yield row


class Cache:
    """Satisfies :class:`evalkit.engine.ports.ResponseCache`. Thread-safe; several processes may share the file.

    A file that SQLite cannot use is renamed aside and built again from the journals; where files cannot be locked (some network file
    systems), this process has a cache of its own in memory. ``notes`` says so. Raises StoreLockedError if
    another process keeps it locked, StoreError if it cannot be created.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._kept: dict[str, Response] = {}
        self.notes: list[str] = []
        try:
            self._db = _open(path)
        except sqlite3.DatabaseError as error:
            self._db = self._in_memory(error) if _code(error) in _CANNOT_LOCK else self._start_again(error)

    def get(self, key: str) -> Response | None:
        """Return the newest response stored for ``key``, or None.

        Raises StoreError if the row was changed by hand: an answer that nobody gave must not be measured.
        """
        if key in self._kept:
            return self._kept[key]
        with self._lock, _guarded(self._path):
            row = self._db.execute("select response, seal from responses where key = ?", (key,)).fetchone()
        if row is None:
            return None
        text, seal = row
        if not isinstance(text, str) or seal != _seal(key, text):
            raise StoreError(
                f"the cached answer of request {key[:12]} was changed",
                hint="delete the file: it is rebuilt from the journals, and nothing is paid twice",
                where=Where(str(self._path)),
            )
        return decode_text(Response, text.encode("utf-8", "surrogatepass")) or decode(Response, json.loads(text))

    def keep(self, key: str, response: Response) -> None:
        """Answer ``key`` with ``response`` until this process ends: for an answer that must not be written down as it is."""
        self._kept[key] = response

    def absorb(self, journal_root: Path) -> Absorbed:
        """Read what journals under ``journal_root`` hold beyond what was read before. Keeps live answers that ended normally.

        Damaged records are skipped and named in the outcome; a half-written last one is read next time.
        """
        with self._lock, _guarded(self._path):
            if not self._news(journal_root):
                return Absorbed(0, 0)
            self._db.execute("begin immediate")
            try:
                outcome = self._absorb_all(self._news(journal_root))  # asked again: another process may have been first
            except BaseException:
                if self._db.in_transaction:  # on a full disk SQLite has rolled back by itself
                    self._db.execute("rollback")
                raise
            self._db.execute("commit")
        return outcome

    def forget(self, keys: Iterable[str], *, runs: Collection[str]) -> None:
        """Delete the answers to the requests ``keys`` for good; those that other journals than those of ``runs`` hold come back when these are read.

        Raises StoreLockedError while another process uses the file, which must be written anew.
        """
        with self._lock, _guarded(self._path):
            self._db.execute("pragma secure_delete = on")
            self._db.execute("begin immediate")
            self._db.executemany("delete from responses where key = ?", ((key,) for key in keys))
            known = [name for (name,) in self._db.execute("select file from absorbed")]
            others = [(name,) for name in known if name.partition("/")[0] not in runs]
            self._db.executemany("delete from absorbed where file = ?", others)
            self._db.execute("commit")
            self._db.execute("vacuum")
            self._db.execute("pragma wal_checkpoint(truncate)")

    def span(self) -> tuple[int, float | None, float | None]:
        """Return how many answers there are, and the Unix times of the oldest and the newest; None without any."""
        with self._lock, _guarded(self._path):
            rows, oldest, newest = self._db.execute(
                "select count(*), min(settled_at), max(settled_at) from responses"
            ).fetchone()
        return rows, oldest, newest

    def close(self) -> None:
        """Close the file. Closing twice is fine."""
        with self._lock:
            self._db.close()

    def _news(self, journal_root: Path) -> list[_News]:
        known = {name: (size, start) for name, size, start in self._db.execute("select * from absorbed")}
        news = []
        for name, path, size in _journals(journal_root):
            seen, start = known.get(name, (-1, 0))
            if size != seen:
                news.append(_News(name, path, size, start if seen <= size else 0))
        return news

    def _absorb_all(self, news: list[_News]) -> Absorbed:
        readings = [_Reading(one, end=one.start) for one in news]
        for reading in readings:
            self._db.executemany(_KEEP, reading.rows())
            file = reading.news
            self._db.execute("insert or replace into absorbed values (?, ?, ?)", (file.name, file.size, reading.end))
        damage = tuple(note for reading in readings for note in reading.damage)
        return Absorbed(len(news), sum(reading.found for reading in readings), damage)

    def _in_memory(self, error: sqlite3.DatabaseError) -> sqlite3.Connection:
        self.notes.append(
            f"the response cache cannot be locked where it lies ({error}), so this run has its own, made from the journals; "
            "set 'reports' in [tool.evalkit] to a folder on a local disk"
        )
        return _connected(":memory:")

    def _start_again(self, error: sqlite3.DatabaseError) -> sqlite3.Connection:
        if _is_lock(error):
            raise _locked(self._path) from error
        aside = self._path.with_name(f"{self._path.name}.damaged-{time.time_ns()}")
        try:
            self._path.rename(aside)
            for suffix in ("-wal", "-shm"):
                self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
            database = _open(self._path)
        except (OSError, sqlite3.Error) as trouble:
            raise _unusable(self._path, trouble) from error
        self.notes.append(
            f"the response cache was damaged ({error}); it was renamed to {aside.name} and built again from the journals"
        )
        return database


def _open(path: Path) -> sqlite3.Connection:
    try:
        private_folder(path.parent)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600))
    except OSError as error:
        raise _unusable(path, error) from error
    return _connected(path)


def _connected(where: Path | str) -> sqlite3.Connection:
    database = sqlite3.connect(where, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
    try:
        database.execute("pragma trusted_schema = off")
        _use_wal(database)
        database.execute("pragma synchronous = normal")
        database.executescript(_SCHEMA)
        database.execute("select key, response, seal, settled_at from responses limit 1").fetchone()
        database.execute("select file, size, next from absorbed limit 1").fetchone()
    except BaseException:
        database.close()
        raise
    return database


def _use_wal(database: sqlite3.Connection) -> None:
    """Switch to a write-ahead log, where the file system can share memory; it is faster, not safer.

    SQLite does not wait for another process that is doing the same, so this does.
    """
    give_up = time.monotonic() + _BUSY_S
    while database.execute("pragma journal_mode").fetchone() != ("wal",):
        try:
            if database.execute("pragma journal_mode = wal").fetchone() != ("wal",):
                return
        except sqlite3.OperationalError as error:
            if not _is_lock(error) or time.monotonic() > give_up:
                raise
            time.sleep(0.01)


@contextmanager
def _guarded(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise (_locked(path) if _is_lock(error) else _unusable(path, error)) from error


def _is_lock(error: sqlite3.Error) -> bool:
    return _code(error) in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def _code(error: Exception) -> int | None:
    return getattr(error, "sqlite_errorcode", None)


def _locked(path: Path) -> StoreLockedError:
    return StoreLockedError(
        "another process holds the response cache", hint="wait for it to end", where=Where(str(path))
    )


def _unusable(path: Path, error: Exception) -> StoreError:
    code = _code(error)
    hint = "delete the file: it is rebuilt from the journals"
    if code == sqlite3.SQLITE_FULL:
        hint = "make space on the disk"
    elif isinstance(error, PermissionError) or code in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}:
        hint = "the reports folder must be writable"
    return StoreError(
        f"cannot use the response cache: {error}",
        hint=hint,
        where=Where(str(path)),
    )


def _journals(root: Path) -> Iterator[tuple[str, Path, int]]:
    if not root.is_dir():
        return
    for folder in sorted(root.iterdir()):
        if folder.is_dir() and not folder.is_symlink():
            for path in sorted(folder.glob("*.jsonl")):
                if path.is_file() and not path.is_symlink():
                    yield f"{folder.name}/{path.name}", path, path.stat().st_size


def _row(record: dict[str, Any]) -> list[tuple[str, str, str, float]]:
    """The row of a live answer that ended normally; nothing for any other call."""
    try:
        call, key = record["call"], record["key"]
        reply = call["reply"]
        whole = "text" in reply and not record.get("redacted")  # what something was taken out of is nobody's answer
        usable = whole and call["source"] == "live" and reply.get("finish") != "unknown"
        settled_at = float(call.get("settled_at", 0.0))
    except (AttributeError, KeyError, TypeError, ValueError):
        return []
    if not usable or not isinstance(key, str):
        return []
    text = dumps(reply)
    return [(key, text, _seal(key, text), settled_at)]


def _seal(key: str, text: str) -> str:
    return digest_text(f"{key}\n{text}")
