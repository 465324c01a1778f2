"""A database without some of its runs: a new file with the rows that stay, for what is deleted in place leaves its bytes behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalkit.errors import StoreError, Where
from evalkit.files import fresh_file
from evalkit.store.database.connection import first_line, in_memory, opened, quoted
from evalkit.store.database.ingest import check_tables
from evalkit.store.database.rows import TABLES, SharedTable
from evalkit.store.database.schema import statements

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from pathlib import Path

    from duckdb import DuckDBPyConnection

_STAY = {
    "prompts": "(ref, digest) in (select prompt, prompt_digest from fresh.variants union select ref, digest from still)",
    "cases": "(suite_path, case_id, case_digest) in (select (suite_path, case_id, case_digest) from fresh.trials)",
    "requests": "request_key in (select request_key from fresh.responses)",
}
"""Which rows stay of the tables that runs share."""


def stored_runs(database: Path) -> list[tuple[str, datetime | None, frozenset[str]]]:
    """Id, start (UTC) and prompts of every run in the database; none if there is no database. Raises StoreError."""
    if not database.exists():
        return []
    with opened(database, read_only=True) as connection:
        check_tables(connection, database)
        rows = connection.execute(
            "select run_id, any_value(started_at), list(distinct prompt) from runs left join variants using (run_id) group by run_id"
        ).fetchall()
    return [(run_id, at, frozenset(filter(None, prompts))) for run_id, at, prompts in rows]


def without_runs(database: Path, runs: frozenset[str], *, prompts: Iterable[tuple[str, str]]) -> None:
    """Write the database anew without ``runs`` and without what only they had in it; ``prompts`` are kept.

    The new file takes the place of the old one at once. Raises StoreLockedError if another process holds it, StoreError for one that
    cannot be read.
    """
    if not database.exists():
        return
    with opened(database, read_only=False) as connection:  # what its log holds goes into the file
        check_tables(connection, database)
    try:
        with fresh_file(database) as fresh:
            fresh.unlink()
            _copy(database, fresh, runs, prompts)
    except OSError as error:
        raise StoreError(
            f"cannot write the database: {error.strerror}",
            hint="the reports folder must be writable, with room in it",
            where=Where(str(database)),
        ) from error


def _copy(database: Path, fresh: Path, runs: frozenset[str], prompts: Iterable[tuple[str, str]]) -> None:
    import duckdb

    allowed = [f"{path}{suffix}" for path in (database, fresh) for suffix in ("", ".wal", ".wal.checkpoint")]
    try:
        with in_memory(allowed=allowed) as connection:
            connection.execute(f"attach {quoted(str(database))} as old (read_only)")
            connection.execute(f"attach {quoted(str(fresh))} as fresh")
            connection.execute("create table still (ref varchar, digest varchar)")
            connection.executemany("insert into still values (?, ?)", [*prompts, ("", "")])
            connection.execute("use fresh")
            for statement in statements():
                connection.execute(statement)
            _fill(connection, sorted(runs))
            connection.execute("checkpoint fresh")
    except duckdb.Error as error:
        raise StoreError(
            f"DuckDB: {first_line(error)}",
            hint="'evalkit ingest --rebuild' makes the database again from the journals; then purge again",
            where=Where(str(database)),
        ) from error
    fresh.chmod(0o600)


def _fill(connection: DuckDBPyConnection, runs: list[str]) -> None:
    shared = [table.name for table in TABLES if isinstance(table, SharedTable)]
    own = ["ingested", *(table.name for table in TABLES if table.name not in shared)]
    connection.execute("insert into fresh.meta select * from old.meta")
    for name in own:
        statement = (
            f"insert into fresh.{name} select * from old.{name} where run_id is null or not list_contains(?, run_id)"  # noqa: S608 - a name from TABLES
        )
        connection.execute(statement, [runs])
    for name in shared:
        kept = _STAY[name].replace("still", "memory.still")
        connection.execute(f"insert into fresh.{name} select * from old.{name} where {kept}")  # noqa: S608 - names from TABLES
