"""The only door to a DuckDB file: hardened, opened late, closed early, patient with whoever holds it."""

from __future__ import annotations

import errno
import os
import re
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from evalkit.errors import StoreError, StoreLockedError, Where

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from duckdb import DuckDBPyConnection

WAIT_S = 30.0
"""Seconds to wait for another process that holds the file."""

_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "allow_persistent_secrets": False,
    "python_enable_replacements": False,
    "threads": 2,
}
MEMORY = "2GB"
"""What DuckDB may take unless told otherwise."""
_CANNOT_LOCK = tuple(os.strerror(number) for number in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS))
_PID = re.compile(r"\(PID (\d+)\)")


@contextmanager
def opened(
    path: Path, *, read_only: bool, wait_s: float = WAIT_S, memory: str = MEMORY
) -> Iterator[DuckDBPyConnection]:
    """Open the database file, and close it at the end of the block. A new file is readable by its owner alone.

    Beyond ``memory`` DuckDB uses the disk, where it can: see :func:`needs_memory`.

    SQL on the connection cannot touch files, the network, extensions or Python variables. Raises StoreLockedError that names the
    process if the file is held for longer than ``wait_s``, StoreError for a missing, foreign or damaged file and for any error of DuckDB
    inside the block.
    """
    import duckdb

    if path.exists() and not path.is_file():
        hint = "move it away: 'evalkit ingest --rebuild' makes the database from the journals"
        raise StoreError("the database is not a regular file", hint=hint, where=Where(str(path)))
    if path.is_symlink():
        raise StoreError(
            "the database is a symbolic link", hint="replace it with the file itself", where=Where(str(path))
        )
    old_mask = None if read_only else os.umask(0o077)  # DuckDB takes no mode; its WAL is created while we write
    try:
        connection = _patiently(path, read_only=read_only, wait_s=wait_s, memory=memory)
        with connection:
            yield connection
    except duckdb.Error as error:
        raise StoreError(
            f"DuckDB: {first_line(error)}",
            hint="'evalkit ingest --rebuild' makes the database again from the journals",
            where=Where(str(path)),
        ) from error
    finally:
        if old_mask is not None:
            os.umask(old_mask)


@contextmanager
def in_memory(*, allowed: Sequence[str] = ()) -> Iterator[DuckDBPyConnection]:
    """Open an empty database in memory that can read and write the paths ``allowed`` and nothing else. Errors of DuckDB pass through."""
    import duckdb

    with duckdb.connect(":memory:", config={**_CONFIG, "memory_limit": MEMORY}) as connection:
        paths = ", ".join(quoted(path) for path in allowed)
        connection.execute(f"set allowed_paths = [{paths}]")
        _lock_up(connection)
        yield connection


def needs_memory(error: StoreError) -> bool:
    """Whether DuckDB gave up because it needs more memory: to commit, it must hold a whole block of rows at once."""
    import duckdb

    cause = error.__cause__
    return isinstance(cause, duckdb.OutOfMemoryException) or (
        isinstance(cause, duckdb.Error) and "failed to pin block" in str(cause)
    )


def first_line(error: Exception) -> str:
    """DuckDB's message without its hints and stack."""
    text = str(error).strip()
    return (text.splitlines() or [type(error).__name__])[0]


def _lock_up(connection: DuckDBPyConnection) -> None:
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")


def _patiently(path: Path, *, read_only: bool, wait_s: float, memory: str) -> DuckDBPyConnection:
    deadline, pause = time.monotonic() + wait_s, 0.05
    while True:
        try:
            return _connect(path, read_only=read_only, memory=memory)
        except StoreLockedError:
            if time.monotonic() >= deadline:
                raise
        time.sleep(min(pause, max(0.0, deadline - time.monotonic())))
        pause = min(pause * 2, 1.0)


def _connect(path: Path, *, read_only: bool, memory: str) -> DuckDBPyConnection:
    import duckdb

    if read_only and not path.is_file():
        raise StoreError("there is no database yet", hint="run a suite, or 'evalkit ingest'", where=Where(str(path)))
    try:
        config = {**_CONFIG, "memory_limit": memory, "enable_external_access": False}
        connection = duckdb.connect(str(path), read_only=read_only, config=config)
    except (duckdb.IOException, duckdb.ConnectionException) as error:
        raise _refusal(path, error) from error
    connection.execute("set lock_configuration = true")
    return connection


def _refusal(path: Path, error: Exception) -> StoreError:
    text = str(error)
    if any(reason in text for reason in _CANNOT_LOCK):
        return StoreError(
            f"the file system of the database cannot lock files: {first_line(error)}",
            hint="set 'reports' in [tool.evalkit] to a folder on a local disk; 'evalkit ingest' then brings in what the journals hold",
            where=Where(str(path)),
        )
    if "Could not set lock" in text:
        holder = _PID.search(text)
        who = f"process {holder[1]}" if holder else "another process"
        return StoreLockedError(
            f"{who} holds the database", hint="wait for it to end, then run again", where=Where(str(path))
        )
    if "different configuration" in text:
        return StoreLockedError(
            f"this process ({os.getpid()}) holds the database already",
            hint="close the other connection",
            where=Where(str(path)),
        )
    return StoreError(
        f"cannot open the database: {first_line(error)}",
        hint="'evalkit ingest --rebuild' makes it again from the journals",
        where=Where(str(path)),
    )


def quoted(text: str) -> str:
    """``text`` as an SQL string literal."""
    return "'" + text.replace("'", "''") + "'"
