"""Intervals of one rate or one mean, and how many independent cases it rests on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalkit.compare.statistics.distributions import beta_quantile, normal_quantile, t_quantile
from evalkit.compare.statistics.interval import Interval
from evalkit.compare.statistics.score import clustered_variance, harmonic_repeats, sample_variance

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

_SAME = 1e-14


def critical_z(confidence: float) -> float:
    """The two-sided critical value of the normal distribution: 1.96 for 0.95. Raises ValueError outside (0, 1)."""
    return normal_quantile(1.0 - tail_share(confidence))


def tail_share(confidence: float) -> float:
    """What a two-sided ``confidence`` leaves on each side: 0.025 for 0.95. Raises ValueError outside (0, 1)."""
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"a confidence lies strictly between 0 and 1, not {confidence}")
    return (1.0 - confidence) / 2.0


def _checked_rate(passed: float, n: float) -> float:
    if not 0 < n < math.inf or not 0 <= passed <= n:
        raise ValueError(f"a rate needs 0 <= passed <= n and n > 0, not {passed} of {n}")
    return passed / n


def wilson(passed: float, n: float, confidence: float = 0.95) -> Interval:
    """Wilson's (1927) score interval for one pass rate: the one to show. Counts may be effective, not whole."""
    rate = _checked_rate(passed, n)
    z2n = critical_z(confidence) ** 2 / n
    centre = (rate + z2n / 2.0) / (1.0 + z2n)
    half = math.sqrt(z2n * rate * (1.0 - rate) + z2n * z2n / 4.0) / (1.0 + z2n)
    lower = 0.0 if passed == 0 else max(0.0, centre - half)
    upper = 1.0 if passed == n else min(1.0, centre + half)
    return Interval(lower, upper, confidence, "Wilson")


def clopper_pearson(passed: float, n: float, confidence: float = 0.95) -> Interval:
    """Clopper & Pearson's (1934) exact interval: the one to decide with. Counts may be effective, not whole."""
    _checked_rate(passed, n)
    tail = tail_share(confidence)
    lower = 0.0 if passed <= 0 else beta_quantile(tail, passed, n - passed + 1.0)
    upper = 1.0 if passed >= n else beta_quantile(1.0 - tail, passed + 1.0, n - passed)
    return Interval(lower, upper, confidence, "Clopper-Pearson")


def jeffreys(passed: float, n: float, confidence: float = 0.95) -> Interval:
    """The equal-tailed interval of a Beta(½, ½) prior (Brown, Cai & DasGupta 2001, without their end-point change)."""
    _checked_rate(passed, n)
    a, b, tail = passed + 0.5, n - passed + 0.5, tail_share(confidence)
    return Interval(beta_quantile(tail, a, b), beta_quantile(1.0 - tail, a, b), confidence, "Jeffreys")


def effective_sample(
    draws: Sequence[Sequence[float]], clusters: Sequence[Hashable] | None = None, confidence: float = 0.95
) -> tuple[float, float]:
    """Return ``(rate, n_eff)`` of per-case draws in [0, 1]: how many independent cases one rate rests on.

    Korn & Graubard (1998): p(1−p)/var(p̂), at most the number of draws, shrunk by (z/t)² for the few cases or clusters the
    variance was estimated from. When nothing varies it is the number of cases (of clusters). One draw per case, no clusters: n.
    """
    check_draws(draws)
    means = [math.fsum(case) / len(case) for case in draws]
    n = len(means)
    rate = math.fsum(means) / n
    if clusters is None and all(len(case) == 1 for case in draws):
        return rate, float(n)
    units = n if clusters is None else len(set(clusters))
    variance = sample_variance(means) / n if clusters is None else clustered_variance(means, clusters)
    return rate, effective_size(rate, variance, most=n * harmonic_repeats(draws), units=units, confidence=confidence)


def effective_size(rate: float, variance: float, *, most: float, units: int, confidence: float) -> float:
    """How many independent cases a ``rate`` of that ``variance`` rests on, at ``most``; ``units`` are the cases or clusters behind it."""
    if variance <= _SAME:
        return float(units)
    shrink = (critical_z(confidence) / t_quantile(0.5 + confidence / 2.0, max(1, units - 1))) ** 2
    return min(rate * (1.0 - rate) / variance, most) * shrink


def effective_counts(alike: Sequence[tuple[int, int, int]], confidence: float = 0.95) -> tuple[float, float]:
    """How many independent answers passed, and of how many, from ``(passed, answers, cases)``: so many cases have as many answers each.

    As :func:`effective_sample` with the answers of a case as a cluster, so that a case with more answers weighs more; the counts themselves where no
    case has two.
    """
    passed = sum(part * cases for part, _, cases in alike)
    n = sum(size * cases for _, size, cases in alike)
    units = sum(cases for _, size, cases in alike if size)
    if not n or n == units:
        return passed, n
    rate = passed / n
    squares = math.fsum(cases * (part - rate * size) ** 2 for part, size, cases in alike)
    variance = squares / n**2 * units / max(1, units - 1)
    size = effective_size(rate, variance, most=n, units=units, confidence=confidence)
    return rate * size, size


def check_draws(draws: Sequence[Sequence[float]]) -> None:
    """Raise ValueError unless every case has a draw and every draw lies in [0, 1]."""
    if any(isinstance(case, (int, float)) for case in draws):
        raise ValueError("every case holds a list of its draws: [[1], [0]], not [1, 0]")
    if not draws or not all(draws):
        raise ValueError("every case needs at least one draw, and there must be a case")
    if any(not 0.0 <= value <= 1.0 for case in draws for value in case):
        raise ValueError("scores must lie in [0, 1]; rescale them first")


@dataclass(frozen=True, slots=True)
class MeanEstimate:
    """A mean with its standard error; ``clustered_se`` is that of whole clusters, None where every case stands alone.

    ``interval`` is Student's, over clusters where there are any; None with a single case or cluster.
    """

    mean: float
    se: float
    clustered_se: float | None
    interval: Interval | None
    n: int


def mean_interval(
    values: Sequence[float], clusters: Sequence[Hashable] | None = None, confidence: float = 0.95
) -> MeanEstimate:
    """The t interval of a mean (Student 1908); with clusters on C − 1 degrees of freedom, C/(C−1) corrected (Miller 2024, eq. 4)."""
    if not values or not all(map(math.isfinite, values)):
        raise ValueError("a mean needs values, all of them finite")
    n = len(values)
    mean, se = math.fsum(values) / n, math.sqrt(sample_variance(values) / n)
    clustered = None if clusters is None else math.sqrt(clustered_variance(values, clusters))
    units = n if clusters is None else len(set(clusters))
    if units < 2:
        return MeanEstimate(mean, se, clustered, None, n)
    half = t_quantile(1.0 - tail_share(confidence), units - 1) * (se if clustered is None else clustered)
    return MeanEstimate(mean, se, clustered, Interval(mean - half, mean + half, confidence, "Student t"), n)
