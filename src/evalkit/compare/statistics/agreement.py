"""How far two raters agree, beyond chance: a judge against people, or several people among each other."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from evalkit.compare.statistics.distributions import t_quantile
from evalkit.compare.statistics.interval import Interval
from evalkit.compare.statistics.intervals import critical_z, tail_share
from evalkit.compare.statistics.score import between_clusters

if TYPE_CHECKING:
    from collections.abc import Sequence

Level = Literal["nominal", "ordinal", "interval"]
Cells = tuple[int, int, int, int]
"""Answers that both pass, that people pass and the judge fails, that people fail and the judge passes, and that both fail."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """A judge beside people. ``kappa``: 0 is chance, 1 is perfect; None (as its ``interval``) when only one answer was ever given.

    ``sensitivity``: the share of what people pass that the judge passes. ``specificity``: the share of what people fail that it fails.
    Each is None without such cases.
    """

    n: int
    agreement: float
    kappa: float | None
    se: float | None
    interval: Interval | None
    sensitivity: float | None
    specificity: float | None

    @property
    def youden_j(self) -> float | None:
        """sensitivity + specificity − 1: a judged difference is the true one times J, so the margin of a gate shrinks by J."""
        if self.sensitivity is None or self.specificity is None:
            return None
        return self.sensitivity + self.specificity - 1.0


def cohen_kappa(  # noqa: PLR0917 - the order of a two-by-two table, people first
    both_pass: int,
    human_pass_judge_fail: int,
    human_fail_judge_pass: int,
    both_fail: int,
    confidence: float = 0.95,
    *,
    cases: Sequence[Cells] | None = None,
) -> Agreement:
    """Cohen's (1960) kappa of a two-by-two table with the large-sample error of Fleiss, Cohen & Everitt (1969).

    ``cases`` are the tables of single cases, where some have several answers: then what the answers of a case contribute is summed before
    it is squared, with C/(C−1) and Student's t on C − 1 degrees of freedom (as Miller 2024, eq. 4).
    Raises ValueError for negative counts or none at all.
    """
    table = ((both_pass, human_pass_judge_fail), (human_fail_judge_pass, both_fail))
    n = sum(map(sum, table))
    if n <= 0 or min(map(min, table)) < 0:
        raise ValueError("agreement needs counts that are not negative, and at least one")
    share = [[count / n for count in row] for row in table]
    human, judge = [sum(row) for row in share], [sum(column) for column in zip(*share, strict=True)]
    observed = share[0][0] + share[1][1]
    chance = math.fsum(h * j for h, j in zip(human, judge, strict=True))
    kappa = se = interval = None
    if chance < 1.0:
        kappa = (observed - chance) / (1.0 - chance)
        moves = _kappa_moves(human, judge, kappa, chance)
        cells = (both_pass, human_pass_judge_fail, human_fail_judge_pass, both_fail)
        se, crit = _kappa_error(cells, moves, cases, confidence)
        interval = (
            None if se is None else Interval(kappa - crit * se, kappa + crit * se, confidence, "Fleiss-Cohen-Everitt")
        )
    return Agreement(
        n=n,
        agreement=observed,
        kappa=kappa,
        se=se,
        interval=interval,
        sensitivity=share[0][0] / human[0] if human[0] else None,
        specificity=share[1][1] / human[1] if human[1] else None,
    )


def _kappa_moves(human: list[float], judge: list[float], kappa: float, chance: float) -> list[float]:
    """By how much an answer of each cell moves n·kappa: the terms of Fleiss, Cohen & Everitt's error, whose mean is 0."""
    middle = kappa - chance * (1.0 - kappa)
    return [
        (float(row == column) - (1.0 - kappa) * (human[column] + judge[row]) - middle) / (1.0 - chance)
        for row in (0, 1)
        for column in (0, 1)
    ]


def _kappa_error(
    cells: Cells, moves: Sequence[float], cases: Sequence[Cells] | None, confidence: float
) -> tuple[float | None, float]:
    """The standard error, None if a single case says nothing about it, and its critical value."""
    n = sum(cells)
    if cases is None:
        squares = math.fsum(count * move * move for count, move in zip(cells, moves, strict=True))
        return math.sqrt(squares) / n, critical_z(confidence)
    if len(cases) < 2:
        return None, math.inf
    sums = [math.fsum(count * move for count, move in zip(one, moves, strict=True)) for one in cases]
    return math.sqrt(between_clusters(sums)) / n, t_quantile(1.0 - tail_share(confidence), len(sums) - 1)


def krippendorff_alpha(ratings: Sequence[Sequence[float | None]], level: Level = "nominal") -> float | None:
    """Krippendorff's (2011) alpha of ``ratings[unit][rater]``; None marks a rating that is missing. 1 is agreement, 0 is chance.

    ``level`` says what a distance between two ratings is: any difference, ranks, or squared numbers. None if no two ratings
    differ anywhere. Raises ValueError if no unit has two ratings.
    """
    units = [found for unit in ratings if len(found := [value for value in unit if value is not None]) >= 2]
    if not units:
        raise ValueError("agreement needs a unit that two raters rated")
    totals = Counter(value for unit in units for value in unit)
    distance = _distances(totals, level)
    n = sum(totals.values())
    observed = math.fsum(_disagreement(Counter(unit), distance) / (len(unit) - 1) for unit in units)
    expected = _disagreement(totals, distance) / (n - 1)
    return None if expected == 0.0 else 1.0 - observed / expected


_Distances = dict[tuple[float, float], float]


def _distances(totals: Counter[float], level: Level) -> _Distances:
    values = sorted(totals)
    places, below = {}, 0.0
    for value in values:
        places[value] = (
            value if level == "interval" else below + totals[value] / 2.0
        )  # a rank is the middle of its ties
        below += totals[value]
    if level == "nominal":
        return {(x, y): float(x != y) for x in values for y in values}
    return {(x, y): (places[x] - places[y]) ** 2 for x in values for y in values}


def _disagreement(counts: Counter[float], distance: _Distances) -> float:
    return math.fsum(counts[x] * counts[y] * distance[x, y] for x in counts for y in counts)
