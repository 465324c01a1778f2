"""``evalkit history``: the runs of this project, or one suite over time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from evalkit.config import find_root, load_config

if TYPE_CHECKING:
    from evalkit.config import Config
    from evalkit.model.results import RunInfo
    from evalkit.report.outcomes import Outcome
    from evalkit.store.journal.reader import RunEntry


@click.command("history")
@click.argument("suite", required=False)
@click.option("-n", "--number", type=click.IntRange(1), default=20, show_default=True, help="How many runs to show.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--html", is_flag=True, help="Write reports/history/<suite>.html too.")
def history_command(suite: str | None, number: int, form: str, html: bool) -> int:
    """List past runs; or, for a SUITE, its pass rate, cost and latency over time, with an alarm for drift.

    Exit code 1 if there is an alarm: the answers changed although prompt and model did not.

    \b
    Examples:
      evalkit history -n 5
      evalkit history refund-replies --html
      evalkit history refund-replies --format json
    """
    config = load_config(find_root(Path.cwd()))
    if suite is not None:
        return _suite(config, suite, number=number, form=form, html=html)
    if form != "text" or html:
        raise click.UsageError("--format and --html are about one suite: name it")
    return _runs(config, number)


def _suite(config: Config, suite: str, *, number: int, form: str, html: bool) -> int:
    from evalkit.harness.comparing.history import suite_history
    from evalkit.report.clean import clean
    from evalkit.report.history_text import history_json, history_lines
    from evalkit.report.page.history_page import write_history

    history = suite_history(config, suite)
    if form == "json":
        click.echo(json.dumps(history_json(history), indent=2))
    else:
        for line in history_lines(history, last=number):
            click.echo(clean(line))
    if html:
        click.echo(f"page: {write_history(history, config.folder('reports'))}", err=True)
    return int(any(drift.since is not None for drift in history.drifts))


def _runs(config: Config, number: int) -> int:
    from evalkit.report.clean import clean
    from evalkit.store.journal.reader import list_runs

    runs = list_runs(config.folder("reports"))[:number]
    if not runs:
        click.echo("no runs yet; make one: pytest suites")
        return 0
    for run in runs:
        click.echo(clean(_line(run)))
    return 0


def _line(entry: RunEntry) -> str:
    from evalkit.report.wording import outcome_label
    from evalkit.store.journal.reader import read_run

    if entry.info is None:
        return f"{entry.run_id}  damaged"
    records = read_run(entry.folder, strict=False)
    results = records.results
    passed, errors = (sum(result.status == status for result in results) for status in ("pass", "error"))
    revision = f"{entry.info.git_branch or ''} {(entry.info.git_revision or '')[:10]}".strip()
    missing = max(0, records.planned - len(results) - sum(records.skipped.values()))
    counts = f"{passed}/{len(results)} trials passed (errors {errors}{f', not measured {missing}' if missing else ''})"
    verdict = outcome_label(_outcome(entry.info))
    source = entry.info.extra.get("rescored")
    notes = [
        "only part of the cases" if entry.info.partial else "",
        f"judges the answers of {source} again" if isinstance(source, str) else "",
    ]
    shown = "; ".join(filter(None, notes))
    return f"{entry.run_id}  {entry.info.mode:7}  {entry.status:10}  {verdict:19}  {counts}  {revision}".rstrip() + (
        f"  ({shown})" if shown else ""
    )


def _outcome(info: RunInfo) -> Outcome | None:
    from evalkit.report.outcomes import known_outcome

    summary = info.extra.get("summary")
    return known_outcome(summary.get("outcome")) if isinstance(summary, Mapping) else None
