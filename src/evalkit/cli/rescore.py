"""``evalkit rescore``: stored answers judged again, with the checks as they are now."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from evalkit.cli.project import chosen_config, project_options

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalkit.config import Config
    from evalkit.harness.rescoring import Flip, Rescored

_FLIPS = 40
_CHANGES = 4


@click.command("rescore")
@click.argument("words", nargs=-1, metavar="[RUN] [SUITE|FOLDER]...")
@click.option(
    "--json", "as_json", is_flag=True, help="Print what changed as JSON instead of text (schema evalkit.rescore/1)."
)
@project_options
def rescore_command(words: tuple[str, ...], *, as_json: bool, untrusted: bool, settings: Path | None) -> int:
    """Judge the stored answers of RUN (default: the latest) with the suites' checks as they are now. No model is called.

    The outcome is a run of its own, with its report. What a check would have to ask a model and the run does not hold is an
    error: run the suite for that, only what is new is paid. Exit codes are those of a run.

    \b
    Examples:
      evalkit rescore
      evalkit rescore 20261120T0915
      evalkit rescore latest suites/refunds.yaml
    """
    from evalkit.harness.rescoring import rescore
    from evalkit.report.text import terminal_summary

    config = chosen_config(untrusted=untrusted, settings=settings)
    run, suites = _named(words, config)
    done = rescore(config, run, suites)
    if as_json:
        click.echo(json.dumps(_as_json(done), indent=2))
    else:
        click.echo("\n".join(_lines(done)))
        click.echo(terminal_summary(done.finished.report))
        click.echo("\n".join(done.finished.closing_lines()))
    return int(done.finished.exit_code)


def _named(words: tuple[str, ...], config: Config) -> tuple[str, list[Path]]:
    """The run and the suites: a first word that is a path is no run."""
    is_path = bool(words) and (Path(words[0]).exists() or (config.root / words[0]).exists())
    run, names = ("latest", words) if is_path or not words else (words[0], words[1:])
    return run, [Path(name).resolve() if Path(name).exists() else config.root / name for name in names]


def _lines(done: Rescored) -> Iterator[str]:
    from evalkit.report.clean import one_line

    run = done.finished.report.run.run_id
    yield f"run {done.source} judged again as run {run}: {done.compared:,} answers, no call"
    for note in done.notes:
        yield f"note: {one_line(note)}"
    for change, count in sorted(done.changes.items(), key=lambda item: -item[1]):
        yield f"  {one_line(change.check)}: {count:,} × {change.before} → {change.after}"
    yield f"{len(done.flips):,} of {done.compared:,} changed" if done.flips else "no trial changed its status"
    for flip in done.flips[:_FLIPS]:
        yield f"  {one_line(_flip(flip))}"
    if len(done.flips) > _FLIPS:
        yield f"  … and {len(done.flips) - _FLIPS:,} more (--json has them all)"


def _flip(flip: Flip) -> str:
    repeat = f" repeat {flip.repeat + 1}" if flip.repeat else ""
    shown = [f"{change.check} {change.before} → {change.after}" for change in flip.changes[:_CHANGES]]
    more = [f"{len(flip.changes) - _CHANGES} more"] if len(flip.changes) > _CHANGES else []
    return f"{flip.before} → {flip.after}: {flip.test_id}{repeat}: {', '.join([*shown, *more])}"


def _as_json(done: Rescored) -> dict[str, object]:
    return {
        "schema": "evalkit.rescore/1",
        "source": done.source,
        "run": done.finished.report.run.run_id,
        "exit_code": int(done.finished.exit_code),
        "compared": done.compared,
        "notes": list(done.notes),
        "changes": [
            {"check": change.check, "before": change.before, "after": change.after, "trials": count}
            for change, count in done.changes.items()
        ],
        "flips": [
            {
                "test": flip.test_id,
                "repeat": flip.repeat,
                "before": flip.before,
                "after": flip.after,
                "changes": [[change.check, change.before, change.after] for change in flip.changes],
            }
            for flip in done.flips
        ],
    }
