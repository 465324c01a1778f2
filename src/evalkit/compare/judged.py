"""Rates corrected for a judge that errs, from cases that people labelled too."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalkit.compare.statistics.distributions import t_quantile
from evalkit.compare.statistics.interval import Interval
from evalkit.compare.statistics.intervals import critical_z, tail_share, wilson
from evalkit.compare.statistics.score import between_clusters

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence


@dataclass(frozen=True, slots=True)
class CorrectedRate:
    """A judged pass rate, ``raw``, and what it stands for. ``interval`` is cut to [0, 1]; ``se`` is not."""

    raw: float
    corrected: float
    se: float
    interval: Interval


def rogan_gladen(  # noqa: PLR0917 - a rate, then the labelled passes, then the labelled failures
    judged_pass: float,
    n: float,
    true_pass_judged_pass: float,
    true_pass: float,
    true_fail_judged_fail: float,
    true_fail: float,
    confidence: float = 0.95,
) -> CorrectedRate:
    """Rogan & Gladen's (1978) correction of a judged rate with sensitivity and specificity; the interval by the delta method.

    The delta method knows no doubt where all judged the same and no label was contradicted, so the interval is never narrower than
    Wilson's of the judged rate, seen through the judge as labelled. Counts may be effective, not whole.
    Raises ValueError for impossible counts, or when the judge is no better than a coin (sensitivity + specificity <= 1).
    """
    pairs = ((judged_pass, n), (true_pass_judged_pass, true_pass), (true_fail_judged_fail, true_fail))
    if any(total <= 0 or not 0 <= count <= total for count, total in pairs):
        raise ValueError(f"a corrected rate needs counts with 0 <= part <= whole and whole > 0, not {pairs}")
    raw, sensitivity, specificity = (count / total for count, total in pairs)
    youden = sensitivity + specificity - 1.0
    if youden <= 0.0:
        raise ValueError(
            f"the judge agrees with people no better than chance (J = {youden:.2f}), so nothing can be corrected"
        )
    rate = (raw + specificity - 1.0) / youden
    variance = (
        raw * (1.0 - raw) / n
        + rate**2 * sensitivity * (1.0 - sensitivity) / true_pass
        + (1.0 - rate) ** 2 * specificity * (1.0 - specificity) / true_fail
    )
    se = math.sqrt(variance) / youden
    half = critical_z(confidence) * se
    low, high = ((limit + specificity - 1.0) / youden for limit in wilson(judged_pass, n, confidence))
    lower, upper = (min(1.0, max(0.0, limit)) for limit in (min(rate - half, low), max(rate + half, high)))
    limits = Interval(lower, upper, confidence, "Rogan-Gladen, delta method")
    return CorrectedRate(raw, min(1.0, max(0.0, rate)), se, limits)


@dataclass(frozen=True, slots=True)
class Rectified:
    """A mean from many judged and few labelled cases; ``weight`` is how far the judge was trusted, 0 to 1."""

    mean: float
    weight: float
    interval: Interval


def ppi_mean(
    labels: Sequence[float],
    judged: Sequence[float],
    judged_only: Sequence[float],
    confidence: float = 0.95,
    *,
    weight: float | None = 1.0,
    cases: tuple[Sequence[Hashable], Sequence[Hashable]] | None = None,
) -> Rectified:
    """The prediction-powered mean (Angelopoulos et al. 2023, arXiv 2301.09633): the judged mean, moved by the judge's error on labels.

    ``labels`` and ``judged`` are people's and the judge's values of the same cases, ``judged_only`` the judge's on all others. ``weight``
    None tunes how far the judge counts (Angelopoulos, Duchi & Zrnic 2023, arXiv 2311.01453). ``cases`` say of which case each labelled and
    each other value is, where some have several: then whole cases vary, and Student's t is used (as Miller 2024, eq. 4). Raises ValueError for
    unequal or empty sides, and for fewer than two cases.
    """
    if not labels or not judged_only or len(labels) != len(judged):
        raise ValueError("a rectified mean needs labels, the judge's values of the same cases, and of other cases")
    trust = _tuned(labels, judged, judged_only) if weight is None else weight
    errors = [label - trust * value for label, value in zip(labels, judged, strict=True)]
    mean = trust * _mean(judged_only) + _mean(errors)
    if cases is None:
        variance = trust**2 * _variance(judged_only) / len(judged_only) + _variance(errors) / len(errors)
        half = critical_z(confidence) * math.sqrt(variance)
    else:
        least = min(len(set(side)) for side in cases)
        if least < 2:
            raise ValueError("a rectified mean needs two cases with labels, and two others")
        variance = _of_cases([(errors, cases[0], 1.0), (judged_only, cases[1], trust)])
        half = t_quantile(1.0 - tail_share(confidence), least - 1) * math.sqrt(variance)
    return Rectified(mean, trust, Interval(mean - half, mean + half, confidence, "prediction-powered"))


def _of_cases(parts: Iterable[tuple[Sequence[float], Sequence[Hashable], float]]) -> float:
    """The variance of a sum of weighted means ``(values, their cases, weight)`` where whole cases vary, C/(C−1) corrected."""
    sums: dict[Hashable, float] = {}
    for values, cases, weight in parts:
        mean = _mean(values)
        for value, case in zip(values, cases, strict=True):
            sums[case] = sums.get(case, 0.0) + weight * (value - mean) / len(values)
    return between_clusters(sums.values())


def _tuned(labels: Sequence[float], judged: Sequence[float], judged_only: Sequence[float]) -> float:
    """The weight with the smallest variance, within [0, 1]; 0 if the judge always says the same."""
    n, everything = len(labels), [*judged, *judged_only]
    centre, around = _mean(labels), _mean(judged)
    together = math.fsum((x - centre) * (y - around) for x, y in zip(labels, judged, strict=True)) / n
    spread = _variance(everything) * len(everything) / (len(everything) - 1)
    return 0.0 if spread == 0.0 else min(1.0, max(0.0, together / ((1.0 + n / len(judged_only)) * spread)))


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _variance(values: Sequence[float]) -> float:
    """With n, not n − 1, as the method's authors do."""
    mean = _mean(values)
    return math.fsum((value - mean) ** 2 for value in values) / len(values)
