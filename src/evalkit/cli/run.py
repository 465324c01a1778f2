"""``evalkit run``: pytest with friendly defaults and this tool's exit codes."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from evalkit.cli.passes import chosen_words, default_words, exit_code_of, one_pass, tell_hint
from evalkit.cli.project import chosen_config, project_options
from evalkit.harness.options import RunOptions

if TYPE_CHECKING:
    from evalkit.config import Config
    from evalkit.model.results import Mode
    from evalkit.store.batches import Command

_NOT_MEASURED = 3


@click.command(
    "run",
    context_settings={
        "ignore_unknown_options": True,
        "allow_extra_args": True,
        "allow_interspersed_args": True,
        "help_option_names": ["--help"],  # click would find an -h inside -khello
    },
)
@click.option(
    "--mode", type=click.Choice(["cache", "replay", "live", "refresh", "batch"]), help="Where answers come from."
)
@click.option("--record", is_flag=True, help="Write the live answers to the recordings, for replay in CI.")
@click.option(
    "--max-cost", type=click.FloatRange(0), metavar="USD", help="Make no call that could take the run above USD."
)
@click.option("--max-tokens", type=click.IntRange(0), metavar="N", help="Use at most N tokens in this run.")
@click.option("--max-calls", type=click.IntRange(0), metavar="N", help="Make at most N calls in this run.")
@click.option("--concurrency", type=click.IntRange(1), metavar="N", help="Calls in flight per provider.")
@click.option(
    "--baseline", metavar="RUN", help="Compare with a run, latest:<branch>, or a file of 'evalkit baseline save'."
)
@click.option(
    "--allow-no-baseline", is_flag=True, help="Exit 0 although there is no stored baseline yet: for a first run."
)
@project_options
@click.option("--resume", is_flag=True, help="Come back for the batches: the last run in batch mode, once more.")
@click.option("--wait", is_flag=True, help="In batch mode: look again and again until every answer is there.")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def run_command(
    context: click.Context,
    mode: Mode | None,
    record: bool,
    max_cost: float | None,
    max_tokens: int | None,
    max_calls: int | None,
    concurrency: int | None,
    baseline: str | None,
    allow_no_baseline: bool,
    untrusted: bool,
    settings: Path | None,
    resume: bool,
    wait: bool,
    arguments: tuple[str, ...],
) -> int:
    """Run suites (all of them, or the files and test ids given). Other options go to pytest (-k, -x, --lf, --evalkit-log, …):
    `pytest --help` lists evalkit's own in the group evalkit.

    \b
    Exit codes:
      0    every planned case was measured and every gate met
      1    a case or a gate failed
      2    usage or suite error; nothing was called
      3    could not measure: errors, an incomplete run, the budget, the store, or waiting for batches
      10   a gate is undecided
      130  Ctrl-C
      143  SIGTERM (129: SIGHUP, the terminal went away)

    \b
    Examples:
      evalkit run
      evalkit run suites/refunds.yaml -k late -x
      evalkit run --mode live --record --max-cost 0.50
      evalkit run --mode batch           hand in what is not cached, at half price
      evalkit run --resume               come back for it, as often as you like
      evalkit run --untrusted --mode replay
    """
    if "-h" in arguments:
        click.echo(context.get_help())
        return 0
    folder, config = Path.cwd(), chosen_config(untrusted=untrusted, settings=settings)
    _require_batches(mode or config.mode, mode, resume=resume, wait=wait)
    chosen = {
        "--evalkit-mode": None if resume else mode,
        "--max-cost": max_cost,
        "--max-tokens": max_tokens,
        "--max-calls": max_calls,
        "--evalkit-concurrency": concurrency,
        "--baseline": baseline,
        "--evalkit-config": settings and settings.resolve(),
    }
    before = default_words(RunOptions(mode=mode, max_cost_usd=max_cost, max_calls=max_calls).apply(config))
    if resume:
        command = _last_command(config)
        before, folder = [*before, *command.words], config.root / command.folder
    words = [*before, *_flags(record=record, allow_no_baseline=allow_no_baseline), *chosen_words(chosen), *arguments]
    code, interrupted = (_passes if wait else one_pass)(config, words, folder)
    tell_hint(code, arguments, run_command)
    return exit_code_of(code, interrupted=interrupted)


def _flags(*, record: bool, allow_no_baseline: bool) -> list[str]:
    flags = {"--evalkit-record": record, "--evalkit-allow-no-baseline": allow_no_baseline}
    return [flag for flag, on in flags.items() if on]


def _require_batches(mode: Mode, asked: Mode | None, *, resume: bool, wait: bool) -> None:
    if (resume and asked not in {None, "batch"}) or (wait and not resume and mode != "batch"):
        raise click.UsageError("--resume and --wait belong to --mode batch")


def _last_command(config: Config) -> Command:
    from evalkit.harness.batch.waiting import last_command

    return last_command(config)


def _passes(config: Config, words: list[str], folder: Path) -> tuple[int, bool]:
    """Pass after pass until no batch is open any more, or a pass could take nothing in."""
    from evalkit.harness.batch.waiting import open_batches, until_finished

    known: set[str] = set()
    while True:
        code, interrupted = one_pass(config, words, folder)
        batches = open_batches(config) if code == _NOT_MEASURED else ()
        markers = {batch.marker for batch in batches}
        if not markers or markers == known:
            return code, interrupted
        known = markers
        asyncio.run(until_finished(batches, config, click.echo))
