"""What stands beside a metric for whoever doubts it: its p-values, and what the cases behind it can tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalkit.compare import words

if TYPE_CHECKING:
    from evalkit.compare.values import Metric


def p_values(metric: Metric) -> str:
    """``p 0.009``, and what is left of it among its neighbours: ``p 0.009, Holm 0.027``, or ``q`` for metrics that are explored; empty without one."""
    if metric.p is None:
        return ""
    if metric.p_adjusted is None:
        return words.p_value(metric.p)
    name = "q" if metric.adjust == "Benjamini-Hochberg" else "Holm"
    return f"{words.p_value(metric.p)}, {name}{words.p_value(metric.p_adjusted).removeprefix('p')}"


def detectable(metric: Metric) -> str:
    """What the cases behind a rate can tell: ``if nothing changed, a margin of 17.5 pp has an 80% chance to pass``; empty if that is not known."""
    margin = metric.detail.get("mde")
    if not isinstance(margin, float) or not 0 < margin < 1:
        return ""
    return f"if nothing changed, a margin of {words.size(margin)} has an 80% chance to pass"
