"""Estimates from measurements: one pass rate, the change of a pass rate, the ratio of a cost, time or token count."""

from __future__ import annotations

import math
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING

from evalkit.compare.distributions import normal_cdf, t_upper_tail
from evalkit.compare.intervals import effective_sample, wilson
from evalkit.compare.pair import by_case, passes
from evalkit.compare.paired import mcnemar, paired_scores, tango
from evalkit.compare.ratios import fieller_ratio, geometric_ratio
from evalkit.compare.score import sample_variance
from evalkit.compare.sizes import flip_rate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.compare.pair import PairedCase
    from evalkit.compare.ratios import RatioEstimate
    from evalkit.compare.values import Interval
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
    return _rate([passes(group) for group in groups], _clusters([group[0].cluster for group in groups]), confidence)


def _rate(draws: list[tuple[float, ...]], clusters: list[str] | None, confidence: float) -> Rate:
    rate, n_eff = effective_sample(draws, clusters, confidence)
    return Rate(rate, n_eff, len(draws), wilson(min(rate * n_eff, n_eff), n_eff, confidence))


def _clusters(names: list[str | None]) -> list[str] | None:
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
    there are on the side with fewer; None without repeats.
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


def rate_change(cases: Sequence[PairedCase], confidence: float) -> RateChange | None:
    """The change of the pass rate over paired cases; None without cases.

    Tango's interval for single runs without clusters, the score interval on effective counts otherwise.
    """
    if not cases:
        return None
    a, b = [case.a_draws for case in cases], [case.b_draws for case in cases]
    clusters = _clusters([case.cluster for case in cases])
    if clusters is None and single_runs(cases):
        return change_of_counts(Counts.of(cases), confidence)
    rate_a, rate_b = _rate(a, clusters, confidence), _rate(b, clusters, confidence)
    found = paired_scores(a, b, clusters, confidence)
    v1 = found.up + found.down - found.delta**2
    tail = t_upper_tail(abs(found.z), found.df)
    return RateChange(
        a=rate_a,
        b=rate_b,
        change=found.delta,
        interval=found.interval,
        p=found.p,
        p_worse=tail if found.z < 0 else 1.0 - tail,
        n=len(cases),
        flip_rate=v1 * found.n / found.n_eff or flip_rate(0, 0, found.n),
        n_eff=found.n_eff,
        n_clusters=None if clusters is None else len(set(clusters)),
        noise_share=_noise_share(a, b, found.s2),
        repeats=min(len(draws) for draws in (*a, *b)) if clusters is None else None,
    )


def single_runs(cases: Sequence[PairedCase]) -> bool:
    """Whether every case has one trial on each side, so that four counts say it all."""
    return all(len(case.a_draws) == 1 == len(case.b_draws) for case in cases)


@dataclass(frozen=True, slots=True)
class Counts:
    """The paired table of single runs."""

    both_pass: int
    fixed: int
    broken: int
    both_fail: int

    @classmethod
    def of(cls, cases: Sequence[PairedCase]) -> Counts:
        """Count ``cases``, each with one trial on each side."""
        passed_a = sum(case.a_draws[0] for case in cases)
        passed_b = sum(case.b_draws[0] for case in cases)
        both = sum(case.a_draws[0] * case.b_draws[0] for case in cases)
        return cls(int(both), int(passed_b - both), int(passed_a - both), int(len(cases) - passed_a - passed_b + both))

    @property
    def n(self) -> int:
        """All cases."""
        return self.both_pass + self.fixed + self.broken + self.both_fail


def change_of_counts(counts: Counts, confidence: float) -> RateChange:
    """The change of a pass rate over single runs without clusters: Tango's interval and test. Raises ValueError without cases."""
    n, fixed, broken = counts.n, counts.fixed, counts.broken
    test = mcnemar(fixed, broken)
    return RateChange(
        a=_single_rate(counts.both_pass + broken, n, confidence),
        b=_single_rate(counts.both_pass + fixed, n, confidence),
        change=(fixed - broken) / n,
        interval=tango(fixed, broken, n, confidence),
        p=test.p_asymptotic,
        p_worse=normal_cdf(test.score),
        n=n,
        flip_rate=flip_rate(fixed, broken, n),
    )


def _single_rate(passed: int, n: int, confidence: float) -> Rate:
    return Rate(passed / n, float(n), n, wilson(passed, n, confidence))


def _noise_share(a: list[tuple[float, ...]], b: list[tuple[float, ...]], s2: float) -> float | None:
    """(σ²_A/K_A + σ²_B/K_B)/s2, σ² being the mean variance within a case (Miller 2024, section 3.1)."""
    if s2 <= 0.0 or any(len(draws) < 2 for draws in (*a, *b)):
        return None
    within = math.fsum(sample_variance(draws) / len(draws) for draws in (*a, *b)) / len(a)
    return min(1.0, within / s2)


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


def ratio_change(cases: Sequence[PairedCase], metric: str, confidence: float, *, single: bool = False) -> RatioChange:
    """The ratio B/A of ``cost_usd``, ``latency_s``, ``input_tokens``, ``output_tokens`` or ``total_tokens``, repeats averaged per case.

    Trials without an answer have no value and are left out of the average; a case with no value on a side is ``unknown``. ``single``
    says that every case has one trial on each side, which is faster.
    """
    pairs = _values(cases, metric, single=single)
    known = [(x, y) for x, y in pairs if x is not None and y is not None]
    unknown = len(pairs) - len(known)
    if not known:
        return RatioChange(None, None, None, None, 0, unknown)
    a, b = [x for x, _ in known], [y for _, y in known]
    return RatioChange(
        a=math.fsum(a) / len(a),
        b=math.fsum(b) / len(b),
        mean=fieller_ratio(a, b, confidence),
        typical=geometric_ratio(a, b, confidence),
        n=len(known),
        unknown=unknown,
        few=_driven_by_few([abs(y - x) for x, y in known]),
    )


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


def _driven_by_few(changes: list[float]) -> bool:
    total = math.fsum(changes)
    largest = sorted(changes, reverse=True)[: math.ceil(0.05 * len(changes))]
    return len(changes) > 1 and total > 0.0 and math.fsum(largest) > 0.5 * total
