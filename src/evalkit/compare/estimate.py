"""Estimates from measurements: one pass rate, the change of a pass rate, the ratio of a cost, time or token count."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import TYPE_CHECKING

from evalkit.compare.kinds import clusters_in, draws_of, moments, single_runs, variance_of_mean
from evalkit.compare.pair import by_case, passes
from evalkit.compare.statistics.distributions import normal_cdf, t_upper_tail
from evalkit.compare.statistics.intervals import effective_sample, effective_size, wilson
from evalkit.compare.statistics.paired import mcnemar, scored, tango
from evalkit.compare.statistics.ratios import RatioMoments
from evalkit.compare.statistics.sizes import flip_rate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.compare.kinds import Alike, Draws
    from evalkit.compare.pair import PairedCase
    from evalkit.compare.statistics.interval import Interval
    from evalkit.compare.statistics.paired import PairedScores
    from evalkit.compare.statistics.ratios import RatioEstimate
    from evalkit.model.results import Measurement

RATIO_METRICS = ("cost_usd", "latency_s", "input_tokens", "output_tokens")
"""The metrics compared as B over A."""


@dataclass(frozen=True, slots=True)
class Rate:
    """One pass rate. ``n_eff`` is how many independent cases it rests on: the number of cases for single runs without clusters."""

    rate: float
    n_eff: float
    cases: int
    interval: Interval

    @property
    def passed_eff(self) -> float:
        """The effective number of passes."""
        return self.rate * self.n_eff


def single_rate(rows: Sequence[Measurement], confidence: float) -> Rate | None:
    """The pass rate of one variant, repeats averaged within a case, with Wilson's interval; None without trials."""
    groups = list(by_case(rows).values())
    if not groups:
        return None
    draws = [passes(group) for group in groups]
    rate, n_eff = effective_sample(draws, cluster_labels([group[0].cluster for group in groups]), confidence)
    return Rate(rate, n_eff, len(draws), wilson(min(rate * n_eff, n_eff), n_eff, confidence))


def cluster_labels(names: Sequence[str | None]) -> list[str] | None:
    """Cluster labels, a case without one being its own; None when no two cases share one."""
    if all(name is None for name in names):
        return None
    labels = [f"case {i}" if name is None else f"cluster {name}" for i, name in enumerate(names)]
    return None if len(set(labels)) == len(labels) else labels


@dataclass(frozen=True, slots=True)
class RateChange:
    """A pass rate before and after. ``p`` is two-sided; ``p_worse`` one-sided, small when B is worse.

    ``flip_rate`` is the variance of a case's difference that sample sizes are computed from; ``n_eff`` is None for single runs
    without clusters, where it is ``n``. ``noise_share`` is the part of the variance that repeats could remove, and ``repeats`` how many
    there are on the side with fewer; None without repeats. ``sd_between`` is how far the true changes of cases lie apart (Miller 2024, ω),
    ``df`` the degrees of freedom of Student's t, and ``flips`` the cases fixed and broken in single runs; each None where there is none.
    """

    a: Rate
    b: Rate
    change: float
    interval: Interval
    p: float
    p_worse: float
    n: int
    flip_rate: float
    n_eff: float | None = None
    n_clusters: int | None = None
    noise_share: float | None = None
    repeats: int | None = None
    df: int | None = None
    sd_between: float | None = None
    flips: tuple[int, int] | None = None


def rate_change(cases: Sequence[PairedCase], confidence: float) -> RateChange | None:
    """The change of the pass rate over paired cases; None without cases.

    Tango's interval for single runs without clusters, the score interval on effective counts otherwise.
    """
    return change_of(draws_of(cases), confidence)


def change_of(draws: Sequence[Draws], confidence: float) -> RateChange | None:
    """The change of a pass rate from counted draws; as :func:`rate_change`."""
    if not draws:
        return None
    clusters = clusters_in(draws)
    if clusters is None and single_runs(draws):
        return _change_of_single_runs(draws, confidence)
    found = scored(moments(draws), confidence, published=False)
    share = _noise_share(draws, found.n, found.s2)
    change = scored_change(
        found,
        a=rate_of([(one.passed_a, one.a, one) for one in draws], clusters, confidence),
        b=rate_of([(one.passed_b, one.b, one) for one in draws], clusters, confidence),
        n_clusters=clusters,
        noise_share=share,
        repeats=min(min(one.a, one.b) for one in draws) if clusters is None else None,
    )
    return replace(change, df=found.df, sd_between=None if share is None else math.sqrt(found.s2 * (1.0 - share)))


def scored_change(
    found: PairedScores, *, a: Rate, b: Rate, n_clusters: int | None, noise_share: float | None, repeats: int | None
) -> RateChange:
    """A change that the score interval on effective counts tells, beside the means ``a`` and ``b`` of the two sides."""
    v1 = found.up + found.down - found.delta**2
    tail = t_upper_tail(abs(found.z), found.df)
    return RateChange(
        a=a,
        b=b,
        change=found.delta,
        interval=found.interval,
        p=found.p,
        p_worse=tail if found.z < 0 else 1.0 - tail,
        n=found.n,
        flip_rate=v1 * found.n / found.n_eff or flip_rate(0, 0, found.n),
        n_eff=found.n_eff,
        n_clusters=n_clusters,
        noise_share=noise_share,
        repeats=repeats,
    )


def rate_of(side: Sequence[tuple[float, int, Alike]], clusters: int | None, confidence: float) -> Rate:
    """One side's pass rate or mean score, from the sum of how many draws in each kind of case; as :func:`effective_sample`."""
    n = sum(one.cases for _, _, one in side)
    rate = math.fsum(one.cases * passed / of for passed, of, one in side) / n
    if clusters is None and all(of == 1 for _, of, _ in side):
        n_eff = float(n)
    else:
        variance = variance_of_mean([(passed / of, one) for passed, of, one in side], rate, clusters)
        most = n * n / math.fsum(one.cases / of for _, of, one in side)
        n_eff = effective_size(rate, variance, most=most, units=clusters or n, confidence=confidence)
    return Rate(rate, n_eff, n, wilson(min(rate * n_eff, n_eff), n_eff, confidence))


def _change_of_single_runs(draws: Sequence[Draws], confidence: float) -> RateChange:
    """Tango's interval and test, from four counts."""
    n = sum(one.cases for one in draws)
    before = sum(one.cases for one in draws if one.passed_a)
    after = sum(one.cases for one in draws if one.passed_b)
    fixed = sum(one.cases for one in draws if one.passed_b and not one.passed_a)
    broken = before - after + fixed
    test = mcnemar(fixed, broken)
    return RateChange(
        a=_single_rate(before, n, confidence),
        b=_single_rate(after, n, confidence),
        change=(fixed - broken) / n,
        interval=tango(fixed, broken, n, confidence),
        p=test.p_asymptotic,
        p_worse=normal_cdf(test.score),
        n=n,
        flip_rate=flip_rate(fixed, broken, n),
        flips=(fixed, broken),
    )


def _single_rate(passed: int, n: int, confidence: float) -> Rate:
    return Rate(passed / n, float(n), n, wilson(passed, n, confidence))


def _noise_share(draws: Sequence[Draws], n: int, s2: float) -> float | None:
    """(σ²_A/K_A + σ²_B/K_B)/s2, σ² being the mean variance within a case (Miller 2024, section 3.1)."""
    if s2 <= 0.0 or any(min(one.a, one.b) < 2 for one in draws):
        return None
    within = math.fsum(
        one.cases * (_within(one.passed_a, one.a) / one.a + _within(one.passed_b, one.b) / one.b) for one in draws
    )
    return min(1.0, within / n / s2)


def _within(passed: int, k: int) -> float:
    """The variance of ``k`` 0/1 draws, with k − 1."""
    return passed * (k - passed) / (k * (k - 1))


@dataclass(frozen=True, slots=True)
class RatioChange:
    """A positive quantity before and after: means over the cases where both sides are known, and how many are ``unknown``.

    ``few`` says that the largest 5% of the cases carry more than half of all change, so that no interval here is safe below 100 cases.
    """

    a: float | None
    b: float | None
    mean: RatioEstimate | None
    typical: RatioEstimate | None
    n: int
    unknown: int
    few: bool = False


def ratio_change(cases: Sequence[PairedCase], metric: str, confidence: float) -> RatioChange:
    """The ratio B/A of ``cost_usd``, ``latency_s``, ``input_tokens``, ``output_tokens`` or ``total_tokens``, repeats averaged per case.

    Trials without an answer have no value and are left out of the average; a case with no value on a side is ``unknown``.
    """
    return change_of_moments(ratio_moments(cases, metric), cases=len(cases), confidence=confidence)


def ratio_moments(cases: Sequence[PairedCase], metric: str, *, single: bool = False) -> RatioMoments | None:
    """What a ratio rests on, None if no case is known on both sides. ``single``: every case has one trial on each side, which is faster."""
    known = [(x, y) for x, y in _values(cases, metric, single=single) if x is not None and y is not None]
    return RatioMoments.of([x for x, _ in known], [y for _, y in known]) if known else None


def single_trials(cases: Sequence[PairedCase]) -> bool:
    """Whether every case has one trial on each side."""
    return all(len(case.a_draws) == 1 == len(case.b_draws) for case in cases)


def change_of_moments(found: RatioMoments | None, *, cases: int, confidence: float) -> RatioChange:
    """The ratio B/A from what it rests on among so many paired ``cases``; None: no case is known on both sides."""
    if found is None:
        return RatioChange(None, None, None, None, 0, cases)
    mean, typical = found.fieller(confidence), found.geometric(confidence)
    return RatioChange(found.mean_a, found.mean_b, mean, typical, found.n, cases - found.n, few=found.few)


def _values(cases: Sequence[PairedCase], metric: str, *, single: bool) -> list[tuple[float | None, float | None]]:
    """The metric before and after in every case, averaged over repeats."""
    if single and metric in RATIO_METRICS:
        get = attrgetter(metric)
        return [(get(case.a[0]), get(case.b[0])) for case in cases]
    return [(_average(case.a, metric), _average(case.b, metric)) for case in cases]


def quantity(row: Measurement, metric: str) -> float | None:
    """The value of ``metric`` in one trial; None if unknown. ``total_tokens`` is input plus output. Raises ValueError for other names."""
    if metric == "total_tokens":
        parts = (row.input_tokens, row.output_tokens)
        return None if parts[0] is None or parts[1] is None else float(parts[0] + parts[1])
    if metric not in RATIO_METRICS:
        raise ValueError(f"unknown metric {metric!r}; known: total_tokens, {', '.join(RATIO_METRICS)}")
    value: float | None = getattr(row, metric)
    return None if value is None else float(value)


def _average(rows: Sequence[Measurement], metric: str) -> float | None:
    values = [value for row in rows if (value := quantity(row, metric)) is not None]
    return math.fsum(values) / len(values) if values else None
