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
        choices=("live", "cache", "replay", "refresh", "batch"),
        default=None,
        help="cache: pay only for what is new (default); replay: recordings only, no network; live, refresh: ask again; "
        "batch: hand in what is new as batches, at half price, and come back for it",
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
        "--max-tokens",
        "--evalkit-max-tokens",
        dest="evalkit_max_tokens",
        type=int,
        default=None,
        metavar="N",
        help="use at most N tokens in this run; what is cached or recorded does not count",
    )
    group.addoption(
        "--max-calls",
        "--evalkit-max-calls",
        dest="evalkit_max_calls",
        type=int,
        default=None,
        metavar="N",
        help="make at most N calls in this run, retries included",
    )
    group.addoption(
        "--evalkit-record",
        action="store_true",
        default=False,
        help="write the live answers of this run to the recordings",
    )
    group.addoption("--evalkit-json", default=None, metavar="FILE", help="write the run as JSON to FILE")
    group.addoption(
        "--evalkit-markdown",
        default=None,
        metavar="FILE",
        help="write a summary for a pull request or a job summary to FILE",
    )
    group.addoption("--evalkit-no-report", action="store_true", default=False, help="do not write the HTML report")
    _add_comparing(group)
    _add_trust(group)
    _add_watching(group)


def _add_comparing(group: pytest.OptionGroup) -> None:
    group.addoption(
        "--evalkit-race",
        type=float,
        default=None,
        metavar="CONFIDENCE",
        help="race the variants of each suite: drop whoever is shown not to be the best, wrong in at most 1 - CONFIDENCE of all races",
    )
    group.addoption(
        "--baseline",
        "--evalkit-baseline",
        dest="evalkit_baseline",
        default=None,
        metavar="RUN",
        help="compare this run with RUN: a run id, latest:<branch>, or a file of 'evalkit baseline save'",
    )
    group.addoption(
        "--allow-no-baseline",
        "--evalkit-allow-no-baseline",
        dest="evalkit_allow_no_baseline",
        action="store_true",
        default=False,
        help="exit 0 although a gate against the stored baseline has none yet: for a first run",
    )


def _add_trust(group: pytest.OptionGroup) -> None:
    group.addoption(
        "--untrusted",
        "--evalkit-untrusted",
        dest="evalkit_untrusted",
        action="store_true",
        default=False,
        help="the suites are somebody else's: no Python of theirs, no files outside their folder, no endpoints, and a ceiling is required",
    )
    group.addoption(
        "--evalkit-config",
        default=None,
        metavar="FILE",
        help="read [tool.evalkit] of FILE too; its keys win over those of pyproject.toml",
    )


def _add_watching(group: pytest.OptionGroup) -> None:
    group.addoption(
        "--evalkit-progress",
        choices=("auto", "plain", "off"),
        default="auto",
        help="auto: a status line on a terminal, else a line every ten seconds (default); plain: always lines; off: nothing",
    )
    group.addoption(
        "--evalkit-log", default=None, metavar="FILE", help="append every event of the run to FILE, as JSON lines"
    )
    group.addoption(
        "--evalkit-otel",
        action="store_true",
        default=False,
        help="send spans and metrics of the calls, and the verdicts, to OpenTelemetry, as the OTEL_ variables say (extra: otel)",
    )


def run_options(config: pytest.Config, *, workers: int = 1, worker: int = 0) -> RunOptions:
    """The user's choices. Raises ConfigError for a value out of range."""
    from evalkit.harness.options import RunOptions

    return RunOptions(
        mode=config.getoption("evalkit_mode"),
        concurrency=config.getoption("evalkit_concurrency"),
        max_cost_usd=config.getoption("evalkit_max_cost"),
        max_tokens=config.getoption("evalkit_max_tokens"),
        max_calls=config.getoption("evalkit_max_calls"),
        record=config.getoption("evalkit_record"),
        baseline=config.getoption("evalkit_baseline"),
        allow_no_baseline=config.getoption("evalkit_allow_no_baseline"),
        workers=workers,
        worker=worker,
    )
