"""How many cases a claim needs, and what a given number of them can show, as pure functions."""

from __future__ import annotations

import math

from evalkit.compare.statistics.distributions import normal_quantile
from evalkit.compare.statistics.intervals import critical_z, tail_share
from evalkit.compare.statistics.score import nuisance


def min_cases(margin: float, confidence: float = 0.95) -> int:
    """The fewest cases with which a run without a single flip rules out a drop of ``margin``: n > z²(1−m)/m."""
    if not 0.0 < margin < 1.0:
        raise ValueError(f"a margin lies strictly between 0 and 1, not {margin}")
    return math.floor(critical_z(confidence) ** 2 * (1.0 - margin) / margin) + 1


def feasible_margin(n: float, confidence: float = 0.95) -> float:
    """The margin that ``n`` cases without a single flip only just fail to rule out, z²/(n+z²) of Tango's (1998) interval: a gate needs a larger one."""
    if not n >= 0:
        raise ValueError(f"there are 0 cases or more, not {n}")
    z2 = critical_z(confidence) ** 2
    return z2 / (n + z2)


def min_cases_at_least(value: float, confidence: float = 0.95) -> int:
    """The fewest cases with which an all-pass run shows a rate above ``value``: (α/2)^(1/n) > value. Raises ValueError at 1."""
    if not 0.0 <= value < 1.0:
        raise ValueError(f"no number of cases can show a rate above {value}")
    return 1 if value == 0.0 else math.floor(math.log(tail_share(confidence)) / math.log(value)) + 1


def flip_rate(fixed: float, broken: float, n: float) -> float:
    """The share of cases that flip, drawn a little towards ½ so that a run without flips does not promise there are none."""
    return (fixed + broken + 1.0) / (n + 2.0)


def required_cases(margin: float, *, flip_rate: float, confidence: float = 0.95, power: float = 0.8) -> int:
    """Cases that give a ``power`` chance to rule out a drop of ``margin`` if B is truly equal and ``flip_rate`` of cases flip.

    Sample size of the score test with its variance under H0 restricted (Farrington & Manning 1990, applied to Tango's
    statistic); never below :func:`min_cases`. Raises ValueError for a margin outside (0, 1) or a share of flips outside [0, 1].
    """
    floor = min_cases(margin, confidence)
    if not 0.0 <= flip_rate <= 1.0:
        raise ValueError(f"a share of flips lies between 0 and 1, not {flip_rate}")
    needed = _required(margin, flip_rate, critical_z(confidence), normal_quantile(power))
    return max(floor, math.ceil(needed))


def _required(margin: float, flip_rate: float, z_a: float, z_b: float) -> float:
    q = nuisance(flip_rate / 2.0, flip_rate / 2.0, 1.0, -margin)
    v0 = 2.0 * q - margin * (1.0 + margin)
    return ((z_a * math.sqrt(max(0.0, v0)) + z_b * math.sqrt(flip_rate)) / margin) ** 2


def smallest_margin(n: float, *, flip_rate: float, confidence: float = 0.95, power: float = 0.8) -> float:
    """The smallest margin that ``n`` cases have a ``power`` chance to pass if B is truly equal and ``flip_rate`` of cases flip."""
    z_a, z_b = critical_z(confidence), normal_quantile(power)
    low, high = feasible_margin(n, confidence), 1.0 - 1e-9
    if _required(low, flip_rate, z_a, z_b) <= n:
        return low
    for _ in range(60):
        middle = 0.5 * (low + high)
        if _required(middle, flip_rate, z_a, z_b) > n:
            low = middle
        else:
            high = middle
    return high


def cases_to_detect(
    difference: float,
    *,
    between: float,
    within_a: float = 0.0,
    within_b: float = 0.0,
    repeats_a: float = 1.0,
    repeats_b: float = 1.0,
    confidence: float = 0.95,
    power: float = 0.8,
) -> float:
    """Cases that detect ``difference`` with chance ``power`` (Miller 2024, arXiv 2411.00640, eq. 9), not rounded.

    ``between`` is the variance of a case's true difference, ``within_*`` the mean variance of one draw around its case's mean.
    A normal approximation, for planning many cases; a gate's needs are :func:`required_cases`.
    """
    if difference == 0.0:
        raise ValueError("no number of cases detects a difference of 0")
    reach = critical_z(confidence) + normal_quantile(power)
    return reach**2 * (between + within_a / repeats_a + within_b / repeats_b) / difference**2


def detectable_difference(
    n: float,
    *,
    between: float,
    within_a: float = 0.0,
    within_b: float = 0.0,
    repeats_a: float = 1.0,
    repeats_b: float = 1.0,
    confidence: float = 0.95,
    power: float = 0.8,
) -> float:
    """The smallest difference that ``n`` cases detect with chance ``power`` (Miller 2024, eq. 10); as :func:`cases_to_detect`."""
    if n <= 0:
        raise ValueError("detecting a difference needs cases")
    reach = critical_z(confidence) + normal_quantile(power)
    return reach * math.sqrt((between + within_a / repeats_a + within_b / repeats_b) / n)
