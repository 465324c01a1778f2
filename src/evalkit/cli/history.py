"""``evalkit history``: the runs of this project, newest first."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from evalkit.config import find_root, load_config

if TYPE_CHECKING:
    from evalkit.store.reader import RunEntry


@click.command("history")
@click.option("-n", "--number", type=click.IntRange(1), default=20, show_default=True, help="How many runs to show.")
def history_command(number: int) -> int:
    """List past runs: id, mode, whether it is complete, and how many trials passed.

    \b
    Example:
      evalkit history -n 5
    """
    from evalkit.report.clean import clean
    from evalkit.store.reader import list_runs

    config = load_config(find_root(Path.cwd()))
    runs = list_runs(config.folder("reports"))[:number]
    if not runs:
        click.echo("no runs yet; make one: pytest suites")
        return 0
    for run in runs:
        click.echo(clean(_line(run)))
    return 0


def _line(entry: RunEntry) -> str:
    from evalkit.store.reader import read_run

    if entry.info is None:
        return f"{entry.run_id}  damaged"
    records = read_run(entry.folder, strict=False)
    results = records.results
    passed, errors = (sum(result.status == status for result in results) for status in ("pass", "error"))
    revision = f"{entry.info.git_branch or ''} {(entry.info.git_revision or '')[:10]}".strip()
    missing = max(0, records.planned - len(results) - sum(records.skipped.values()))
    counts = f"{passed}/{len(results)} trials passed (errors {errors}{f', not measured {missing}' if missing else ''})"
    return f"{entry.run_id}  {entry.info.mode:7}  {entry.status:10}  {counts}  {revision}".rstrip()
