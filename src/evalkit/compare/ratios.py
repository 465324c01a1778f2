"""The statistics of a cost or a latency as pure functions: B over A, on average and in the typical case."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalkit.compare.distributions import t_quantile, t_upper_tail
from evalkit.compare.score import sample_variance
from evalkit.compare.values import Interval

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class RatioEstimate:
    """B over A: 1.05 is 5% more. ``interval`` and ``p`` (two-sided, of a ratio of 1) are None where the data cannot say."""

    ratio: float | None
    interval: Interval | None
    p: float | None
    n: int


def _check_pairs(a: Sequence[float], b: Sequence[float]) -> int:
    if not a or len(a) != len(b):
        raise ValueError(f"a ratio needs the same cases on both sides, not {len(a)} and {len(b)}")
    return len(a)


def fieller_ratio(a: Sequence[float], b: Sequence[float], confidence: float = 0.95) -> RatioEstimate:
    """mean(B)/mean(A) over paired values with Fieller's (1954) limits: what you pay.

    The limits are all r for which the paired t test of B − rA does not reject; the interval is None (too few or too variable)
    when mean(A) itself cannot be told from 0.
    """
    n = _check_pairs(a, b)
    mean_a, mean_b = math.fsum(a) / n, math.fsum(b) / n
    if mean_a <= 0.0:
        return RatioEstimate(None, None, None, n)
    if n < 2:
        return RatioEstimate(mean_b / mean_a, None, None, n)
    t2 = t_quantile(0.5 + confidence / 2.0, n - 1) ** 2
    var_a, var_b = sample_variance(a, mean_a) / n, sample_variance(b, mean_b) / n
    cov = math.fsum([(x - mean_a) * (y - mean_b) for x, y in zip(a, b, strict=True)]) / (n - 1) / n
    p = _t_test(mean_b - mean_a, max(0.0, var_a + var_b - 2.0 * cov), n)
    lead = mean_a * mean_a - t2 * var_a
    if lead <= 0.0:
        return RatioEstimate(mean_b / mean_a, None, p, n)
    middle = mean_a * mean_b - t2 * cov
    root = math.sqrt(max(0.0, middle * middle - lead * (mean_b * mean_b - t2 * var_b)))
    limits = Interval((middle - root) / lead, (middle + root) / lead, confidence, "Fieller")
    return RatioEstimate(mean_b / mean_a, limits, p, n)


def geometric_ratio(a: Sequence[float], b: Sequence[float], confidence: float = 0.95) -> RatioEstimate:
    """The geometric mean of B/A with the t interval of its logarithm: the typical case. None if a value is not positive."""
    n = _check_pairs(a, b)
    if min(a) <= 0.0 or min(b) <= 0.0:
        return RatioEstimate(None, None, None, n)
    logs = [math.log(y / x) for x, y in zip(a, b, strict=True)]
    mean = math.fsum(logs) / n
    if n < 2:
        return RatioEstimate(math.exp(mean), None, None, n)
    variance = sample_variance(logs, mean) / n
    half = t_quantile(0.5 + confidence / 2.0, n - 1) * math.sqrt(variance)
    limits = Interval(math.exp(mean - half), math.exp(mean + half), confidence, "t interval of log ratios")
    return RatioEstimate(math.exp(mean), limits, _t_test(mean, variance, n), n)


def _t_test(mean: float, variance: float, n: int) -> float:
    """Two-sided p of 'the mean is 0' (Student 1908), from a mean of ``n`` values and its variance."""
    if variance <= 0.0:
        return 1.0 if mean == 0.0 else 0.0
    return min(1.0, 2.0 * t_upper_tail(abs(mean) / math.sqrt(variance), n - 1))
