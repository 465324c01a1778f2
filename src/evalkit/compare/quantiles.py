"""Where the quantile of all answers lies, as far as some of them tell: for latencies, costs and token counts."""

from __future__ import annotations

import math
import sys
from bisect import bisect_right
from dataclasses import replace
from typing import TYPE_CHECKING

from evalkit.compare.estimate import quantity
from evalkit.compare.statistics.distributions import binomial_cdf
from evalkit.compare.statistics.interval import Interval
from evalkit.compare.statistics.intervals import effective_size, tail_share
from evalkit.compare.statistics.score import clustered_variance
from evalkit.metrics.summary import quantile

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from evalkit.model.results import Measurement


def quantile_interval(
    values: Sequence[float], q: float, confidence: float = 0.95, *, clusters: Sequence[Hashable] | None = None
) -> Interval:
    """The limits of a quantile as two of the sorted values, whatever their distribution (Thompson 1936; David & Nagaraja 2003, 7.1).

    How many of n independent values lie below the true quantile is binomial(n, q). A limit is −inf or inf where ``values`` are too few to
    bound that side: a p95 needs 72 for an upper limit at 95%. A value that is only known to be large is inf. ``clusters`` names what each
    value belongs to (its case, or its case's cluster): the ranks are then those of as many independent values as they are worth, as
    Woodruff (1952) reads a quantile off the interval of a proportion, with Korn & Graubard's (1998) effective sample size of "at most the
    quantile". Raises ValueError for no values, one that is no number, or a ``q`` outside (0, 1).
    """
    if not values or any(math.isnan(value) for value in values):
        raise ValueError("a quantile needs values, all of them numbers")
    if not 0.0 < q < 1.0:
        raise ValueError(f"a quantile lies strictly between 0 and 1, not {q}")
    n, ordered = len(values), sorted(values)
    lowers, uppers = [], []
    for size in (n,) if clusters is None else _sizes(values, q, clusters, confidence):
        below, above = _ranks(size, q, tail_share(confidence))
        lowers.append(ordered[max(1, below * n // size) - 1] if below else -math.inf)
        uppers.append(ordered[-(-above * n // size) - 1] if above <= size else math.inf)
    return Interval(min(lowers), max(uppers), confidence, "order statistics")


def _ranks(n: int, q: float, tail: float) -> tuple[int, int]:
    """The ranks, from 1, of both limits among n independent values; 0 and n + 1 where there is none."""
    below = bisect_right(range(n), tail, key=lambda k: binomial_cdf(k, n, q))
    above = n - bisect_right(range(n), tail, key=lambda k: binomial_cdf(k, n, 1.0 - q))
    return below, above + 1


def _sizes(values: Sequence[float], q: float, clusters: Sequence[Hashable], confidence: float) -> tuple[int, ...]:
    """How many independent values they are worth; and how many clusters there are, if that is more.

    Ranks are whole numbers, so that the limits of fewer values may lie a little closer together: the wider of both sizes counts.
    """
    units = len(set(clusters))
    if units == len(values):
        return (units,)
    known = [min(value, sys.float_info.max) for value in values]
    limit = quantile(known, q) or 0.0
    within = [1.0 if value <= limit else 0.0 for value in known]
    share, variance = math.fsum(within) / len(within), clustered_variance(within, clusters)
    worth = max(1, int(effective_size(share, variance, most=len(values), units=units, confidence=confidence)))
    return (worth,) if worth >= units else (worth, units)


def quantile_of(rows: Sequence[Measurement], metric: str, q: float, confidence: float = 0.95) -> Interval | None:
    """The interval of a quantile of ``metric`` over trials; None if none is known, or neither side is bounded.

    Trials of one case, and cases of one cluster, are alike. What is unknown (a call that timed out) may be anything: 0 for the lower limit,
    more than all others for the upper one.
    """
    rows = [row for row in rows if row.status != "skip" and row.fresh]
    clusters = [row.cluster or (row.case_id, row.case_digest) for row in rows]
    return known_quantile([quantity(row, metric) for row in rows], q, confidence, clusters=clusters)


def known_quantile(
    values: Sequence[float | None], q: float, confidence: float = 0.95, *, clusters: Sequence[Hashable]
) -> Interval | None:
    """The interval of a quantile of values that may be unknown (None); as :func:`quantile_of`."""
    unknown = values.count(None)
    if unknown == len(values):
        return None
    limits = [
        quantile_interval([other if value is None else value for value in values], q, confidence, clusters=clusters)
        for other in ((0.0, math.inf) if unknown else (0.0,))
    ]
    found = replace(limits[0], upper=limits[-1].upper)
    return found if any(map(math.isfinite, found)) else None
