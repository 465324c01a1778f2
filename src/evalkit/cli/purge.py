"""``evalkit purge``: delete stored runs for good."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from evalkit.config import find_root, load_config

if TYPE_CHECKING:
    from evalkit.harness.purging import PurgePlan

_SHOWN = 20


@click.command("purge")
@click.option("--older-than", metavar="AGE", help="Runs that began so long ago: 30d, 12h, 4w. 0d is every run.")
@click.option("--run", metavar="RUN", help="One run; the beginning of an id, or latest, will do.")
@click.option("--prompt", metavar="REF", help="Whole runs that used this prompt: refund-reply, or refund-reply:v2.")
@click.option("--dry-run", is_flag=True, help="Say what would be deleted, and delete nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def purge_command(older_than: str | None, run: str | None, prompt: str | None, *, dry_run: bool, yes: bool) -> int:
    """Delete stored runs: their journals, their answers in the cache, their rows in the database, their pages, and finished batches. The cache
    and the database are written anew, so that no byte is left in them. With several options a run must fit them all. Whole runs go, with
    all that they measured, and runs that were judged again or merged from them.

    Recordings, baselines and exported files are not touched: they are yours. It refuses while a run is in progress or a server is open. If it is
    interrupted, run it again.

    \b
    Examples:
      evalkit purge --older-than 30d --dry-run
      evalkit purge --run 20261120T0915 --yes
      evalkit purge --prompt refund-reply:v1
    """
    if older_than is None and run is None and prompt is None:
        raise click.UsageError("say what: --older-than, --run or --prompt; --older-than 0d is every run")
    from evalkit.harness.purging import carry_out, plan_purge

    config = load_config(find_root(Path.cwd()))
    plan = plan_purge(config, older_than=older_than, run=run, prompt=prompt)
    for line in _preview(plan, config.folder("reports")):
        click.echo(line)
    if dry_run or not (plan.all or plan.leftovers):
        return 0
    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError("nobody is there to be asked; add --yes")
        if not click.confirm("Delete them?"):
            return 0
    for note in carry_out(config, plan):
        click.echo(f"note: {note}")
    click.echo("deleted")
    return 0


def _preview(plan: PurgePlan, reports: Path) -> list[str]:
    lines = [f"  {one.run_id}  {_size(one.size)}  {', '.join(sorted(one.prompts))}" for one in plan.runs[:_SHOWN]]
    if len(plan.runs) > _SHOWN:
        lines.append(f"  and {len(plan.runs) - _SHOWN} more")
    lines += [
        f"  {one.run_id}  {_size(one.size)}  holds the answers of {', '.join(sorted(one.copies))}"
        for one in plan.copies
    ]
    lines += [
        f"  {path.relative_to(reports)}  {_size(path.stat().st_size)}  an earlier copy" for path in plan.leftovers
    ]
    total = f"{len(plan.all)} of {len(plan.all) + plan.kept} runs, {_size(plan.size)} of journals, pages and copies"
    return [*lines, f"{total}; their answers in the cache and rows in the database too" if plan.all else total]


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB" if count >= 1e5 else f"{count / 1e3:,.1f} kB"
