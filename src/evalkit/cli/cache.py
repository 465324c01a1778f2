"""``evalkit cache``: what is answered without a call, and why something is not."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from evalkit.cli.group import Group
from evalkit.cli.project import chosen_config, project_options
from evalkit.config import find_root, load_config

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalkit.harness.forecast.explaining import Against, Explained


@click.group("cache", cls=Group)
def cache_group() -> None:
    """Look into the answers of earlier runs that later runs need not pay again."""


@cache_group.command("explain")
@click.argument("what")
@click.option(
    "--against",
    type=click.Choice(["runs", "recordings"]),
    default="runs",
    show_default=True,
    help="What to look in: the answers of earlier runs (the cache), or the recordings (replay).",
)
@project_options
def explain_command(what: str, against: Against, *, untrusted: bool, settings: Path | None) -> int:
    """Say for a test which of its requests are stored, and for the others what makes them different.

    WHAT is a test as pytest prints it, with or without its variant, or the key of a request (8 characters or more). Nothing is called. What
    a judge would ask is known only when the answer that it judges is stored. Returns 0 if every request is stored, else 1.

    \b
    Examples:
      evalkit cache explain 'suites/refunds.yaml::late-parcel[candidate-openai/gpt-5-mini]'
      evalkit cache explain suites/refunds.yaml::late-parcel --against recordings
      evalkit cache explain 3f9a2c1b07de
    """
    from evalkit.harness.forecast.explaining import explain
    from evalkit.report.clean import clean

    explained = explain(chosen_config(untrusted=untrusted, settings=settings), what, against=against)
    for one in explained:
        for line in _lines(one):
            click.echo(clean(line))
    return 0 if all(one.stored for one in explained) else 1


def _lines(one: Explained) -> Iterator[str]:
    yield f"{one.role} ({one.request.model}, request {one.request.key[:12]})"
    yield f"  {'✓ stored' if one.stored else '✗ no answer'}: {one.reason}"
    for difference in one.differing:
        at = f" differs at character {difference.at}:" if difference.at else ""
        yield f"    {difference.place}{at} {difference.known} → {difference.asked}"


@cache_group.command("stats")
def stats_command() -> int:
    """Say how many answers the cache holds, how big it is, and from when they are.

    \b
    Example:
      evalkit cache stats
    """
    from evalkit.store.cache import CACHE_FILE, Cache

    config = load_config(find_root(Path.cwd()))
    path = config.folder("reports") / CACHE_FILE
    with closing(Cache(path)) as cache:
        cache.absorb(config.journals)
        rows, oldest, newest = cache.span()
    size = path.stat().st_size / 1e6
    if oldest is None or newest is None:
        click.echo("no answers; they come from runs with live calls")
    else:
        days = f"from {_day(oldest)} to {_day(newest)}"
        click.echo(f"{rows:,} answers {days}, {size:,.1f} MB in {path.relative_to(config.root)}")
    return 0


def _day(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"
