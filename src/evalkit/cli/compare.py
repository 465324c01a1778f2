"""``evalkit compare A B``: which side is better, if anybody can know."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import click

from evalkit.config import find_root, load_config

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.compare.values import Comparison
    from evalkit.config import Config, OnUndecided


def _rate(_context: click.Context, _option: click.Parameter, text: str | None) -> float | None:
    """The number that ``text`` is: 0.02, or as gates write it, 2pp or 2%."""
    if text is None:
        return None
    unit = next((unit for unit in ("pp", "%") if text.endswith(unit)), "")
    try:
        return float(text.removesuffix(unit)) / (100 if unit else 1)
    except ValueError:
        raise click.BadParameter(f"{text!r} is no rate; write 0.02, 2pp or 2%") from None


@click.command("compare")
@click.argument("a", required=False)
@click.argument("b", required=False)
@click.option("--baseline", metavar="RUN", help="Compare run A (or the latest) against this run.")
@click.option("--run", "run_id", metavar="RUN", help="The run that variants are looked up in. Default: the latest.")
@click.option(
    "--margin",
    callback=_rate,
    metavar="RATE",
    help="Judge a gate: the largest tolerated drop of the pass rate. 0.02, 2pp or 2% is 2 points.",
)
@click.option(
    "--confidence", type=float, default=0.95, show_default=True, help="Two-sided confidence of the intervals."
)
@click.option("--checks", is_flag=True, help="Also say which checks changed, one by one.")
@click.option("--answers", is_flag=True, help="Also show what both sides answered in the cases that flipped.")
@click.option("--format", "form", type=click.Choice(["text", "json", "markdown"]), default="text", show_default=True)
def compare_command(
    a: str | None,
    b: str | None,
    baseline: str | None,
    run_id: str | None,
    margin: float | None,
    confidence: float,
    checks: bool,
    answers: bool,
    form: str,
) -> int:
    """Compare two variants of a run, two runs, or a run against a baseline.

    A side is a run id (or the beginning of one), "latest", a variant, RUN:VARIANT, or a file of 'evalkit baseline save'.

    The gates shown are those of B's run that speak of B alone or of B against A, as they were judged with that run; with --margin,
    no_regression with that margin is judged beside them.

    \b
    Exit codes:
      0    no gate failed or is undecided, or there is none
      1    a gate failed
      2    usage error: no such side
      10   a gate is undecided (0 with on_undecided = "warn")

    \b
    Examples:
      evalkit compare baseline candidate --answers
      evalkit compare 20261120T0915 latest --margin 2pp
      evalkit compare latest --baseline 20261101T1200
      evalkit compare 20261101T1200:candidate latest:candidate --format json
      evalkit compare baselines/refund-replies.parquet latest
      evalkit compare baseline candidate --format markdown >> "$GITHUB_STEP_SUMMARY"
    """
    from evalkit.compare.compare import Wanted
    from evalkit.compare.gates.compared import gates_code
    from evalkit.harness.comparing.runs import compare_named
    from evalkit.report.clean import clean

    if not 0.5 <= confidence < 1:
        raise click.UsageError(f"--confidence {confidence}: between 0.5 and 1, for example 0.95")
    if margin is not None and not 0 < margin < 1:
        raise click.UsageError(f"--margin {margin}: between 0 and 1; 0.02 is 2 percentage points")
    if answers and form != "text":
        raise click.UsageError("--answers is for the terminal: leave --format out")
    left, right = _sides(a, b, baseline)
    config = load_config(find_root(Path.cwd()))
    wanted = Wanted(confidence, margin, checks=checks)
    compared = compare_named(config, left, right, wanted=wanted, run_id=run_id)
    for note in compared.notes:
        click.echo(f"note: {clean(note)}", err=True)
    click.echo(_shown(compared.comparisons, form, config.on_undecided), nl=form != "markdown")
    for one in compared.comparisons if answers else ():
        click.echo(f"\n{_answers(one, config)}")
    gates = [gate for one in compared.comparisons for gate in one.gates]
    return gates_code(gates, on_undecided=config.on_undecided)


def _shown(comparisons: Sequence[Comparison], form: str, on_undecided: OnUndecided) -> str:
    from evalkit.compare.as_json import comparison_json
    from evalkit.compare.text import comparison_text
    from evalkit.report.clean import clean
    from evalkit.report.markdown import comparison_markdown

    if form == "json":
        return json.dumps([comparison_json(one, on_undecided=on_undecided) for one in comparisons], indent=2)
    if form == "markdown":
        return "\n".join(map(comparison_markdown, comparisons))
    return "\n\n".join(clean(comparison_text(one)) for one in comparisons)


def _answers(comparison: Comparison, config: Config) -> str:
    from evalkit.report.flips_text import flips_text
    from evalkit.store.journal.reader import read_run

    runs = {side.run_id for side in (comparison.a, comparison.b) if side.run_id is not None}
    folders = {run_id: config.journals / run_id for run_id in runs}
    results = {run_id: read_run(path, strict=False).results for run_id, path in folders.items() if path.is_dir()}
    return flips_text(comparison, results, width=shutil.get_terminal_size().columns)


def _sides(a: str | None, b: str | None, baseline: str | None) -> tuple[str, str]:
    if baseline is not None:
        if b is not None:
            raise click.UsageError("with --baseline name at most one side")
        return baseline, a or "latest"
    if a is None or b is None:
        raise click.UsageError("name two sides, or one and --baseline: evalkit compare baseline candidate")
    return a, b
