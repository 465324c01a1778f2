"""Tests and intervals of one sample of differences that assume little: ranks, signs and resampling. Never on the default path."""

from __future__ import annotations

import math
import random
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalkit.compare.statistics.distributions import normal_cdf, normal_quantile, t_quantile, t_upper_tail
from evalkit.compare.statistics.interval import Interval
from evalkit.compare.statistics.intervals import tail_share
from evalkit.compare.statistics.score import sample_variance

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_MOST_EXACT = 20
"""Up to this many differences all their signs are tried: 2²⁰ is about a second."""


@dataclass(frozen=True, slots=True)
class PairedT:
    """Student's paired t test, two-sided ``p``, with ``dz`` = mean/SD. ``p_noninferior`` and ``p_equivalent`` are of the margin, if given."""

    delta: float
    se: float
    t: float
    p: float
    interval: Interval
    dz: float
    p_noninferior: float | None = None
    p_equivalent: float | None = None


def paired_t(
    a: Sequence[float], b: Sequence[float], confidence: float = 0.95, *, margin: float | None = None
) -> PairedT:
    """Student's (1908) test of mean(B − A) = 0; with ``margin`` also Schuirmann's (1987) one-sided tests against −margin and +margin.

    For display beside :func:`evalkit.compare.statistics.paired.paired_scores`; never decided on, because it collapses when few cases change.
    Raises ValueError for unequal or fewer than two values, or when every difference is the same.
    """
    differences = _differences(a, b)
    n, variance = len(differences), sample_variance(differences)
    if variance <= 0.0:
        raise ValueError("every difference is the same, so there is no t test")
    delta, se = math.fsum(differences) / n, math.sqrt(variance / n)
    half = t_quantile(1.0 - tail_share(confidence), n - 1) * se
    above = below = None
    if margin is not None:
        above = t_upper_tail((delta + margin) / se, n - 1)
        below = max(above, t_upper_tail((margin - delta) / se, n - 1))
    return PairedT(
        delta=delta,
        se=se,
        t=delta / se,
        p=2.0 * t_upper_tail(abs(delta / se), n - 1),
        interval=Interval(delta - half, delta + half, confidence, "Student t"),
        dz=delta / math.sqrt(variance),
        p_noninferior=above,
        p_equivalent=below,
    )


def _differences(a: Sequence[float], b: Sequence[float]) -> list[float]:
    if len(a) != len(b) or len(a) < 2:
        raise ValueError(f"paired values need two cases or more on both sides, not {len(a)} and {len(b)}")
    if not all(map(math.isfinite, (*a, *b))):
        raise ValueError("paired values must all be finite")
    return [y - x for x, y in zip(a, b, strict=True)]


def sign_flip_p(a: Sequence[float], b: Sequence[float]) -> float:
    """The exact two-sided p of Fisher's (1935) randomisation test: how often random signs give a mean as far from 0.

    Raises ValueError above 20 differences that are not 0: use :func:`wilcoxon_p`.
    """
    sizes = [abs(value) for value in _differences(a, b) if value != 0.0]
    if len(sizes) > _MOST_EXACT:
        raise ValueError(f"all signs of {len(sizes)} differences are too many; at most {_MOST_EXACT}")
    sums = [0.0]
    for value in sizes:
        sums = [total + value for total in sums] + [total - value for total in sums]
    seen = abs(math.fsum(_differences(a, b)))
    return sum(abs(total) >= seen * (1.0 - 1e-12) - 1e-12 for total in sums) / len(sums)


def wilcoxon_p(a: Sequence[float], b: Sequence[float]) -> float:
    """The two-sided p of Wilcoxon's (1945) signed ranks: zeros left out, ties averaged, normal approximation without continuity correction."""
    moved = [value for value in _differences(a, b) if value != 0.0]
    if not moved:
        return 1.0
    n = len(moved)
    ties = Counter(abs(value) for value in moved)
    ranks, below = {}, 0
    for size in sorted(ties):
        ranks[size] = below + (ties[size] + 1) / 2.0
        below += ties[size]
    rise = math.fsum(ranks[abs(value)] for value in moved if value > 0.0)
    variance = n * (n + 1) * (2 * n + 1) / 24.0 - sum(count**3 - count for count in ties.values()) / 48.0
    return 2.0 * normal_cdf(-abs(rise - n * (n + 1) / 4.0) / math.sqrt(variance))


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """Two intervals of one statistic: plain percentiles, and bias-corrected and accelerated."""

    percentile: Interval
    bca: Interval


def bootstrap(
    values: Sequence[float],
    statistic: Callable[[Sequence[float]], float],
    confidence: float = 0.95,
    *,
    draws: int = 2000,
    seed: int = 0,
) -> Bootstrap:
    """Efron's percentile (1979) and BCa (1987) intervals of ``statistic`` over cases, reproducible by ``seed``.

    For what has no formula, such as a p95 latency. Raises ValueError for fewer than two values.
    """
    if len(values) < 2:
        raise ValueError("a bootstrap needs two values or more")
    source = random.Random(seed)  # noqa: S311 - resampling, not secrets
    found = sorted(statistic(source.choices(values, k=len(values))) for _ in range(draws))
    tail = tail_share(confidence)
    plain = Interval(_at(found, tail), _at(found, 1.0 - tail), confidence, "bootstrap percentile")
    low, high = _corrected_tails(values, statistic, found, tail)
    return Bootstrap(plain, Interval(_at(found, low), _at(found, high), confidence, "bootstrap BCa"))


def _corrected_tails(
    values: Sequence[float], statistic: Callable[[Sequence[float]], float], found: list[float], tail: float
) -> tuple[float, float]:
    """The percentiles that BCa reads instead of ``tail`` and 1 − ``tail``."""
    seen = statistic(values)
    below = (sum(value < seen for value in found) + sum(value <= seen for value in found)) / (2.0 * len(found))
    if not 0.0 < below < 1.0:
        return tail, 1.0 - tail
    bias = normal_quantile(below)
    left_out = [statistic([*values[:i], *values[i + 1 :]]) for i in range(len(values))]
    centre = math.fsum(left_out) / len(left_out)
    square = math.fsum((centre - value) ** 2 for value in left_out)
    skew = math.fsum((centre - value) ** 3 for value in left_out) / (6.0 * square**1.5) if square > 0.0 else 0.0
    shifts = [bias + normal_quantile(p) for p in (tail, 1.0 - tail)]
    low, high = (normal_cdf(bias + shift / (1.0 - skew * shift)) for shift in shifts)
    return low, high


def _at(ordered: list[float], share: float) -> float:
    """The quantile of ordered values by linear interpolation (Hyndman & Fan 1996, type 7)."""
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])
