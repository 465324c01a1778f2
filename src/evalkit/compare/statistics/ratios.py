"""The statistics of a cost or a latency as pure functions: B over A, on average and in the typical case."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalkit.compare.statistics.distributions import t_quantile, t_upper_tail
from evalkit.compare.statistics.interval import Interval
from evalkit.compare.statistics.score import sample_variance

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class RatioEstimate:
    """B over A: 1.05 is 5% more. ``interval`` and ``p`` (two-sided, of a ratio of 1) are None where the data cannot say."""

    ratio: float | None
    interval: Interval | None
    p: float | None
    n: int


@dataclass(frozen=True, slots=True)
class RatioMoments:
    """What a ratio over ``n`` paired values rests on: means, variances and covariance with n − 1 (0.0 for one pair).

    ``mean_log`` and ``variance_log`` are of log(B/A), None if a value is not positive. ``moved`` is the sum of \\|B − A\\|, ``most_moved``
    that of the largest 5%.
    """

    n: int
    mean_a: float
    mean_b: float
    variance_a: float
    variance_b: float
    covariance: float
    mean_log: float | None
    variance_log: float | None
    moved: float
    most_moved: float

    @classmethod
    def of(cls, a: Sequence[float], b: Sequence[float]) -> RatioMoments:
        """Reduce the same cases on both sides. Raises ValueError for none, or for unequal numbers."""
        if not a or len(a) != len(b):
            raise ValueError(f"a ratio needs the same cases on both sides, not {len(a)} and {len(b)}")
        if not all(map(math.isfinite, (*a, *b))):
            raise ValueError("a ratio needs values that are all finite")
        n = len(a)
        mean_a, mean_b = math.fsum(a) / n, math.fsum(b) / n
        products = [(x - mean_a) * (y - mean_b) for x, y in zip(a, b, strict=True)]
        logs = [math.log(y / x) for x, y in zip(a, b, strict=True)] if min(a) > 0.0 and min(b) > 0.0 else None
        changes = sorted((abs(y - x) for x, y in zip(a, b, strict=True)), reverse=True)
        return cls(
            n=n,
            mean_a=mean_a,
            mean_b=mean_b,
            variance_a=sample_variance(a, mean_a),
            variance_b=sample_variance(b, mean_b),
            covariance=math.fsum(products) / (n - 1) if n > 1 else 0.0,
            mean_log=math.fsum(logs) / n if logs else None,
            variance_log=sample_variance(logs) if logs else None,
            moved=math.fsum(changes),
            most_moved=math.fsum(changes[: math.ceil(0.05 * n)]),
        )

    @property
    def few(self) -> bool:
        """Whether the largest 5% of the cases carry more than half of all change."""
        return self.n > 1 and self.moved > 0.0 and self.most_moved > 0.5 * self.moved

    def fieller(self, confidence: float) -> RatioEstimate:
        """The ratio of means with Fieller's limits; as :func:`fieller_ratio`."""
        n, mean_a, mean_b = self.n, self.mean_a, self.mean_b
        if mean_a <= 0.0:
            return RatioEstimate(None, None, None, n)
        if n < 2:
            return RatioEstimate(mean_b / mean_a, None, None, n)
        t2 = t_quantile(0.5 + confidence / 2.0, n - 1) ** 2
        var_a, var_b, cov = self.variance_a / n, self.variance_b / n, self.covariance / n
        p = _t_test(mean_b - mean_a, max(0.0, var_a + var_b - 2.0 * cov), n)
        lead = mean_a * mean_a - t2 * var_a
        if lead <= 0.0:
            return RatioEstimate(mean_b / mean_a, None, p, n)
        middle = mean_a * mean_b - t2 * cov
        root = math.sqrt(max(0.0, middle * middle - lead * (mean_b * mean_b - t2 * var_b)))
        limits = Interval((middle - root) / lead, (middle + root) / lead, confidence, "Fieller")
        return RatioEstimate(mean_b / mean_a, limits, p, n)

    def geometric(self, confidence: float) -> RatioEstimate:
        """The typical case; as :func:`geometric_ratio`."""
        n, mean, spread = self.n, self.mean_log, self.variance_log
        if mean is None or spread is None:
            return RatioEstimate(None, None, None, n)
        if n < 2:
            return RatioEstimate(math.exp(mean), None, None, n)
        half = t_quantile(0.5 + confidence / 2.0, n - 1) * math.sqrt(spread / n)
        limits = Interval(math.exp(mean - half), math.exp(mean + half), confidence, "t interval of log ratios")
        return RatioEstimate(math.exp(mean), limits, _t_test(mean, spread / n, n), n)


def fieller_ratio(a: Sequence[float], b: Sequence[float], confidence: float = 0.95) -> RatioEstimate:
    """mean(B)/mean(A) over paired values with Fieller's (1954) limits: what you pay.

    The limits are all r for which the paired t test of B − rA does not reject; the interval is None (too few or too variable)
    when mean(A) itself cannot be told from 0.
    """
    return RatioMoments.of(a, b).fieller(confidence)


def geometric_ratio(a: Sequence[float], b: Sequence[float], confidence: float = 0.95) -> RatioEstimate:
    """The geometric mean of B/A with the t interval (Student 1908) of its logarithm: the typical case. None if a value is not positive."""
    return RatioMoments.of(a, b).geometric(confidence)


def _t_test(mean: float, variance: float, n: int) -> float:
    """Two-sided p of 'the mean is 0' (Student 1908), from a mean of ``n`` values and its variance."""
    if variance <= 0.0:
        return 1.0 if mean == 0.0 else 0.0
    return min(1.0, 2.0 * t_upper_tail(abs(mean) / math.sqrt(variance), n - 1))
