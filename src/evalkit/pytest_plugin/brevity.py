"""Of many cases that failed alike pytest shows the first few, so that the verdict stays on the screen; ``-v`` shows all."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

MOST = 10
"""Cases shown for one reason."""
_SECTIONS = ("error", "failed")


class Brevity:
    """Takes reports out of the lists that pytest prints from, and only while pytest itself prints: every other plugin finds them whole."""

    def __init__(self, pytest_config: pytest.Config) -> None:
        self._all_wanted = pytest_config.getoption("verbose", 0) > 0  # -p no:terminal has no such option
        self._whole: dict[str, list[Any]] = {}

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> Generator[None, None, None]:  # noqa: ANN401 - private type
        """Around pytest's own sections, FAILURES and ERRORS before and the short summary after those of the plugins."""
        self.shorten(terminalreporter)
        try:
            return (yield)
        finally:
            self.restore(terminalreporter)

    def shorten(self, terminalreporter: Any) -> None:  # noqa: ANN401 - as above
        """Leave the first few reports of each reason."""
        stats = terminalreporter.stats
        self._whole = {name: stats[name] for name in _SECTIONS if name in stats and not self._all_wanted}
        stats.update({name: list(_first_of_each(reports)) for name, reports in self._whole.items()})

    def restore(self, terminalreporter: Any) -> None:  # noqa: ANN401 - as above
        """Put back what was taken out."""
        terminalreporter.stats.update(self._whole)
        self._whole = {}

    def lines(self, terminalreporter: Any) -> Iterator[str]:  # noqa: ANN401 - as above
        """A line for each reason of which pytest does not show everything."""
        reports = [report for name in _SECTIONS for report in terminalreporter.stats.get(name, ())]
        counts = Counter(getattr(report, "evalkit_reason", "") for report in reports)
        for reason, number in counts.items():
            if reason and number > MOST and not self._all_wanted:
                yield f"{MOST} of {number:,} are shown: {reason} (-v shows all)"


class Wholeness:
    """Gives the lists back while the other plugins print."""

    def __init__(self, brevity: Brevity) -> None:
        self._brevity = brevity

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> Generator[None, None, None]:  # noqa: ANN401 - private type
        """Inside pytest's own wrapper, around the hooks of everybody else."""
        self._brevity.restore(terminalreporter)
        try:
            return (yield)
        finally:
            self._brevity.shorten(terminalreporter)


def _first_of_each(reports: Iterable[Any]) -> Iterator[Any]:
    seen: Counter[str] = Counter()
    for report in reports:
        reason = getattr(report, "evalkit_reason", "")
        seen[reason] += 1
        if not reason or seen[reason] <= MOST:
            yield report
