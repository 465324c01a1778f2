"""``evalkit sql`` and ``evalkit ingest``: ask the database, and bring it up to date with the journals."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from evalkit.config import find_root, load_config

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalkit.store.database.query import Table

_SHOWN_ROWS = 500
_SHOWN_CHARACTERS = 80


@click.command("sql")
@click.argument("query", required=False)
@click.option(
    "--format", "form", type=click.Choice(["table", "csv", "json", "markdown"]), default="table", show_default=True
)
@click.option(
    "-n",
    "--limit",
    type=click.IntRange(1),
    help=f"Rows at most. Default: {_SHOWN_ROWS} for table and markdown, else all.",
)
def sql_command(query: str | None, form: str, limit: int | None) -> int:
    """Answer a query over everything that was stored; without a query, list the tables and views.

    \b
    Examples:
      evalkit sql "select * from pass_rates"
      evalkit sql "select case_id, answer from trial_overview where status = 'fail'" --format csv
    """
    from evalkit.store.database.ingest import DATABASE_FILE
    from evalkit.store.database.query import run_sql

    if query is None:
        for line in _schema_lines():
            click.echo(line)
        return 0
    config = load_config(find_root(Path.cwd()))
    if limit is None and form in {"table", "markdown"}:
        limit = _SHOWN_ROWS
    table = run_sql(config.folder("reports") / DATABASE_FILE, query, limit=limit)
    click.echo(_WRITERS[form](table), nl=False)
    if table.truncated:
        click.echo(f"only the first {len(table.rows)} rows are shown; --limit sets how many", err=True)
    return 0


@click.command("ingest")
@click.option("--rebuild", is_flag=True, help="Make the database again from the journals; the old one is kept as .old.")
def ingest_command(*, rebuild: bool) -> int:
    """Bring the database up to date with the journals, as every run does at its end.

    \b
    Example:
      evalkit ingest --rebuild
    """
    from evalkit.report.clean import clean
    from evalkit.store.database import ingest as database

    config = load_config(find_root(Path.cwd()))
    reports = config.folder("reports")
    work = database.rebuild if rebuild else database.ingest
    done = work(reports / "journal", reports / database.DATABASE_FILE)
    for note in done.damage:
        click.echo(f"warning: {clean(note)}", err=True)
    click.echo(f"{done.runs} runs with {done.trials} trials were read into {config.reports}/{database.DATABASE_FILE}")
    # A record cut short is what a kill leaves behind; anything else is damage, and what it held was not measured.
    return 3 if any("cut short" not in note for note in done.damage) else 0


def _schema_lines() -> Iterator[str]:
    from evalkit.store.database.schema import described

    for relation in described():
        yield f"{relation.kind} {relation.name}: {relation.comment}"
        if relation.kind == "view":
            yield f"  {', '.join(name for name, _, _ in relation.columns)}"
        for name, kind, comment in relation.columns if relation.kind == "table" else ():
            yield f"  {name:22} {kind:10} {comment}"
        yield ""


def _cell(value: object) -> str:
    """A cell for eyes: one line, no control characters, not too wide."""
    from evalkit.report.clean import one_line

    return "" if value is None else one_line(str(value), limit=_SHOWN_CHARACTERS)


def _as_table(table: Table) -> str:
    cells = [[_cell(value) for value in row] for row in (table.columns, *table.rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines) + f"\n({len(table.rows)} row{'' if len(table.rows) == 1 else 's'})\n"


def _as_markdown(table: Table) -> str:
    from evalkit.report.markdown import text

    rows = [[text(_cell(value)) for value in row] for row in (table.columns, *table.rows)]
    rows.insert(1, ["---"] * len(table.columns))
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _as_csv(table: Table) -> str:
    from evalkit.report.clean import cell

    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerows([cell(value) for value in row] for row in (table.columns, *table.rows))
    return buffer.getvalue()


def _as_json(table: Table) -> str:
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    return json.dumps(rows, indent=2, default=str) + "\n"


_WRITERS = {"table": _as_table, "csv": _as_csv, "json": _as_json, "markdown": _as_markdown}
