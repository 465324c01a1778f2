"""``evalkit baseline``: keep what a run measured as a file to commit, and see what runs are compared with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from evalkit.cli.group import Group
from evalkit.cli.project import chosen_config, project_options
from evalkit.config import find_root, load_config
from evalkit.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from evalkit.compare.stored import StoredBaseline
from evalkit.config import Config


@click.group("baseline", cls=Group)
def baseline_group() -> None:
    """Keep what a run measured, so that later runs can be compared with it."""


@baseline_group.command("save")
@click.argument("suites", nargs=-1)
@click.option("--run", "run", default="latest", show_default=True, metavar="RUN", help="The run to keep.")
@click.option(
    "--file",
    "file",
    metavar="FILE",
    help="Where to. Default: baselines/<suite>.json (or .parquet). For one suite only.",
)
@click.option(
    "--format", "form", type=click.Choice(["json", "parquet"]), help="Default: by the name of FILE, else json."
)
def save_command(suites: tuple[str, ...], run: str, file: str | None, form: str | None) -> int:
    """Write the measurements of a run, without answers, to one file per suite: commit it.

    \b
    Examples:
      evalkit baseline save
      evalkit baseline save refund-replies --run 20261120T0915
      evalkit baseline save --format parquet
    """
    from evalkit.files import shown
    from evalkit.harness.comparing.baselines import kept_suites
    from evalkit.report.clean import clean
    from evalkit.store.baselines import write_baseline

    config = load_config(find_root(Path.cwd()))
    kept = kept_suites(config, run)
    chosen = _chosen(suites, kept)
    if file is not None and len(chosen) != 1:
        raise click.UsageError(f"--file takes one suite; name one of {', '.join(kept)}")
    for suite in chosen:
        path = config.folder("baselines") / f"{suite}.{form or 'json'}" if file is None else Path.cwd() / file
        if form is not None and path.suffix != f".{form}":
            raise click.UsageError(f"--format {form}, but the name of {file} does not end with .{form}")
        write_baseline(path, kept[suite])
        rows = kept[suite].measurements()
        errors = sum(row.status == "error" for row in rows)
        click.echo(clean(f"{shown(path, config.root)}: {len(rows)} trials of run {kept[suite].run_id}"))
        if errors:
            click.echo(f"warning: {errors} of them are errors; a run without any makes a better baseline", err=True)
    return 0


@baseline_group.command("show")
@click.argument("suites", nargs=-1)
@click.option("--baseline", "name", metavar="RUN", help="A run, latest:<branch> or a file, in place of what is found.")
@project_options
def show_command(suites: tuple[str, ...], name: str | None, *, untrusted: bool, settings: Path | None) -> int:
    """Say what the next run of each suite would be compared with. Exit code 10 if a suite has no baseline.

    \b
    Examples:
      evalkit baseline show
      evalkit baseline show refund-replies --baseline latest:main
    """
    from evalkit.harness.comparing.baselines import Baselines
    from evalkit.report.clean import clean

    config = chosen_config(untrusted=untrusted, settings=settings, baseline=name)
    baselines = Baselines(config)
    found = {suite: baselines.of(suite) for suite in _chosen(suites, _suites(config))}
    for suite, stored in found.items():
        for line in _lines(suite, stored):
            click.echo(clean(line))
    return 0 if found and all(stored.rows for stored in found.values()) else 10


def _suites(config: Config) -> list[str]:
    from evalkit.harness.before.discovery import suite_files
    from evalkit.harness.before.planning import Planner

    planner = Planner(config)
    return [planner.plan(path).spec.name for path in suite_files((), config)]


def _chosen(names: tuple[str, ...], known: Iterable[str]) -> list[str]:
    suites = list(known)
    for name in names:
        if name not in suites:
            raise ConfigError(f"there is no suite {name!r}", hint=did_you_mean(name, suites))
    return list(names) or suites


def _lines(suite: str, stored: StoredBaseline) -> Iterator[str]:
    from evalkit.compare import words
    from evalkit.compare.estimate import single_rate

    if not stored.rows:
        yield f"{suite}: no baseline: {stored.problem}"
        return
    yield f"{suite}: {stored.source}"
    for label in dict.fromkeys(row.label for row in stored.rows):
        rows = [row for row in stored.rows if row.label == label and row.status != "skip"]
        passed, errors = (sum(row.status == status for row in rows) for status in ("pass", "error"))
        found = single_rate(rows, 0.95)
        rate = "" if found is None else f"{words.percent(found.rate)}, {words.rate_interval(found.interval)}"
        yield f"  {label}  {words.counts(passed, len(rows), errors=errors)}  {rate}"
