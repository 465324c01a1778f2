"""``evalkit estimate``: what a run would call and cost, before it is started."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from evalkit.cli.project import chosen_config, project_options

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evalkit.config import Config
    from evalkit.harness.forecast.estimate import Estimate, EstimateRow
    from evalkit.model.results import Mode

_HEAD = ("variant", "calls of", "model", "to pay", "free", "input", "output", "at most", "cost", "at most")


@click.command("estimate")
@click.option(
    "--mode",
    type=click.Choice(["cache", "replay", "live", "refresh", "batch"]),
    help="The mode that the run would have.",
)
@click.option("--max-cost", type=click.FloatRange(0), metavar="USD", help="Say whether the run would reach USD.")
@click.option("--max-tokens", type=click.IntRange(0), metavar="N", help="Say whether the run would reach N tokens.")
@click.option("--max-calls", type=click.IntRange(0), metavar="N", help="Say whether the run would reach N calls.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text (schema evalkit.estimate/1).")
@project_options
@click.argument("names", nargs=-1, metavar="[SUITE|FOLDER|TEST_ID]...")
def estimate_command(
    mode: Mode | None,
    max_cost: float | None,
    max_tokens: int | None,
    max_calls: int | None,
    as_json: bool,
    untrusted: bool,
    settings: Path | None,
    names: tuple[str, ...],
) -> int:
    """Estimate the calls, tokens and cost of a run (every suite, or the files, folders and test ids given). Nothing is called.

    Counted are the requests that a run would make, its judges' too; those that the response cache answers, or that are equal, cost
    nothing. How it is estimated, and what makes it wrong, is in docs/cost.md. An estimate above a ceiling is said, and exits 0.

    \b
    Examples:
      evalkit estimate
      evalkit estimate suites/refunds.yaml --max-cost 2
      evalkit estimate --mode live --json
    """
    from evalkit.harness.forecast.forecast import forecast
    from evalkit.harness.options import RunOptions

    options = RunOptions(mode=mode, max_cost_usd=max_cost, max_tokens=max_tokens, max_calls=max_calls)
    config = options.apply(chosen_config(untrusted=untrusted, settings=settings))
    made = forecast(config, [_inside(name, config) for name in names])
    if as_json:
        click.echo(json.dumps(_as_json(made), indent=2))
    else:
        for line in _lines(made):
            click.echo(line)
    return 0


def _inside(name: str, config: Config) -> str:
    """``name`` relative to the project: it is looked for in the current folder, then in the project."""
    path, mark, rest = name.partition("::")
    here = Path.cwd() / path
    return f"{os.path.relpath(here, config.root)}{mark}{rest}" if here.exists() else name


def _as_json(made: Estimate) -> dict[str, object]:
    from evalkit.harness.forecast.estimate import SCHEMA
    from evalkit.report.json_export import plain

    return {"schema": SCHEMA, "estimate": True, "totals": plain(made.totals), **plain(made)}


def _lines(made: Estimate) -> Iterator[str]:
    from evalkit.report.clean import one_line

    yield f"estimate, nothing was called (mode {made.mode})"
    for path in dict.fromkeys(row.suite_path for row in made.rows):
        yield ""
        yield one_line(path)
        yield from _table([row for row in made.rows if row.suite_path == path])
    yield ""
    yield from _totals(made)
    for line in (*_reasons(made), *_unpriced(made.rows), *made.notes, *made.ceilings):
        yield one_line(line, limit=1000)


def _table(rows: Sequence[EstimateRow]) -> Iterator[str]:
    cells = [_HEAD, *map(_cells, rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        words = [
            cell.ljust(width) if place < 3 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield f"  {'  '.join(words)}".rstrip()


def _cells(row: EstimateRow) -> tuple[str, ...]:
    from evalkit.report.clean import one_line
    from evalkit.report.wording import money

    return (
        one_line(row.variant, limit=60),
        row.purpose,
        one_line(row.model, limit=60),
        f"{row.new:,}",
        f"{row.calls - row.new:,}",
        f"{row.input_tokens:,}",
        f"{row.output_tokens:,}",
        f"{row.worst_output_tokens:,}",
        money(row.cost_usd),
        money(row.worst_cost_usd),
    )


def _totals(made: Estimate) -> Iterator[str]:
    from evalkit.report.wording import money

    sums = made.totals
    words = ("cached", "shared", "scripted", "replayed")
    free = [(sum(getattr(row, word) for row in made.rows), word) for word in words]
    shown = ", ".join(f"{number:,} {word}" for number, word in free if number)
    yield f"calls: {sums.new:,} to pay of {sums.calls:,}{f' ({shown})' if shown else ''}"
    yield f"tokens: {sums.input_tokens:,} in, {sums.output_tokens:,} out (at most {sums.worst_output_tokens:,})"
    known = f"; what has a price: {money(sums.known_cost_usd)}" if sums.cost_usd is None and sums.known_cost_usd else ""
    prices = f"; prices of {made.prices}" if made.prices else ""
    yield f"cost: {money(sums.cost_usd)} (at most {money(sums.worst_cost_usd)}){known}{prices}"
    if made.mode != "batch" and sums.batch_cost_usd is not None and sums.cost_usd:
        yield f"through the providers' batch APIs: {money(sums.batch_cost_usd)}"


def _reasons(made: Estimate) -> Iterator[str]:
    """What the numbers rest on."""
    from evalkit.metrics.tokens import EXTRA, encoding_of

    paid = [row for row in made.rows if row.new]
    for method, words in (
        ("tokenizer", "input counted with a tokenizer"),
        ("estimate", "input estimated at 4 bytes per token"),
    ):
        models = dict.fromkeys(row.model for row in paid if row.counted == method)
        if models:
            yield f"{words}: {', '.join(models)}"
        if method == "estimate" and any(map(encoding_of, models)):
            yield f"hint: some of these have a tokenizer: pip install 'pytest-evalkit[{EXTRA}]'"
    assumed = f"no earlier calls and no max_output_tokens: {made.assumed_output_tokens} assumed, at most {made.assumed_worst_output_tokens}"
    for basis, words in (
        ("earlier calls", "output from the median of earlier calls"),
        ("max_output_tokens", "output as long as max_output_tokens allows"),
        ("assumed", assumed),
    ):
        found = dict.fromkeys(f"{row.variant} ({row.purpose})" for row in paid if row.basis == basis)
        if found:
            yield f"{words}: {', '.join(found)}"
    if made.unforeseen:
        yield f"{made.unforeseen:,} checks cannot say what they will ask before there is an answer; they are not counted"
    if made.mode == "replay" and made.rows:
        yield "answers are replayed and nothing is paid; --mode cache or --mode live estimates a paid run"


def _unpriced(rows: Sequence[EstimateRow]) -> Iterator[str]:
    for model in dict.fromkeys(row.model for row in rows if row.new and row.cost_usd is None):
        yield (
            f'the price of {model} is unknown; add to pyproject.toml: [tool.evalkit.prices."{model}"] with input_usd_per_mtok '
            "and output_usd_per_mtok"
        )
