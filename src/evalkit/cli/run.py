"""``evalkit run``: pytest with friendly defaults and this tool's exit codes."""

from __future__ import annotations

from pathlib import Path

import click

from evalkit.config import find_root, load_config
from evalkit.errors import ConfigError


_QUIET = ("-W", "ignore:Module already imported:pytest.PytestAssertRewriteWarning")
"""This command is itself part of the package that pytest would like to rewrite; there is no assertion in it to rewrite."""


class _Witness:
    """A pytest plugin that remembers how the session ended, to tell Ctrl-C from a suite that could not be collected."""

    def __init__(self) -> None:
        self.interrupted = False

    def pytest_keyboard_interrupt(self, excinfo: object) -> None:
        """Called on Ctrl-C, and on SIGTERM, which the plugin turns into it."""
        self.interrupted = "KeyboardInterrupt" in str(getattr(excinfo, "typename", ""))


@click.command(
    "run", context_settings={"ignore_unknown_options": True, "allow_extra_args": True, "allow_interspersed_args": True}
)
@click.option("--mode", type=click.Choice(["cache", "replay", "live", "refresh"]), help="Where answers come from.")
@click.option("--record", is_flag=True, help="Write the live answers to the recordings, for replay in CI.")
@click.option("--max-cost", type=float, metavar="USD", help="Make no call that could take the run above USD.")
@click.option("--concurrency", type=int, metavar="N", help="Calls in flight per provider.")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def run_command(
    mode: str | None, record: bool, max_cost: float | None, concurrency: int | None, arguments: tuple[str, ...]
) -> int:
    """Run suites (all of them, or the files and test ids given). Other options go to pytest.

    \b
    Exit codes: 0 every planned case measured and every gate met; 1 a case or gate failed; 2 usage or suite error, nothing was
    called; 3 could not measure; 10 a gate is undecided; 130 Ctrl-C; 143 SIGTERM.

    \b
    Examples:
      evalkit run
      evalkit run suites/refunds.yaml -k late -x
      evalkit run --mode live --record --max-cost 0.50
    """
    import pytest

    root = find_root(Path.cwd())
    words = [*_options(mode, record=record, max_cost=max_cost, concurrency=concurrency), *arguments]
    if not any(not word.startswith("-") and (Path(word.partition("::")[0])).exists() for word in arguments):
        suites = root / load_config(root).suites
        if not suites.is_dir():
            raise ConfigError(
                f"there is no folder {suites}", hint="name the suite files, or write an example: evalkit init"
            )
        words.append(str(suites))
    witness = _Witness()
    code = int(pytest.main(["--rootdir", str(root), "--no-header", "-rfE", *_QUIET, *words], plugins=[witness]))
    return _exit_code(code, interrupted=witness.interrupted)


def _options(mode: str | None, *, record: bool, max_cost: float | None, concurrency: int | None) -> list[str]:
    words = ["--evalkit-record"] if record else []
    for name, value in (("--evalkit-mode", mode), ("--max-cost", max_cost), ("--evalkit-concurrency", concurrency)):
        words += [] if value is None else [name, str(value)]
    return words


def _exit_code(code: int, *, interrupted: bool) -> int:
    """Map what pytest returns: 2 is Ctrl-C or a collection error, 4 a usage error, 5 means that nothing was collected."""
    if code == 2:
        return 130 if interrupted else 2
    return {4: 2, 5: 2}.get(code, code)
