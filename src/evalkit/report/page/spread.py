"""How latency and cost are spread over the answers of a suite, variant beside variant."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import quantiles
from typing import TYPE_CHECKING

from evalkit.model.calls import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from evalkit.model.results import Result

FEWEST = 5
"""Fewer known values than this make no distribution."""
_SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True, slots=True)
class Curve:
    """One variant. ``values`` are the 0%, 1%, … 100% quantiles, in the spread's unit; ``known`` of ``trials`` have a value."""

    label: str
    known: int
    trials: int
    values: tuple[float, ...]

    @property
    def figures(self) -> tuple[float, ...]:
        """The 5%, 25%, 50%, 75%, 95% quantiles and the largest value."""
        return (*(self.values[round(100 * share)] for share in _SHARES), self.values[-1])


@dataclass(frozen=True, slots=True)
class Spread:
    """One metric (``latency_s`` or ``cost_usd``) of one suite."""

    metric: str
    curves: tuple[Curve, ...]


def spreads(results: Sequence[Result], labels: Sequence[str]) -> Iterator[Spread]:
    """The spreads of one suite's ``results``, the variants in the order of ``labels``; those with too few values are left out."""
    for metric, value in (("latency_s", _latency), ("cost_usd", _cost)):
        curves = tuple(filter(None, (_curve(results, label, value) for label in labels)))
        if any(curve.values[0] < curve.values[-1] for curve in curves):
            yield Spread(metric, curves)


def _curve(results: Sequence[Result], label: str, value: Callable[[Result], float | None]) -> Curve | None:
    found = [value(result) for result in results if result.trial.variant.label == label]
    known = sorted(number for number in found if number is not None)
    if len(known) < FEWEST:
        return None
    cuts = (known[0], *quantiles(known, n=100, method="inclusive"), known[-1])
    return Curve(label, len(known), len(found), tuple(float(f"{cut:.4g}") for cut in cuts))


def _latency(result: Result) -> float | None:
    return result.reply.latency_s if isinstance(result.reply, Response) else None


def _cost(result: Result) -> float | None:
    return result.call.cost_usd
