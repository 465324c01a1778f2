"""What became of one test: its trials judged, and whether enough of them passed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evalkit.model.cases import PlannedTest
    from evalkit.model.results import Result, Status


@dataclass(frozen=True, slots=True)
class TestOutcome:
    """The results of a test's repeats, in order."""

    __test__ = False  # the name begins with Test, and pytest would otherwise try to collect it

    test: PlannedTest
    results: tuple[Result, ...]

    @property
    def passed(self) -> int:
        """How many repeats passed."""
        return sum(result.status == "pass" for result in self.results)

    @property
    def errors(self) -> int:
        """How many repeats could not be measured."""
        return sum(result.status == "error" for result in self.results)

    @property
    def pending(self) -> int:
        """How many repeats wait for a batch."""
        return sum(result.pending for result in self.results)

    @property
    def status(self) -> Status:
        """``error`` if any repeat could not be measured, ``pass`` if at least ``require`` passed, else ``fail``."""
        if self.errors:
            return "error"
        return "pass" if self.passed >= self.test.require else "fail"

    @property
    def latency_s(self) -> float:
        """Seconds the model took over all repeats; unknown latencies count as none."""
        latencies = (result.measurement().latency_s for result in self.results)
        return sum(latency for latency in latencies if latency is not None)
