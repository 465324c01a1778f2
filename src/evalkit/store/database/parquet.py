"""Rows written as one Parquet file, by a database that can write that file and touch nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalkit.errors import StoreError, Where
from evalkit.store.database.connection import first_line, in_memory, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path


def write_parquet(path: Path, columns: Sequence[tuple[str, str]], rows: Iterable[Sequence[Any]]) -> None:
    """Write ``rows`` to ``path``, which must be in an existing folder; ``columns`` are names and DuckDB types.

    Beyond DuckDB's memory limit rows wait in its own temporary files. Raises StoreError.
    """
    import duckdb

    try:
        with in_memory(allowed=[str(path)]) as connection:
            described = ", ".join(f"{_identifier(name)} {kind}" for name, kind in columns)
            connection.execute(f"create table exported ({described})")
            with connection.appender("exported") as appender:
                appender.append_rows(rows)
            target = quoted(str(path))
            connection.execute(f"copy exported to {target} (format parquet, compression zstd, use_tmp_file false)")
    except duckdb.Error as error:
        raise StoreError(
            f"cannot write the Parquet file: {first_line(error)}",
            hint="choose a folder that you may write to, with room in it",
            where=Where(str(path)),
        ) from error


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
