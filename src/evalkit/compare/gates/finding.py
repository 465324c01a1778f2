"""What a rule found about one gate, before the run's other gates and the doubts about the data are weighed in."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from evalkit.compare import words
from evalkit.compare.paired_outcomes import MOST_ERRORS
from evalkit.compare.statistics.paired import mcnemar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalkit.compare.pair import PairCounts
    from evalkit.model.calls import JSON
    from evalkit.model.results import GateStatus, Measurement

MOST_UNPAIRED = 0.05
"""Above this share of cases without a partner, the paired ones may not speak for the suite."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A status with its reason in two parts: ``facts`` (figures and denominators) and ``conclusion`` (what follows).

    ``fail_p`` is the one-sided p-value of failing, for Holm's correction; None where no test is involved. Any ``doubts`` turn a
    pass or a fail into undecided, unless it is ``certain``: nothing that is missing could undo it. ``early``: decided before all cases
    had run, on purpose.
    """

    status: GateStatus
    facts: str
    conclusion: str
    numbers: Mapping[str, JSON] = field(default_factory=dict)
    fail_p: float | None = None
    doubts: tuple[str, ...] = ()
    certain: bool = False
    early: bool = False

    @property
    def reason(self) -> str:
        """Complete sentences: the facts, and what follows from them."""
        return f"{self.facts}: {self.conclusion}." if self.facts else f"{self.conclusion}."

    def doubted(self) -> Finding:
        """This finding with its doubts applied: neither a pass nor a fail stands on data that may mislead."""
        if not self.doubts or self.certain or self.status not in {"passed", "failed"}:
            return self
        would = "pass" if self.status == "passed" else "fail"
        text = f"on the figures alone it would {would}, but {'; and '.join(self.doubts)}"
        return replace(self, status="undecided", conclusion=text)

    def beside(self, intended: Finding) -> Finding:
        """This finding, made without errors, beside the one that counts them as failures (intention to treat), whose doubts stay.

        The reason and the numbers say both.
        """
        facts = f"errors left out: {self.facts}; with errors as failures: {intended.facts}"
        numbers = {**self.numbers, "errors": "exclude", "errors_as_failures": dict(intended.numbers)}
        return replace(
            self, facts=facts, numbers=numbers, doubts=tuple(dict.fromkeys((*intended.doubts, *self.doubts)))
        )


def measured(rows: Sequence[Measurement]) -> list[Measurement]:
    """The trials that could be measured."""
    return [row for row in rows if row.status != "error"]


class Unmeasured(NamedTuple):
    """How many of a side's ``total`` trials are ``errors``."""

    errors: int
    total: int

    @property
    def share(self) -> float:
        """The share of trials that could not be measured."""
        return self.errors / self.total if self.total else 0.0


@dataclass(frozen=True, slots=True)
class Tally:
    """Trials of one side by outcome. ``total`` leaves out skipped ones."""

    passed: int
    errors: int
    skipped: int
    total: int

    @classmethod
    def of(cls, rows: Sequence[Measurement]) -> Tally:
        """Count the trials of ``rows``."""
        statuses = [row.status for row in rows]
        skipped = statuses.count("skip")
        return cls(statuses.count("pass"), statuses.count("error"), skipped, len(rows) - skipped)

    @property
    def unmeasured(self) -> Unmeasured:
        """Its errors among its trials."""
        return Unmeasured(self.errors, self.total)

    def __str__(self) -> str:
        return words.counts(self.passed, self.total, errors=self.errors, skipped=self.skipped)


def error_doubts(*sides: Unmeasured) -> tuple[str, ...]:
    """A doubt if more than 2% of any side's trials could not be measured."""
    if all(side.share <= MOST_ERRORS for side in sides):
        return ()
    shown = " and ".join(f"{side.errors} of {side.total}" for side in sides)
    return (f"{shown} trials could not be measured (more than 2%): mend the errors and run again",)


def pairing_doubts(counts: PairCounts, a: Unmeasured, b: Unmeasured) -> tuple[str, ...]:
    """Doubts of a paired gate: errors, errors that are uneven (exact McNemar p < 0.05), and cases without a partner."""
    doubts = list(error_doubts(a, b))
    alone_a = len(set(counts.errors_a) - set(counts.errors_b))
    alone_b = len(set(counts.errors_b) - set(counts.errors_a))
    if not doubts and mcnemar(alone_a, alone_b).p_exact < 0.05:
        doubts.append(f"errors are uneven ({alone_a} cases only before, {alone_b} only after): mend them and run again")
    if counts.unpaired_share > MOST_UNPAIRED:
        total = counts.paired + counts.unpaired
        doubts.append(
            f"{counts.unpaired} of {total} cases could not be paired (more than 5%): run the same cases on both sides"
        )
    return tuple(doubts)
