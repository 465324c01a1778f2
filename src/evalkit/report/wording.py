"""Numbers as people read them: money, seconds, rates and counts with their denominators."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from evalkit.compare.values import Interval, Metric
    from evalkit.report.values import CallCounts, Outcome, RunReport, VariantSummary

UNKNOWN = "unknown"

SYMBOLS: dict[str, str] = {
    "passed": "✓", "failed": "✗", "undecided": "?", "unmeasured": "!", "not_judged": "–",
    "pass": "✓", "fail": "✗", "error": "!", "skip": "–",
    "fixed": "▲", "broken": "▼", "shaky": "◆",
}  # fmt: skip
"""A sign for every outcome, so that none is told by colour alone."""

LABELS: dict[str, str] = {
    "passed": "Passed", "failed": "Failed", "undecided": "Undecided", "unmeasured": "Could not measure",
    "not_judged": "Not judged",
}  # fmt: skip


def outcome(report: RunReport) -> Outcome:
    """Return what the run as a whole says: what the harness decided, or else the same order of reasons.

    An interrupted run could not measure, whatever it saw; a definite failure outranks single errors, errors outrank an undecided
    gate. Without gates, any failed trial fails the run; gates that were not judged (a partial run) count for nothing.
    """
    if report.outcome is not None:
        return report.outcome
    if not report.run.complete or any(variant.missing for variant in report.variants):
        return "unmeasured"
    statuses = {gate.status for gate in report.gates} - {"not_judged"}
    if "failed" in statuses or (not statuses and any(variant.failed for variant in report.variants)):
        return "failed"
    if any(variant.errors for variant in report.variants):
        return "unmeasured"
    return "undecided" if "undecided" in statuses else "passed"


def sentence(report: RunReport) -> str:
    """The verdict without the word that every output already shows beside it (``FAILED: …``)."""
    return report.verdict.removeprefix(f"{LABELS[outcome(report)].upper()}: ")


def total(variant: VariantSummary) -> int:
    """Every planned trial of the variant, measured or not."""
    return variant.passed + variant.failed + variant.errors + variant.skipped + variant.missing


def tally(variant: VariantSummary) -> str:
    """``47/50 (errors 1, skipped 0)``, with ``missing`` when an interrupted run left some."""
    missing = f", missing {variant.missing}" if variant.missing else ""
    return f"{variant.passed}/{total(variant)} (errors {variant.errors}, skipped {variant.skipped}{missing})"


def money(usd: float | None) -> str:
    """US dollars with the digits that matter: ``$1.23``, ``$0.0042``; ``unknown`` for None."""
    if usd is None:
        return UNKNOWN
    if usd == 0:
        return "$0"
    return f"${usd:,.2f}" if abs(usd) >= 1 else f"${usd:.3g}" if abs(usd) >= 1e-4 else f"${usd:.1e}"


def seconds(value: float | None) -> str:
    """``840 ms``, ``3.2 s``, ``2 min 5 s``; ``unknown`` for None."""
    if value is None:
        return UNKNOWN
    if value < 1:
        return f"{value * 1000:.0f} ms"
    if value < 60:
        return f"{value:.3g} s"
    return f"{int(value // 60)} min {int(value % 60)} s"


def count(value: float | None) -> str:
    """``12,345``; ``unknown`` for None."""
    if value is None:
        return UNKNOWN
    return f"{value:,.0f}" if value == int(value) or abs(value) >= 100 else f"{value:,.1f}"


def percent(rate: float | None) -> str:
    """``94.0%``; ``unknown`` for None."""
    return UNKNOWN if rate is None else f"{rate * 100:.1f}%"


def points(difference: float | None, *, unit: str = " pp") -> str:
    """A difference of rates in percentage points with its sign: ``−2.0 pp``."""
    return UNKNOWN if difference is None else f"{_signed(difference * 100)}{unit}"


def _signed(value: float) -> str:
    rounded = f"{abs(value):.1f}"
    return rounded if float(rounded) == 0 else f"{'−' if value < 0 else '+'}{rounded}"


def ratio(value: float | None) -> str:
    """A ratio after/before: ``×0.75``."""
    if value is None:
        return UNKNOWN
    return f"×{value:.2f}" if 0.1 <= value < 100 else f"×{value:.3g}"


def metric_label(name: str) -> str:
    """A metric's name for a reader: ``cost_usd`` is ``cost per answer``."""
    known = {"pass_rate": "pass rate", "cost_usd": "cost per answer", "latency_s": "latency"}
    return known.get(name, name.replace("_", " "))


def metric_value(metric: Metric, value: float | None) -> str:
    """One side of a metric in its own unit."""
    if metric.kind != "ratio":
        return percent(value)
    if metric.name.endswith("_usd"):
        return money(value)
    return seconds(value) if metric.name.endswith("_s") else count(value)


def change(metric: Metric, value: float | None) -> str:
    """A metric's change: percentage points, or a ratio."""
    return ratio(value) if metric.kind == "ratio" else points(value)


def change_interval(metric: Metric) -> str:
    """``[−8.1, +4.0] pp`` or ``[×0.70, ×0.81]``; empty without an interval."""
    interval = metric.interval
    if interval is None:
        return ""
    if metric.kind == "ratio":
        return f"[{ratio(interval.lower)}, {ratio(interval.upper)}]"
    return f"[{points(interval.lower, unit='')}, {points(interval.upper, unit='')}] pp"


def interval_label(metrics: Iterable[Metric]) -> str:
    """``95% interval``: what the intervals of ``metrics`` are called; plain ``interval`` if they differ or there are none."""
    levels = {metric.interval.confidence for metric in metrics if metric.interval is not None}
    return f"{levels.pop() * 100:g}% interval" if len(levels) == 1 else "interval"


def rate_interval(interval: Interval | None) -> str:
    """``[85.1%, 93.4%]``; empty without an interval."""
    return "" if interval is None else f"[{percent(interval.lower)}, {percent(interval.upper)}]"


def calls_line(calls: CallCounts) -> str:
    """``12 paid ($0.04), 30 from cache, …``: only the sources that were used, and the paid ones always."""
    parts = [f"{calls.paid:,} paid ({money(calls.paid_usd)})"]
    for number, word in (
        (calls.cached, "from cache"),
        (calls.replayed, "replayed"),
        (calls.scripted, "scripted"),
        (calls.shared, "shared"),
        (calls.failed, "failed"),
    ):
        if number:
            parts.append(f"{number:,} {word}")
    return ", ".join(parts)


def plural(number: int, noun: str) -> str:
    """``1 case``, ``2 cases``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
