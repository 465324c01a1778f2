"""Reading what is stored: SQL for people, and rows of Parquet files for datasets."""

from __future__ import annotations

import base64
import math
import stat
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from evalkit.errors import ConfigError, SuiteError, Where
from evalkit.files import MAX_BYTES
from evalkit.store.database.connection import WAIT_S, first_line, in_memory, opened, quoted
from evalkit.store.database.ingest import check_tables

if TYPE_CHECKING:
    from pathlib import Path

    from duckdb import DuckDBPyConnection, Statement

MAX_ROWS = 200_000
"""Rows that a dataset may have."""
MAX_TYPE_DEPTH = 12
"""Levels that a Parquet column may nest: DuckDB's time to read one doubles with each."""


@dataclass(frozen=True, slots=True)
class Table:
    """The answer to a query; ``truncated`` says that there were more rows than were asked for."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    truncated: bool = False


def run_sql(database: Path, sql: str, *, limit: int | None = None, wait_s: float = WAIT_S) -> Table:
    """Answer one query that reads. It sees the tables and views of the database and nothing else on the machine.

    Raises ConfigError with DuckDB's explanation for a query that is wrong or would write, StoreError for a database that cannot be read.
    """
    import duckdb

    with opened(database, read_only=True, wait_s=wait_s) as connection:
        check_tables(connection, database)
        try:
            cursor = connection.execute(_only_statement(connection, sql))
            columns = tuple(str(column[0]) for column in cursor.description or ())
            rows = cursor.fetchall() if limit is None else cursor.fetchmany(limit + 1)
        except duckdb.Error as error:
            raise ConfigError(f"the query failed: {_explained(error)}", hint=_hint(error)) from error
    return Table(columns, tuple(rows[:limit]), truncated=limit is not None and len(rows) > limit)


def _only_statement(connection: DuckDBPyConnection, sql: str) -> Statement:
    import duckdb

    if not _is_utf8(sql):
        raise ConfigError("the query holds bytes that are not UTF-8", hint="check the encoding of your terminal")
    statements = connection.extract_statements(sql)
    if len(statements) != 1:
        raise ConfigError(
            f"{len(statements)} statements; one query at a time", hint='evalkit sql "select * from pass_rates"'
        )
    if statements[0].type != duckdb.StatementType.SELECT:
        raise ConfigError(
            f"a statement of type {statements[0].type.name} is refused: queries only read",
            hint="select, from, with, show, describe and summarize work; the tables are made from the journals",
        )
    return statements[0]


def _explained(error: Exception) -> str:
    return first_line(error) if "pytz" in str(error) else str(error).strip()


def _hint(error: Exception) -> str:
    if "pytz" in str(error):
        return "cast times with a time zone: select now()::timestamp"
    if "file system operations are disabled" in str(error):
        return "a query reads the tables of the database, no files"
    return "'evalkit sql' without a query lists the tables and views"


def read_parquet(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a Parquet file as plain JSON: times as ISO 8601 text, decimals as numbers, bytes as Base64, NaN as None.

    Nothing but this file can be read meanwhile. Raises SuiteError for a file that is not Parquet or has more than ``MAX_ROWS`` rows.
    """
    import duckdb

    where = Where(str(path))
    _must_be_small_file(path, where)
    try:
        with in_memory(allowed=[str(path), _pattern(path)]) as connection:
            columns, rows = _parquet_rows(connection, path, where)
    except duckdb.Error as error:
        raise SuiteError(
            f"not a readable Parquet file: {first_line(error).replace(str(path), path.name)}",
            hint="save it again, or as CSV",
            where=where,
        ) from error
    if len(rows) > MAX_ROWS:
        raise SuiteError(f"the file has more than {MAX_ROWS:,} rows", hint="split it", where=where)
    return [{name: _plain(value) for name, value in zip(columns, row, strict=True)} for row in rows]


def _must_be_small_file(path: Path, where: Where) -> None:
    try:
        info = path.stat()
    except OSError as error:
        raise SuiteError(
            f"cannot read the file: {error.strerror or error}",
            hint="check that it exists and that you may read it",
            where=where,
        ) from error
    if not stat.S_ISREG(info.st_mode) or not _is_utf8(str(path)):
        raise SuiteError("not a regular file with a UTF-8 name", hint="rename it, or save the data as CSV", where=where)
    if info.st_size > MAX_BYTES:
        raise SuiteError(
            f"the file has {info.st_size:,} bytes; the limit is {MAX_BYTES:,}", hint="split it", where=where
        )


def _parquet_rows(connection: DuckDBPyConnection, path: Path, where: Where) -> tuple[list[str], list[tuple[Any, ...]]]:
    source = f"read_parquet({quoted(_pattern(path))})"
    described = connection.execute(f"describe from {source}").fetchall()
    for row in described:
        if _depth(str(row[1])) > MAX_TYPE_DEPTH:
            problem = f"the column {str(row[0])[:80]!r} has a type that is nested too deep: {str(row[1])[:60]}"
            raise SuiteError(problem, hint="flatten it, or save the column as text", where=where)
    chosen = ", ".join(_column(str(row[0]), str(row[1])) for row in described)
    rows = connection.execute(f"select {chosen} from {source}").fetchmany(MAX_ROWS + 1)  # noqa: S608 - quoted above
    return [str(row[0]) for row in described], rows


def _depth(kind: str) -> int:
    """How many levels the name of a DuckDB type nests: ``STRUCT(a INTEGER[])`` has two."""
    deepest = level = 0
    for character in kind:
        level += (character in "([") - (character == ")")  # the brackets of a list stand behind, one pair per level
        deepest = max(deepest, level)
    return deepest


def _is_utf8(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _pattern(path: Path) -> str:
    """The path as a pattern that matches only itself."""
    return "".join(f"[{character}]" if character in "*?[" else character for character in str(path))


def _column(name: str, kind: str) -> str:
    identifier = '"' + name.replace('"', '""') + '"'
    if kind == "TIMESTAMP WITH TIME ZONE":  # Python would need another package for these
        return f"replace(({identifier} at time zone 'UTC')::varchar, ' ', 'T') || '+00:00' as {identifier}"
    return identifier


def _plain(value: Any) -> Any:  # noqa: ANN401, PLR0911 - whatever DuckDB returns for a column; one line per type
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, (float, Decimal)):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
