"""A table of a run written as JSON, JSON lines, CSV or Parquet."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any, Literal

from evalkit.report.clean import cell
from evalkit.store.database.parquet import write_parquet
from evalkit.store.database.rows import as_json, moment, real, text, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path
    from typing import TextIO

    from evalkit.report.tables import Column, ExportTable, Kind, Row
    from evalkit.store.journal.reader import RunRecords

SCHEMA = "evalkit.export/1"
"""The schema of an exported table in JSON."""
Form = Literal["json", "jsonl", "csv", "parquet"]
TextForm = Literal["json", "jsonl", "csv"]
_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_JSON_TYPES: dict[Kind, dict[str, Any]] = {
    "varchar": {"type": "string"},
    "bigint": {"type": "integer"},
    "double": {"type": "number"},
    "boolean": {"type": "boolean"},
    "timestamp": {"type": "string", "format": "date-time"},
    "json": {},
}


def write_json(table: ExportTable, records: RunRecords, file: TextIO) -> None:
    """Write one JSON object (schema ``evalkit.export/1``), a row per line. Strings are exact: also lone surrogates, as escapes."""
    head = {"schema": SCHEMA, "table": table.name, "run_id": records.run.run_id}
    file.write(f'{_dumps(head)[:-1]}, "rows": [')
    for number, row in enumerate(table.rows(records)):
        file.write(",\n" if number else "\n")
        file.write(_dumps(row))
    file.write("\n]}\n")


def write_jsonl(table: ExportTable, records: RunRecords, file: TextIO) -> None:
    """Write one JSON object per row and line, exact as in :func:`write_json`."""
    for row in table.rows(records):
        file.write(f"{_dumps(row)}\n")


def write_csv(table: ExportTable, records: RunRecords, file: TextIO) -> None:
    """Write CSV (RFC 4180, UTF-8, a header, ``\\n`` line ends) that no spreadsheet takes for formulas: see :func:`evalkit.report.clean.cell`."""
    names = [column.name for column in table.columns]
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(names)
    for row in table.rows(records):
        writer.writerow([cell(_flat(column, row)) for column in table.columns])


def write_table_as_parquet(table: ExportTable, records: RunRecords, path: Path) -> None:
    """Write a Parquet file; JSON columns are text. Raises StoreError."""
    types = [(column.name, "varchar" if column.kind == "json" else column.kind) for column in table.columns]
    write_parquet(path, types, (_typed(table.columns, row) for row in table.rows(records)))


WRITERS: dict[TextForm, Callable[[ExportTable, RunRecords, TextIO], None]] = {
    "json": write_json,
    "jsonl": write_jsonl,
    "csv": write_csv,
}
"""How a table is written as text."""


def row_schema(table: ExportTable) -> dict[str, Any]:
    """The JSON Schema of one row, as :func:`write_jsonl` writes it: every column is there, and no other."""
    return {
        "type": "object",
        "description": table.comment,
        "properties": {column.name: _column_schema(column) for column in table.columns},
        "required": [column.name for column in table.columns],
        "additionalProperties": False,
    }


def export_schema(tables: Iterable[ExportTable]) -> dict[str, Any]:
    """The JSON Schema of what :func:`write_json` writes, for any of ``tables``."""
    known = list(tables)
    return {
        "$schema": _DRAFT,
        "title": SCHEMA,
        "description": "A table of one evalkit run, as `evalkit export --format json` writes it.",
        "oneOf": [
            {
                "type": "object",
                "properties": {
                    "schema": {"const": SCHEMA},
                    "table": {"const": table.name},
                    "run_id": {"type": "string"},
                    "rows": {"type": "array", "items": {"$ref": f"#/$defs/{table.name}"}},
                },
                "required": ["schema", "table", "run_id", "rows"],
                "additionalProperties": False,
            }
            for table in known
        ],
        "$defs": {table.name: row_schema(table) for table in known},
    }


def _column_schema(column: Column) -> dict[str, Any]:
    kind = _JSON_TYPES[column.kind]
    if kind and not column.required:
        kind = {**kind, "type": [kind["type"], "null"]}
    return {**kind, "description": column.comment}


def _dumps(value: object) -> str:
    return json.dumps(value, ensure_ascii=True, allow_nan=False)


def _flat(column: Column, row: Row) -> Any:  # noqa: ANN401 - any value of a column
    value = row[column.name]
    return as_json(value) if column.kind == "json" else value


def _typed(columns: tuple[Column, ...], row: Row) -> tuple[Any, ...]:
    return tuple(_PARQUET[column.kind](row[column.name]) for column in columns)


_PARQUET: dict[Kind, Callable[[Any], Any]] = {
    "varchar": text,
    "bigint": whole,
    "double": real,
    "boolean": lambda value: value,
    "timestamp": moment,
    "json": as_json,
}
