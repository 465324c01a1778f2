"""Differences between two variants on the same cases: score intervals and tests of paired rates, effective counts for the rest."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalkit.compare.statistics.distributions import (
    beta_cdf,
    binomial_cdf,
    half_binomial_pmf,
    normal_cdf,
    t_quantile,
    t_upper_tail,
)
from evalkit.compare.statistics.interval import Interval
from evalkit.compare.statistics.intervals import check_draws, critical_z, wilson
from evalkit.compare.statistics.score import moments_of, score, score_limits

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from evalkit.compare.statistics.score import Moments


def _check_flips(fixed: float, broken: float, n: float) -> None:
    if not (0 < n < math.inf and fixed >= 0 and broken >= 0 and fixed + broken <= n * (1.0 + 1e-9)):
        raise ValueError(f"flips need 0 <= fixed + broken <= n and n > 0, not {fixed} + {broken} of {n}")


def tango(  # noqa: PLR0917 - the order of a paired table is the common one
    fixed: float, broken: float, n: float, confidence: float = 0.95, crit: float | None = None
) -> Interval:
    """Tango's (1998) score interval for rate(B) − rate(A) on the same cases. Never empty: no flips gives ±z²/(n+z²).

    ``crit`` replaces the normal critical value (a t quantile on effective counts).
    """
    _check_flips(fixed, broken, n)
    if crit is not None and not 0.0 < crit < math.inf:
        raise ValueError(f"a critical value is above 0 and finite, not {crit}")
    lower, upper = score_limits(fixed, broken, n, critical_z(confidence) if crit is None else crit)
    return Interval(lower, upper, confidence, "Tango score")


def newcombe_paired(  # noqa: PLR0917 - the order of a paired table is the common one
    both_pass: float, fixed: float, broken: float, both_fail: float, confidence: float = 0.95
) -> Interval:
    """Newcombe's (1998) method 10: two Wilson intervals, square-and-add, φ with its continuity correction. Never decided on."""
    n = both_pass + fixed + broken + both_fail
    before, after = both_pass + broken, both_pass + fixed
    a, b = wilson(before, n, confidence), wilson(after, n, confidence)
    product = before * (n - before) * after * (n - after)
    agreement = both_pass * both_fail - fixed * broken
    if agreement > 0:
        agreement = max(0.0, agreement - n / 2.0)
    phi = agreement / math.sqrt(product) if product > 0 else 0.0
    rate_a, rate_b = before / n, after / n
    delta = rate_b - rate_a

    def reach(up: float, down: float) -> float:
        return math.sqrt(max(0.0, up * up - 2.0 * phi * up * down + down * down))

    lower = delta - reach(rate_b - b.lower, a.upper - rate_a)
    upper = delta + reach(b.upper - rate_b, rate_a - a.lower)
    return Interval(max(-1.0, lower), min(1.0, upper), confidence, "Newcombe square-and-add")


@dataclass(frozen=True, slots=True)
class McNemar:
    """Two-sided p-values of 'fixed and broken are equally likely'. ``score`` is the signed z that ``p_asymptotic`` is of."""

    n_discordant: int
    score: float
    p_asymptotic: float
    p_exact: float
    p_midp: float


def mcnemar(fixed: int, broken: int) -> McNemar:
    """McNemar's (1947) test: asymptotic (= Tango's score at 0), exact binomial, and mid-p (Fagerland et al. 2013)."""
    if not (0 <= fixed < math.inf and 0 <= broken < math.inf):
        raise ValueError(f"counts of flips are numbers of 0 or more, not {fixed} and {broken}")
    total = fixed + broken
    if total == 0:
        return McNemar(0, 0.0, 1.0, 1.0, 1.0)
    fewer = min(fixed, broken)
    tail = binomial_cdf(fewer, total, 0.5)
    z = (fixed - broken) / math.sqrt(total)
    mid = 2.0 * tail - half_binomial_pmf(fewer, total)
    return McNemar(total, z, 2.0 * normal_cdf(-abs(z)), min(1.0, 2.0 * tail), min(1.0, mid))


def prob_better(fixed: float, broken: float) -> float:
    """P(B beats A) = 1 − I_½(fixed+1, broken+1), from a Dirichlet(1,1,1,1) prior: one sentence for people, never a gate."""
    return 1.0 - beta_cdf(0.5, fixed + 1.0, broken + 1.0)


@dataclass(frozen=True, slots=True)
class ScoreTest:
    """A one-sided score test: ``z`` and ``p`` of H0 'B is worse than A by the margin or more'."""

    z: float
    p: float


def non_inferiority(fixed: float, broken: float, n: float, margin: float) -> ScoreTest:
    """Test H0: rate(B) − rate(A) <= −``margin`` with Tango's statistic; a small p says the drop is smaller than the margin."""
    _check_flips(fixed, broken, n)
    z = score(fixed, broken, n, -margin)
    return ScoreTest(z, normal_cdf(-z))


@dataclass(frozen=True, slots=True)
class PairedScores:
    """A paired difference with repeats or clusters. ``up``/``down``: mean rise and fall per case; ``p`` two-sided at 0.

    ``n`` cases, ``n_eff`` what they are worth as single 0/1 pairs, ``s2`` the variance of a case's difference, ``df`` and
    ``crit`` Student's t; ``z`` the score statistic at 0, so that p < 1 − confidence exactly when the interval excludes 0.
    """

    delta: float
    up: float
    down: float
    s2: float
    n: int
    n_eff: float
    df: int
    crit: float
    z: float
    p: float
    interval: Interval


def paired_scores(
    a: Sequence[Sequence[float]],
    b: Sequence[Sequence[float]],
    clusters: Sequence[Hashable] | None = None,
    confidence: float = 0.95,
    *,
    binary: bool = False,
) -> PairedScores:
    """The score interval on effective counts, for any metric in [0, 1], any repeats, any clusters.

    ``a[i]`` and ``b[i]`` are the draws of case i; their numbers may differ, and they are never paired by index. Equals Tango's
    interval for single 0/1 draws but with Student's t, and the t interval for many small differences; never collapses to a point.
    ``binary`` says that every draw is a 0 or a 1: single draws without clusters then get the normal critical value, which is Tango's
    interval as published. Our construction (see ``docs/statistics.md``), after Tango (1998) and Korn & Graubard (1998).
    """
    check_draws(a)
    check_draws(b)
    if len(a) != len(b):
        raise ValueError(f"paired scores need the same cases on both sides, not {len(a)} and {len(b)}")
    if clusters is not None and len(clusters) != len(a):
        raise ValueError(f"clusters name the cluster of every case: {len(a)} of them, not {len(clusters)}")
    published = binary and clusters is None and all(len(draws) == 1 for draws in (*a, *b))
    return scored(moments_of(a, b, clusters), confidence, published=published)


def scored(moments: Moments, confidence: float, *, published: bool) -> PairedScores:
    """The score interval and test at effective counts; ``published`` is Tango's for single 0/1 draws, with the normal critical value."""
    found = moments.effective()
    crit = critical_z(confidence) if published else t_quantile(0.5 + confidence / 2.0, found.df)
    fixed, broken = found.up * found.n_eff, found.down * found.n_eff
    lower, upper = score_limits(fixed, broken, found.n_eff, crit)
    z = score(fixed, broken, found.n_eff, 0.0)
    return PairedScores(
        delta=found.delta,
        up=found.up,
        down=found.down,
        s2=found.s2,
        n=moments.n,
        n_eff=found.n_eff,
        df=found.df,
        crit=crit,
        z=z,
        p=2.0 * normal_cdf(-abs(z)) if published else min(1.0, 2.0 * t_upper_tail(abs(z), found.df)),
        interval=Interval(lower, upper, confidence, "score on effective counts"),
    )
