"""``evalkit race``: the variants of a suite against each other, losers dropped as soon as that is sure."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from evalkit.cli.passes import chosen_words, default_words, exit_code_of, one_pass, tell_hint
from evalkit.cli.project import chosen_config, project_options
from evalkit.harness.options import RunOptions

if TYPE_CHECKING:
    from evalkit.model.results import Mode


@click.command(
    "race",
    context_settings={
        "ignore_unknown_options": True,
        "allow_extra_args": True,
        "allow_interspersed_args": True,
        "help_option_names": ["--help"],
    },
)
@click.option(
    "--confidence",
    type=click.FloatRange(0.5, 1.0, max_open=True),
    default=0.95,
    show_default=True,
    help="How sure to be: of all races, at most the rest ever drop a variant that is among the best.",
)
@click.option("--mode", type=click.Choice(["cache", "replay", "live", "refresh"]), help="Where answers come from.")
@click.option("--record", is_flag=True, help="Write the live answers to the recordings, for replay in CI.")
@click.option(
    "--max-cost", type=click.FloatRange(0), metavar="USD", help="Make no call that could take the race above USD."
)
@click.option("--max-tokens", type=click.IntRange(0), metavar="N", help="Use at most N tokens in this race.")
@click.option("--max-calls", type=click.IntRange(0), metavar="N", help="Make at most N calls in this race.")
@click.option("--concurrency", type=click.IntRange(1), metavar="N", help="Calls in flight per provider.")
@project_options
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def race_command(
    context: click.Context,
    confidence: float,
    mode: Mode | None,
    record: bool,
    max_cost: float | None,
    max_tokens: int | None,
    max_calls: int | None,
    concurrency: int | None,
    untrusted: bool,
    settings: Path | None,
    arguments: tuple[str, ...],
) -> int:
    """Race the variants of suites (all of them, or the files given): find the best prompt, model or parameter, and pay for the losers no
    longer than it takes to know. Every variant is asked the same cases, in an order that knows nothing of them; one that is shown not to be
    the best is dropped, and the rest of its cases is skipped. Gates are not judged. Other options go to pytest.

    \b
    Exit codes:
      0    every race has a winner
      2    usage or suite error; nothing was called
      3    could not measure: errors, an incomplete race, the budget, the store
      10   nobody can know yet which of those that are left is the best
      130  Ctrl-C
      143  SIGTERM

    \b
    Examples:
      evalkit race suites/refunds.yaml
      evalkit race --confidence 0.9 --max-cost 2
    """
    if "-h" in arguments:
        click.echo(context.get_help())
        return 0
    config = chosen_config(untrusted=untrusted, settings=settings)
    chosen = {
        "--evalkit-race": confidence,
        "--evalkit-mode": mode,
        "--max-cost": max_cost,
        "--max-tokens": max_tokens,
        "--max-calls": max_calls,
        "--evalkit-concurrency": concurrency,
        "--evalkit-config": settings and settings.resolve(),
    }
    recorded = ["--evalkit-record"] if record else []
    options = RunOptions(mode=mode, max_cost_usd=max_cost, max_calls=max_calls)
    words = [*default_words(options.apply(config)), *recorded, *chosen_words(chosen), *arguments]
    code, interrupted = one_pass(config, words, Path.cwd(), command="race")
    tell_hint(code, arguments, race_command)
    return exit_code_of(code, interrupted=interrupted)
