"""The command-line options of the plugin, and how they become run options."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

    from evalkit.harness.options import RunOptions


def add_options(parser: pytest.Parser) -> None:
    """Register the options. Nothing here may import more than the standard library."""
    group = parser.getgroup("evalkit", "prompt evaluation suites (evalkit)")
    group.addoption(
        "--evalkit-mode",
        choices=("live", "cache", "replay", "refresh"),
        default=None,
        help="cache: pay only for what is new (default); replay: recordings only, no network; live, refresh: ask again",
    )
    group.addoption("--evalkit-concurrency", type=int, default=None, metavar="N", help="calls in flight per provider")
    group.addoption(
        "--max-cost",
        "--evalkit-max-cost",
        dest="evalkit_max_cost",
        type=float,
        default=None,
        metavar="USD",
        help="make no call that could take this run above USD",
    )
    group.addoption(
        "--evalkit-record",
        action="store_true",
        default=False,
        help="write the live answers of this run to the recordings",
    )
    group.addoption("--evalkit-no-report", action="store_true", default=False, help="do not write the HTML report")


def run_options(config: pytest.Config, *, workers: int = 1) -> RunOptions:
    """The user's choices. Raises pytest.UsageError for a value out of range."""
    import pytest

    from evalkit.harness.options import RunOptions

    concurrency = config.getoption("evalkit_concurrency")
    max_cost = config.getoption("evalkit_max_cost")
    if concurrency is not None and concurrency < 1:
        raise pytest.UsageError(f"--evalkit-concurrency {concurrency}: at least 1 is needed")
    if max_cost is not None and not max_cost >= 0:
        raise pytest.UsageError(f"--max-cost {max_cost}: a number of US dollars, 0 or more")
    return RunOptions(
        mode=config.getoption("evalkit_mode"),
        concurrency=concurrency,
        max_cost_usd=max_cost,
        record=config.getoption("evalkit_record"),
        workers=workers,
    )
