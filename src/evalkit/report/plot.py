"""Where things stand in a picture, in percent of its width: the page draws them, this module only measures."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalkit.compare import words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from evalkit.compare.values import Metric

_PAD = 4.0
_LABEL_WIDTH = 13.0
_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5)
_FACTORS = (0.1, 0.2, 0.25, 0.5, 0.67, 0.8, 0.9, 0.95, 1.0, 1.05, 1.1, 1.25, 1.5, 2.0, 4.0, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Tick:
    """A labelled line of the axis."""

    x: float
    label: str
    zero: bool = False


@dataclass(frozen=True, slots=True)
class Scale:
    """An axis: values from ``low`` to ``high`` on 0..100, logarithmic for ratios. ``zero`` is where nothing changed."""

    low: float
    high: float
    log: bool

    def x(self, value: float) -> float:
        """The place of ``value`` in percent, clipped to the picture."""
        at = (self._map(value) - self._map(self.low)) / (self._map(self.high) - self._map(self.low))
        return round(_PAD + (100 - 2 * _PAD) * min(1.0, max(0.0, at)), 2)

    def _map(self, value: float) -> float:
        return math.log(max(value, 1e-9)) if self.log else value

    @property
    def zero(self) -> float:
        """The place of "no change": a difference of 0 or a ratio of 1."""
        return self.x(1.0 if self.log else 0.0)

    def ticks(self) -> tuple[Tick, ...]:
        """Three to seven labelled places, among them "no change"."""
        if self.log:
            inside = sorted((f for f in _FACTORS if self.low <= f <= self.high), key=lambda f: abs(math.log(f)))
            return _apart(Tick(self.x(v), f"×{v:g}", v == 1.0) for v in inside)
        step = next((s for s in _STEPS if (self.high - self.low) / s <= 7), 0.5)
        first, last = math.ceil(self.low / step), math.floor(self.high / step)
        values = [index * step for index in range(first, last + 1)]
        return tuple(Tick(self.x(v), words.signed(v * 100).removesuffix(".0"), abs(v) < 1e-12) for v in values)


@dataclass(frozen=True, slots=True)
class ForestRow:
    """One metric's mark: the estimate, its interval and the margin it must stay inside, as places in percent; None where unknown."""

    x: float | None
    lower: float | None
    upper: float | None
    margin: float | None
    cut_low: bool
    cut_high: bool


def scale_of(metrics: Sequence[Metric], margins: Mapping[str, float], *, log: bool) -> Scale:
    """The axis on which all of ``metrics`` (one kind: differences, or ratios) and their ``margins`` fit, symmetric about no change.

    It is at most ±50 points or ×10 wide; an interval that leaves it is drawn with an arrow.
    """
    values = list(_edges(metrics, margins, log=log))
    if log:
        reach = max([abs(math.log(max(value, 1e-9))) for value in values] or [0.0])
        reach = min(max(reach * 1.1, math.log(1.1)), math.log(10))
        return Scale(math.exp(-reach), math.exp(reach), log=True)
    reach = min(max(max([abs(value) for value in values] or [0.0]) * 1.1, 0.02), 0.5)
    return Scale(-reach, reach, log=False)


def forest_row(metric: Metric, scale: Scale, margin: float | None) -> ForestRow:
    """Place one metric on ``scale``. ``margin`` is the largest tolerated drop (a difference) or increase (a ratio)."""
    interval = metric.interval
    edge = None if margin is None else (1 + margin if scale.log else -margin)
    return ForestRow(
        x=None if metric.change is None else scale.x(metric.change),
        lower=None if interval is None else scale.x(interval.lower),
        upper=None if interval is None else scale.x(interval.upper),
        margin=None if edge is None else scale.x(edge),
        cut_low=interval is not None and interval.lower < scale.low,
        cut_high=interval is not None and interval.upper > scale.high,
    )


def _edges(metrics: Iterable[Metric], margins: Mapping[str, float], *, log: bool) -> Iterable[float]:
    for metric in metrics:
        if metric.change is not None:
            yield metric.change
        if metric.interval is not None:
            yield from (metric.interval.lower, metric.interval.upper)
        if metric.name in margins:
            yield 1 + margins[metric.name] if log else -margins[metric.name]


def _apart(ticks: Iterable[Tick]) -> tuple[Tick, ...]:
    """The ticks that leave each other room for a label, the earlier ones first; in order of place."""
    kept: list[Tick] = []
    for tick in ticks:
        if all(abs(tick.x - other.x) >= _LABEL_WIDTH for other in kept):
            kept.append(tick)
    return tuple(sorted(kept, key=lambda tick: tick.x))
