"""Cases that are alike, counted together: what a rate rests on, wherever the counting was done."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from evalkit.compare.slices import share_of
from evalkit.compare.statistics.score import Moments

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from evalkit.compare.pair import PairedCase
    from evalkit.model.cases import Severity
    from evalkit.model.results import Family, Status


class Draws(NamedTuple):
    """Cases (``cases`` of them) that passed ``passed_a`` of ``a`` draws before and ``passed_b`` of ``b`` after, all of one ``cluster`` or of none."""

    passed_a: int
    a: int
    passed_b: int
    b: int
    cluster: str | None
    cases: int

    @property
    def change(self) -> float:
        """By how much the pass rate of such a case rose."""
        return self.passed_b / self.b - self.passed_a / self.a


class Alike(Protocol):
    """Cases that are counted together: how many, of which cluster."""

    @property
    def cluster(self) -> str | None:
        """The cluster of all of them, None if each stands alone."""
        ...

    @property
    def cases(self) -> int:
        """How many there are."""
        ...


class Outcome(NamedTuple):
    """What a trial came to: its status, and its verdicts as ``(check, family, status, severity)``."""

    status: Status
    checks: tuple[tuple[str, Family, Status, Severity], ...]

    @property
    def unanswered(self) -> bool:
        """Whether there was nothing to judge: such a trial is an error of whatever its case is judged by."""
        return self.status == "error" and not self.checks


class CaseKind(NamedTuple):
    """Cases (``cases`` of them) with these outcomes before (``a``) and after (``b``), as indexes, all of one ``cluster`` or of none."""

    a: tuple[int, ...]
    b: tuple[int, ...]
    cluster: str | None
    cases: int


@dataclass(frozen=True, slots=True)
class CaseTable:
    """The paired cases of a comparison, alike ones together. ``outcomes`` are what the kinds' indexes mean."""

    outcomes: tuple[Outcome, ...]
    kinds: tuple[CaseKind, ...]

    @classmethod
    def of(cls, cases: Iterable[PairedCase]) -> CaseTable:
        """Count ``cases``."""
        numbers: dict[tuple[object, ...], int] = {}
        outcomes: list[Outcome] = []
        counts: Counter[tuple[tuple[int, ...], tuple[int, ...], str | None]] = Counter()
        for case in cases:
            sides = []
            for rows in (case.a, case.b):
                side = []
                for row in rows:
                    key = (row.status, row.checks)
                    number = numbers.get(key)
                    if number is None:
                        number = numbers[key] = len(outcomes)
                        outcomes.append(Outcome(row.status, row.checks))
                    side.append(number)
                sides.append(tuple(side))
            counts[sides[0], sides[1], case.cluster] += 1
        return cls(tuple(outcomes), tuple(CaseKind(*key, count) for key, count in counts.items()))

    def passes(self) -> tuple[Draws, ...]:
        """The draws of the pass rate."""
        return self._counted([outcome.status for outcome in self.outcomes])

    def part(self, prefix: str, name: str) -> tuple[Draws, ...]:
        """The draws of one part: ``check`` or ``family``, and its name. Cases without it on a side are left out."""
        return self._counted([share_of(outcome.checks, prefix, name) for outcome in self.outcomes])

    def names(self, *, checks: bool) -> list[tuple[str, str]]:
        """The parts: families with a counting check in alphabetical order, then with ``checks`` every check."""
        found = {verdict for outcome in self.outcomes for verdict in outcome.checks}
        families = sorted({family for _, family, _, severity in found if severity == "fail"})
        named = [("family", str(family)) for family in families]
        return named + ([("check", name) for name in sorted({verdict[0] for verdict in found})] if checks else [])

    def _counted(self, shares: Sequence[Status | None]) -> tuple[Draws, ...]:
        counts: Counter[tuple[int, int, int, int, str | None]] = Counter()
        for kind in self.kinds:
            a, b = self._side(kind, kind.a, shares), self._side(kind, kind.b, shares)
            if a and b:
                counts[a.count("pass"), len(a), b.count("pass"), len(b), kind.cluster] += kind.cases
        return tuple(Draws(*key, count) for key, count in counts.items())

    def _side(self, kind: CaseKind, side: tuple[int, ...], shares: Sequence[Status | None]) -> list[Status]:
        found = [shares[number] for number in side]
        if None in found:
            both = (*kind.a, *kind.b)
            known = any(shares[number] is not None for number in both)
            if known or not any(self.outcomes[number].checks for number in both):
                found = ["error" if self.outcomes[number].unanswered else shares[number] for number in side]
        return [status for status in found if status is not None and status != "skip"]


def draws_of(cases: Iterable[PairedCase]) -> tuple[Draws, ...]:
    """Count ``cases`` by their draws."""
    counts = Counter(
        (sum(case.a_draws), len(case.a_draws), sum(case.b_draws), len(case.b_draws), case.cluster) for case in cases
    )
    return tuple(Draws(int(a), n_a, int(b), n_b, cluster, count) for (a, n_a, b, n_b, cluster), count in counts.items())


def single_runs(draws: Iterable[Draws]) -> bool:
    """Whether every case has one trial on each side."""
    return all(one.a == 1 == one.b for one in draws)


def clusters_in(draws: Iterable[Alike]) -> int | None:
    """How many clusters there are, a case without one being its own; None when no two cases share one."""
    sizes: Counter[str] = Counter()
    alone = 0
    for one in draws:
        if one.cluster is None:
            alone += one.cases
        else:
            sizes[one.cluster] += one.cases
    return alone + len(sizes) if any(size > 1 for size in sizes.values()) else None


def variance_of_mean(values: Sequence[tuple[float, Alike]], mean: float, clusters: int | None) -> float:
    """The variance of the mean of a value per case: of cases that stand alone, or of whole clusters (Miller 2024 eq. 4 with C/(C−1)).

    0.0 for a single case or cluster, which says nothing about variation.
    """
    n = sum(one.cases for _, one in values)
    if clusters is None:
        squares = math.fsum(one.cases * (value - mean) ** 2 for value, one in values)
        return squares / (n - 1) / n if n > 1 else 0.0
    sums: dict[str, float] = {}
    squared = []
    for value, one in values:
        if one.cluster is None:
            squared.append(one.cases * (value - mean) ** 2)
        else:
            sums[one.cluster] = sums.get(one.cluster, 0.0) + one.cases * (value - mean)
    squared += [total * total for total in sums.values()]
    return clusters / (clusters - 1) * math.fsum(squared) / (n * n) if clusters > 1 else 0.0


def moments(draws: Sequence[Draws]) -> Moments:
    """Reduce 0/1 draws to what :func:`evalkit.compare.statistics.score.moments_of` finds."""
    n = sum(one.cases for one in draws)
    up = math.fsum(one.cases * (one.a - one.passed_a) * one.passed_b / (one.a * one.b) for one in draws) / n
    down = math.fsum(one.cases * one.passed_a * (one.b - one.passed_b) / (one.a * one.b) for one in draws) / n
    clusters = clusters_in(draws)
    variance = variance_of_mean([(one.change, one) for one in draws], up - down, clusters)
    inverse = math.fsum(one.cases * (1.0 / one.a + 1.0 / one.b) for one in draws)
    return Moments(n, up, down, up + down, variance, inverse, clusters or n, clustered=clusters is not None)
