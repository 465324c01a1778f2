"""``evalkit run``: pytest with friendly defaults and this tool's exit codes."""

from __future__ import annotations

import asyncio
import os
from contextlib import chdir
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

import click

from evalkit.config import find_root, load_config
from evalkit.errors import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pytest

    from evalkit.config import Config

_QUIET = ("-W", "ignore:Module already imported:pytest.PytestAssertRewriteWarning")
"""This command is itself part of the package that pytest would like to rewrite; there is no assertion in it to rewrite."""


_NOT_MEASURED = 3


class _Session:
    """The pytest plugin of one ``evalkit run``: it finds what is to run, and remembers whether a signal ended it.

    Only pytest's parser knows which words are paths and which are values of options, so the choice is made when it is done.
    """

    def __init__(self, root: Path, suites: Path) -> None:
        self._root = root
        self._suites = suites
        self.interrupted = False

    def pytest_addoption(self, parser: pytest.Parser) -> None:
        """Let pytest's usage errors speak of this command."""
        parser.prog = "evalkit run"

    def pytest_configure(self, config: pytest.Config) -> None:
        """Without a path on the command line run every suite. Raises pytest.UsageError for a path that does not exist."""
        import pytest

        folder, words = config.invocation_params.dir, [*map(str, config.invocation_params.args)]
        if config.args_source is not pytest.Config.ArgsSource.ARGS:
            config.args = [self._all()]
            words += config.args
        elif not config.option.pyargs:
            found = {word: self._found(word, folder) for word in config.args}
            config.args = [*found.values()]
            words = [found.get(word, word) for word in words]
        # The workers of pytest-xdist are started with these words.
        config.invocation_params = pytest.Config.InvocationParams(args=words, plugins=None, dir=folder)

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Called on Ctrl-C, and on SIGTERM, which the plugin turns into it; not when a suite could not be collected."""
        self.interrupted = excinfo.type is KeyboardInterrupt  # not a subclass: pytest has one for "collection failed"

    def _all(self) -> str:
        import pytest

        if not self._suites.is_dir():
            raise pytest.UsageError(
                f"there is no folder {self._suites}\n  hint: name the suite files, or write an example: evalkit init"
            )
        return str(self._suites)

    def _found(self, word: str, folder: Path) -> str:
        """A path or test id; one that was printed relative to the project is also found from a folder inside it."""
        import pytest

        path = word.partition("::")[0]
        if (folder / path).exists():
            return word
        if (self._root / path).exists():
            return str(self._root / word)
        there = [os.path.relpath(found, folder) for found in self._suites.glob("**/*.y*ml")]
        raise pytest.UsageError(f"there is no {path}\n  hint: {did_you_mean(path, there)}")


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
@click.option("--resume", is_flag=True, help="Come back for the batches: the last run in batch mode, once more.")
@click.option("--wait", is_flag=True, help="In batch mode: look again and again until every answer is there.")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def run_command(
    context: click.Context,
    mode: str | None,
    record: bool,
    max_cost: float | None,
    max_tokens: int | None,
    max_calls: int | None,
    concurrency: int | None,
    baseline: str | None,
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
      143  SIGTERM

    \b
    Examples:
      evalkit run
      evalkit run suites/refunds.yaml -k late -x
      evalkit run --mode live --record --max-cost 0.50
      evalkit run --mode batch           hand in what is not cached, at half price
      evalkit run --resume               come back for it, as often as you like
    """
    if "-h" in arguments:
        click.echo(context.get_help())
        return 0
    config = load_config(find_root(Path.cwd()))
    if (resume and mode not in {None, "batch"}) or (wait and not resume and (mode or config.mode) != "batch"):
        raise click.UsageError("--resume and --wait belong to --mode batch")
    chosen = {
        "--evalkit-mode": None if resume else mode,
        "--max-cost": max_cost,
        "--max-tokens": max_tokens,
        "--max-calls": max_calls,
        "--evalkit-concurrency": concurrency,
        "--baseline": baseline,
    }
    before, folder = ["--rootdir", str(config.root), "--no-header", "-rfE", *_QUIET], Path.cwd()
    if resume:
        from evalkit.harness.batch_waiting import last_command

        command = last_command(config)
        before, folder = [*command.words], config.root / command.folder
    words = [*before, *(["--evalkit-record"] if record else []), *_words(chosen), *arguments]
    code, interrupted = (_passes if wait else _one_pass)(config, words, folder)
    hint = _hint(code, arguments)
    if hint is not None:
        click.echo(hint, err=True)
    return _exit_code(code, interrupted=interrupted)


def _one_pass(config: Config, words: list[str], folder: Path) -> tuple[int, bool]:
    """What pytest returned, and whether it was interrupted."""
    import pytest

    session = _Session(config.root, config.folder("suites"))
    with chdir(folder):
        return int(pytest.main(words, plugins=[session])), session.interrupted


def _passes(config: Config, words: list[str], folder: Path) -> tuple[int, bool]:
    """Pass after pass until no batch is open any more, or a pass could take nothing in."""
    from evalkit.harness.batch_waiting import open_batches, until_finished

    known: set[str] = set()
    while True:
        code, interrupted = _one_pass(config, words, folder)
        batches = open_batches(config) if code == _NOT_MEASURED else ()
        markers = {batch.marker for batch in batches}
        if not markers or markers == known:
            return code, interrupted
        known = markers
        asyncio.run(until_finished(batches, config, click.echo))


def _words(chosen: Mapping[str, object]) -> list[str]:
    return [word for name, value in chosen.items() if value is not None for word in (name, str(value))]


def _hint(code: int, arguments: tuple[str, ...]) -> str | None:
    """What to add to pytest's own message, if anything: an option that was meant, or that nothing was left to run."""
    import pytest

    if code == pytest.ExitCode.NO_TESTS_COLLECTED:
        return "error: no case was found or selected, nothing was called"
    if code != pytest.ExitCode.USAGE_ERROR:
        return None
    own = [name for option in run_command.params for name in option.opts if name.startswith("--")]
    meant = [get_close_matches(word, own, n=1, cutoff=0.75) for word in arguments if word.startswith("--")]
    return next((f"hint: did you mean {names[0]}?" for names in meant if names), None)


def _exit_code(code: int, *, interrupted: bool) -> int:
    """Map what pytest returns: 2 is Ctrl-C or a collection error, 4 a usage error, 5 means that nothing was collected."""
    if code == 2:
        return 130 if interrupted else 2
    return {4: 2, 5: 2}.get(code, int(code))
