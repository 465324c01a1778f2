"""How far two raters agree, beyond chance: a judge against people, or several people among each other."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from evalkit.compare.statistics.interval import Interval
from evalkit.compare.statistics.intervals import critical_z

if TYPE_CHECKING:
    from collections.abc import Sequence

Level = Literal["nominal", "ordinal", "interval"]


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
    both_pass: int, human_pass_judge_fail: int, human_fail_judge_pass: int, both_fail: int, confidence: float = 0.95
) -> Agreement:
    """Cohen's (1960) kappa of a two-by-two table with the large-sample error of Fleiss, Cohen & Everitt (1969).

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
        se = _kappa_error(share, human, judge, kappa, chance) / math.sqrt(n)
        half = critical_z(confidence) * se
        interval = Interval(kappa - half, kappa + half, confidence, "Fleiss-Cohen-Everitt")
    return Agreement(
        n=n,
        agreement=observed,
        kappa=kappa,
        se=se,
        interval=interval,
        sensitivity=share[0][0] / human[0] if human[0] else None,
        specificity=share[1][1] / human[1] if human[1] else None,
    )


def _kappa_error(  # noqa: PLR0917 - the shares, their margins, and what they gave
    share: list[list[float]], human: list[float], judge: list[float], kappa: float, chance: float
) -> float:
    """√n times the standard error of kappa, for a table of shares."""
    agree = math.fsum(share[i][i] * (1.0 - (human[i] + judge[i]) * (1.0 - kappa)) ** 2 for i in (0, 1))
    differ = math.fsum(share[i][1 - i] * (judge[i] + human[1 - i]) ** 2 for i in (0, 1)) * (1.0 - kappa) ** 2
    variance = agree + differ - (kappa - chance * (1.0 - kappa)) ** 2
    return math.sqrt(max(0.0, variance)) / (1.0 - chance)


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
