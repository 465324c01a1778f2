"""What the page's pictures are drawn from: D3 draws them in the browser, the numbers also stand beside each as text."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from evalkit.report.clean import visible
from evalkit.report.json_export import plain

if TYPE_CHECKING:
    from evalkit.compare.statistics.interval import Interval
    from evalkit.compare.values import Metric

Form = Literal["difference", "ratio", "rate"]
"""``difference``: of rates, worse on the left; ``ratio``: after ÷ before, worse on the right; ``rate``: a share of 0 to 1."""


@dataclass(frozen=True, slots=True)
class Mark:
    """An estimate with its interval, on an axis that all marks of the same ``axis`` share.

    ``edge`` is where the margin ends (−0.05 for a difference, 1.2 for a ratio), None without one. Unknown values are None.
    """

    axis: str
    form: Form
    value: float | None
    lower: float | None
    upper: float | None
    edge: float | None = None


def metric_mark(metric: Metric, axis: str, margin: float | None) -> Mark:
    """The change of ``metric``. ``margin`` is the largest tolerated drop (a difference) or increase (a ratio)."""
    ratio = metric.kind == "ratio"
    edge = None if margin is None else (1 + margin if ratio else -margin)
    lower, upper = metric.interval or (None, None)
    return Mark(axis, "ratio" if ratio else "difference", metric.change, lower, upper, edge)


def rate_mark(rate: float | None, interval: Interval | None, axis: str = "rate") -> Mark:
    """A rate on the axis from 0 to 100%."""
    lower, upper = interval or (None, None)
    return Mark(axis, "rate", rate, lower, upper)


def chart_data(value: object) -> str:
    """``value`` (a dataclass or plain data) as JSON for an attribute: ASCII, hidden characters written out, unknown is null."""
    return json.dumps(_shown(plain(value)), separators=(",", ":"), allow_nan=False)


def _shown(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, dict):
        return {key: _shown(item) for key, item in value.items()}
    return [_shown(item) for item in value] if isinstance(value, list) else value
