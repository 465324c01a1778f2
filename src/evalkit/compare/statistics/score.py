"""Tango's score statistic for a paired difference of rates, its roots, and the counts that repeats and clusters are worth."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, Sequence

_SAME = 1e-14
"""Variances below this are rounding, not variation: metrics live in [0, 1]."""


def nuisance(fixed: float, broken: float, n: float, delta: float) -> float:
    """The probability of 'broken' that is most likely if the true difference is ``delta`` (Tango 1998, eq. for q̂)."""
    b = -fixed - broken + (2.0 * n - fixed + broken) * delta
    c = -broken * delta * (1.0 - delta)
    root = math.sqrt(max(0.0, b * b - 8.0 * n * c))
    if b <= 0.0:
        return (root - b) / (4.0 * n)
    return -2.0 * c / (root + b)  # the same root without subtracting two near-equal numbers


def score(fixed: float, broken: float, n: float, delta: float) -> float:
    """Tango's z for H0: rate(B) − rate(A) = ``delta``. Counts need not be whole. Falls as ``delta`` grows."""
    distance = fixed - broken - n * delta
    variance = n * (2.0 * nuisance(fixed, broken, n, delta) + delta * (1.0 - delta))
    if variance <= 0.0:
        return 0.0 if distance == 0.0 else math.copysign(math.inf, distance)
    return distance / math.sqrt(variance)


def score_limits(fixed: float, broken: float, n: float, crit: float) -> tuple[float, float]:
    """Both δ with \\|z(δ)\\| = ``crit``, by bisection from the estimate outwards; −1 and 1 where no case could say more."""
    estimate = (fixed - broken) / n
    lower = -1.0 if broken >= n else _root(lambda delta: score(fixed, broken, n, delta) > crit, -1.0, estimate)
    upper = 1.0 if fixed >= n else _root(lambda delta: score(fixed, broken, n, delta) > -crit, estimate, 1.0)
    return lower, upper


def _root(above: Callable[[float], bool], low: float, high: float) -> float:
    """Where ``above`` turns from True to False between ``low`` and ``high``."""
    for _ in range(100):
        middle = 0.5 * (low + high)
        if high - low < 1e-15 or middle in {low, high}:
            break
        if above(middle):
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def clustered_variance(values: Sequence[float], clusters: Sequence[Hashable]) -> float:
    """The variance of the mean of ``values`` when members of a cluster are alike (Miller 2024 eq. 4 with C/(C−1)).

    0.0 with a single cluster, which says nothing about variation between clusters.
    """
    n = len(values)
    mean = math.fsum(values) / n
    sums: dict[Hashable, float] = {}
    for value, cluster in zip(values, clusters, strict=True):
        sums[cluster] = sums.get(cluster, 0.0) + value - mean
    return 0.0 if len(sums) < 2 else between_clusters(sums.values()) / (n * n)


def between_clusters(totals: Collection[float]) -> float:
    """The variance of a sum from what each of its clusters, two or more, adds to it (Miller 2024 eq. 4 with C/(C−1)); their mean is 0."""
    return len(totals) / (len(totals) - 1) * math.fsum(total * total for total in totals)


def sample_variance(values: Sequence[float], mean: float | None = None) -> float:
    """The variance of ``values`` with n − 1; 0.0 for a single value. ``mean`` spares computing it again."""
    n = len(values)
    if n < 2:
        return 0.0
    if mean is None:
        mean = math.fsum(values) / n
    return math.fsum([(value - mean) ** 2 for value in values]) / (n - 1)


def harmonic_repeats(*sides: Sequence[Sequence[float]]) -> float:
    """The harmonic mean number of draws per case: what unequal repeats are worth when averages are compared."""
    counts = [len(draws) for side in sides for draws in side]
    return len(counts) / math.fsum(1.0 / count for count in counts)


@dataclass(frozen=True, slots=True)
class Moments:
    """What a paired comparison rests on: over cases, the mean rise, fall and squared difference of a pair of single draws.

    ``variance`` is that of the mean difference, from the ``units`` it was estimated from: cases, or clusters if ``clustered``.
    ``inverse_repeats`` is the sum of 1/draws over the cases of both sides.
    """

    n: int
    up: float
    down: float
    square: float
    variance: float
    inverse_repeats: float
    units: int
    clustered: bool = False

    def effective(self) -> Effective:
        """How many independent cases it is worth.

        Korn & Graubard's (1998) effective sample size carried over to Tango's paired score; the reference values were computed
        at non-integer counts with the R package ratesci.
        """
        n, delta = self.n, self.up - self.down
        v1 = self.up + self.down - delta**2
        most = n * (2 * n / self.inverse_repeats) * _ratio(v1, self.square - delta**2)
        df = max(1, self.units - 1)
        if self.clustered:
            known = self.variance > _SAME
            n_eff = min(max(v1 / self.variance, 2.0), max(most, 2.0)) if known else float(self.units)
            return Effective(self.up, self.down, n * self.variance, n_eff, df)
        s2 = n * self.variance
        n_eff = float(n) if s2 <= _SAME else min(max(n * v1 / s2, n), max(most, n))
        return Effective(self.up, self.down, s2, n_eff, df)


@dataclass(frozen=True, slots=True)
class Effective:
    """Sufficient numbers of a paired comparison: how much went up and down, and how many independent cases that is worth."""

    up: float
    down: float
    s2: float
    n_eff: float
    df: int

    @property
    def delta(self) -> float:
        """mean(B) − mean(A)."""
        return self.up - self.down


def moments_of(
    a: Sequence[Sequence[float]], b: Sequence[Sequence[float]], clusters: Sequence[Hashable] | None
) -> Moments:
    """Reduce per-case draws in [0, 1]; every draw of A meets every draw of B, never by index."""
    n = len(a)
    moments = [case_moments(x, y) for x, y in zip(a, b, strict=True)]
    up, down, square = (math.fsum(column) / n for column in zip(*moments, strict=True))
    differences = [rise - fall for rise, fall, _ in moments]
    inverse = math.fsum(1.0 / len(draws) for draws in (*a, *b))
    if clusters is None:
        return Moments(n, up, down, square, sample_variance(differences) / n, inverse, n)
    variance = clustered_variance(differences, clusters)
    return Moments(n, up, down, square, variance, inverse, len(set(clusters)), clustered=True)


_ZERO_OR_ONE = frozenset((0.0, 1.0))


def case_moments(a: Sequence[float], b: Sequence[float]) -> tuple[float, float, float]:
    """The mean rise, fall and squared difference over all pairs of one draw of each side."""
    pairs = len(a) * len(b)
    if _ZERO_OR_ONE.issuperset(a) and _ZERO_OR_ONE.issuperset(b):
        passed_a, passed_b = sum(a), sum(b)
        up, down = (len(a) - passed_a) * passed_b / pairs, passed_a * (len(b) - passed_b) / pairs
        return up, down, up + down
    gaps = [y - x for x in a for y in b]
    up = math.fsum(gap for gap in gaps if gap > 0.0)
    down = -math.fsum(gap for gap in gaps if gap < 0.0)
    return up / pairs, down / pairs, math.fsum(gap * gap for gap in gaps) / pairs


def _ratio(v1: float, vd: float) -> float:
    return v1 / vd if vd > _SAME else 1.0
