"""``evalkit export``: a stored run for other programs."""

from __future__ import annotations

import io
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from evalkit.config import find_root, load_config
from evalkit.errors import ConfigError, StoreError

if TYPE_CHECKING:
    from typing import TextIO

    from evalkit.model.calls import JSON
    from evalkit.report.export import Form
    from evalkit.report.tables import ExportTable
    from evalkit.store.journal.reader import RunRecords

_FORMS = ("json", "jsonl", "csv", "parquet")
_TABLES = ("trials", "verdicts", "requests")


@click.command("export")
@click.argument("run", default="latest", required=False)
@click.option(
    "--what",
    type=click.Choice([*_TABLES, "run"]),
    default="trials",
    show_default=True,
    help="The table, or the whole run (JSON only).",
)
@click.option("--format", "form", type=click.Choice(_FORMS), help="Default: what the name of FILE ends in, else json.")
@click.option(
    "--to", "target", metavar="FILE", default="-", help="The file to write; - (the default) is standard output."
)
@click.option(
    "--schema", is_flag=True, help="Print the JSON Schema of the JSON that is chosen with --what, and export nothing."
)
def export_command(run: str, what: str, form: str | None, target: str, *, schema: bool) -> int:
    """Export a stored RUN (default: the latest; the beginning of an id will do).

    JSON and JSON lines hold every string as it was; Parquet too, but for lone surrogates, which no Parquet file can hold. CSV is for
    spreadsheets: hidden characters are written out, and text that would be run as a formula has an apostrophe in front.

    \b
    Examples:
      evalkit export --to trials.parquet
      evalkit export 20261120T0915 --what verdicts --format jsonl | head
      evalkit export --what run --to run.json
    """
    if schema:
        click.echo(json.dumps(_schema(what), indent=2, ensure_ascii=False))
        return 0
    chosen = cast("Form", form or _by_name(target))
    if what == "run" and chosen != "json":
        raise click.UsageError(f"--what run is JSON only, not {chosen}; the tables are trials, verdicts and requests")
    records = _read(run)
    if target == "-":
        _print(what, chosen, records)
    else:
        _write(what, chosen, records, Path(target))
        about = "run" if what == "run" else f"{what} of run"
        click.echo(f"{target}: {about} {records.run.run_id}, as {chosen}")
    return 0


def _by_name(target: str) -> str:
    ending = Path(target).suffix.lower().removeprefix(".")
    return ending if ending in _FORMS else "json"


def _schema(what: str) -> dict[str, JSON]:
    from evalkit.report.export import export_schema
    from evalkit.report.json_schema import report_schema
    from evalkit.report.tables import EXPORT_TABLES

    return report_schema() if what == "run" else export_schema([EXPORT_TABLES[what]])


def _read(run: str) -> RunRecords:
    from evalkit.harness.comparing.sides import History
    from evalkit.report.clean import clean
    from evalkit.store.journal.reader import read_run

    config = load_config(find_root(Path.cwd()))
    records = read_run(config.journals / History(config).run_id(run))
    for note in records.damage:
        click.echo(f"warning: {clean(note)}", err=True)
    return records


def _print(what: str, form: Form, records: RunRecords) -> None:
    if form != "parquet":
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8", newline="")
        _write_text(what, form, records, sys.stdout)
        return
    out = sys.stdout.buffer
    if out.isatty():
        raise click.UsageError("Parquet is not for a terminal; name a file: --to trials.parquet")
    with tempfile.TemporaryDirectory(prefix="evalkit-") as folder:
        path = Path(folder) / "export.parquet"
        _write_parquet(what, records, path)
        with path.open("rb") as file:
            shutil.copyfileobj(file, out)


def _write(what: str, form: Form, records: RunRecords, target: Path) -> None:
    """Write ``target`` whole or not at all, readable by its owner only."""
    from evalkit.files import fresh_file

    if target.exists() and not target.is_file():
        raise ConfigError(f"{target} is no regular file", hint="--to - writes to standard output")
    try:
        with fresh_file(target) as path:
            if form == "parquet":
                _write_parquet(what, records, path)
            else:
                with path.open("w", encoding="utf-8", newline="") as file:
                    _write_text(what, form, records, file)
    except OSError as error:
        raise StoreError(
            f"cannot write {target}: {error.strerror or error}",
            hint="choose a folder that you may write to, with room in it",
        ) from error


def _write_text(what: str, form: Form, records: RunRecords, file: TextIO) -> None:
    from evalkit.harness.after.reporting import report_of
    from evalkit.report.export import WRITERS
    from evalkit.report.json_export import report_json

    if what == "run":
        json.dump(report_json(report_of(records)), file, ensure_ascii=True, allow_nan=False)
        file.write("\n")
    elif form != "parquet":
        WRITERS[form](_table(what), records, file)


def _write_parquet(what: str, records: RunRecords, path: Path) -> None:
    from evalkit.report.export import write_table_as_parquet

    write_table_as_parquet(_table(what), records, path)


def _table(what: str) -> ExportTable:
    from evalkit.report.tables import EXPORT_TABLES

    return EXPORT_TABLES[what]
