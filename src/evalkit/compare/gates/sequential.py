"""Deciding a gate before all its cases have run, without paying for the many looks with false alarms."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from evalkit.compare.paired_outcomes import MOST_ERRORS
from evalkit.compare.statistics.eprocess import Wager, e_process
from evalkit.compare.statistics.intervals import tail_share

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from evalkit.model.results import Measurement

EARLY_SHARE = 0.2
"""The part of the error that is spent on looking early; the rest is left for the look at the end (docs/statistics.md)."""


def last_confidence(confidence: float) -> float:
    """The confidence of the look at all cases, when a part of the error was spent on looking early: 0.96 for 0.95."""
    return 1.0 - (1.0 - EARLY_SHARE) * (1.0 - confidence)


def place(case_id: str) -> str:
    """Where a case stands in the order in which a gate looks at cases: by a hash, so that it does not depend on difficulty."""
    return hashlib.sha256(case_id.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Decision:
    """A gate decided after ``n`` pairs. ``e`` is the evidence for it: wrong in at most 1/e of all runs, however often one looked."""

    status: Literal["passed", "failed"]
    n: int
    fixed: int
    broken: int
    e: float


@dataclass(frozen=True, slots=True)
class Tally:
    """What the pairs so far say about a drop of ``margin``: none of them can be unlearnt, and none is looked at twice."""

    wager: Wager
    limit: float
    fixed: int = 0
    broken: int = 0
    errors: int = 0

    @classmethod
    def start(cls, margin: float, confidence: float = 0.95) -> Tally:
        """Nothing seen yet. Raises ValueError for a margin or a confidence outside (0, 1)."""
        if not 0.0 < margin < 1.0:
            raise ValueError(f"a margin lies strictly between 0 and 1, not {margin}")
        return cls(Wager(margin), math.log(1.0 / (EARLY_SHARE * tail_share(confidence))))

    def after(self, before: bool, now: bool, *, error: bool = False) -> Tally:
        """One more pair."""
        return Tally(
            wager=self.wager.after(float(now) - float(before)),
            limit=self.limit,
            fixed=self.fixed + (now and not before),
            broken=self.broken + (before and not now),
            errors=self.errors + error,
        )

    def decision(self) -> Decision | None:
        """``failed`` if fixed and broken are not equally likely, ``passed`` if betting against a drop paid; None: not yet.

        Nothing is decided while more than 2% of the pairs hold an error.
        """
        if self.errors > MOST_ERRORS * self.wager.n:
            return None
        if self.broken > self.fixed:
            e = e_process(self.fixed, self.broken).e
            if math.log(e) >= self.limit:
                return Decision("failed", self.wager.n, self.fixed, self.broken, e)
        if self.wager.log_wealth >= self.limit:
            e = math.exp(min(self.wager.log_wealth, 700.0))
            return Decision("passed", self.wager.n, self.fixed, self.broken, e)
        return None


class Sequential:
    """One gate between the labels ``a`` and ``b``, hearing one measurement after another, in any order.

    Pairs are looked at in the order of :func:`place`; one that came early waits for those before it, so that fast (easy) cases do not
    weigh more. ``cases`` are all that were planned. One run per case.
    """

    def __init__(self, cases: Collection[str], *, a: str, b: str, margin: float, confidence: float = 0.95) -> None:
        self._todo = sorted(set(cases), key=place, reverse=True)
        self.labels = self._a, self._b = a, b
        self._heard: dict[str, dict[str, Measurement]] = {}
        self._absent: set[str] = set()
        self._tally = Tally.start(margin, confidence)
        self.decision: Decision | None = None
        self.seen: list[str] = []

    def heard(self, row: Measurement) -> Decision | None:
        """Take note of ``row``; the decision, if this or an earlier pair made one. A decision stands."""
        if self.decision is None and row.label in {self._a, self._b}:
            self._heard.setdefault(row.case_id, {})[row.label] = row
            self._look()
        return self.decision

    def left_out(self, case_id: str) -> None:
        """Take note that nobody is asked this case on one side or both: it is no pair, and those behind it need not wait."""
        self._absent.add(case_id)
        if self.decision is None:
            self._look()

    def _look(self) -> None:
        while self._todo and self.decision is None:
            sides = self._heard.get(self._todo[-1], {})
            if self._todo[-1] in self._absent:
                self._todo.pop()
                continue
            if len(sides) < 2:
                return
            self.seen.append(self._todo.pop())
            before, now = sides[self._a], sides[self._b]
            if "skip" in {before.status, now.status}:
                continue
            error = "error" in {before.status, now.status}
            self._tally = self._tally.after(before.status == "pass", now.status == "pass", error=error)
            self.decision = self._tally.decision()


def decided(rows: Iterable[Measurement], *, a: str, b: str, margin: float, confidence: float) -> Sequential:
    """The gate as it stood when all of ``rows`` had been heard, whatever their order."""
    rows = list(rows)
    before, after = ({row.case_id for row in rows if row.label == label} for label in (a, b))
    gate = Sequential(before & after, a=a, b=b, margin=margin, confidence=confidence)
    for row in rows:
        gate.heard(row)
    return gate
