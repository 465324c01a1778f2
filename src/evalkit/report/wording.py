"""What a report adds to the words of a comparison: signs and labels, and numbers that may be unknown, short enough for a table."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from evalkit.compare import words
from evalkit.metrics.summary import total as sum_known

if TYPE_CHECKING:
    from collections.abc import Iterable

    from evalkit.compare.statistics.interval import Interval
    from evalkit.compare.values import Flip, Metric
    from evalkit.model.results import RunInfo
    from evalkit.report.outcomes import Outcome
    from evalkit.report.values import CallCounts, RunReport, VariantSummary

UNKNOWN = "unknown"
_SCORE = re.compile(r"score\((.+)\)")
_PART = re.compile(r"pass_rate\((?:(family|check|tag):)?(.+)\)")

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

_OWN_WORDS = frozenset({"the", "all", "nothing", "nobody", "waiting", "stopped"})
"""How sentences of a run begin that do not begin with a number or a name."""
FLIP_WORDS: dict[str, str] = {"broken": "broken", "fixed": "fixed", "shaky": "shaky", "unmeasured": "not measured"}
"""What a reader calls a flip."""


def sentence(report: RunReport) -> str:
    """The verdict without the word that every output already shows beside it (``FAILED: …``)."""
    return report.verdict.removeprefix(f"{LABELS[report.outcome].upper()}: ")


def headline(verdict: str) -> str:
    """The verdict as a title: with a capital, unless it begins with a name."""
    return verdict[:1].upper() + verdict[1:] if verdict.partition(" ")[0] in _OWN_WORDS else verdict


def outcome_label(outcome: Outcome | None) -> str:
    """``✗ Failed``; ``– Not known`` for a run that came to no conclusion, or whose evalkit wrote none down."""
    return f"{SYMBOLS['not_judged']} Not known" if outcome is None else f"{SYMBOLS[outcome]} {LABELS[outcome]}"


def replayed(run: RunInfo) -> str:
    """Where the answers of a run come from that asked no model: from recordings, or from a run that it judges again; else empty."""
    source = run.extra.get("rescored")
    if isinstance(source, str):
        return f"answers of run {source}, judged again"
    return "answers replayed from recordings" if run.mode == "replay" else ""


def total(variant: VariantSummary) -> int:
    """Every planned trial of the variant, measured or not."""
    return variant.passed + variant.failed + variant.errors + variant.skipped + variant.missing


def tried(variant: VariantSummary) -> int:
    """The trials that the pass rate and its interval are of: errors count as failures, what was skipped or is missing was not tried."""
    return variant.passed + variant.failed + variant.errors


def pass_rate(variant: VariantSummary) -> float | None:
    """The share of :func:`tried` that passed, None if nothing was."""
    return variant.passed / tried(variant) if tried(variant) else None


def rate_line(variant: VariantSummary) -> str:
    """The pass rate's interval; with the rate and its denominator, ``82.6% of 167 [76.2%, 87.6%]``, where that is not every planned trial."""
    rate, interval = pass_rate(variant), rate_interval(variant.interval)
    if rate is None or tried(variant) == total(variant):
        return interval
    return f"{words.percent(rate)} of {tried(variant):,} {interval}".strip()


def tally(variant: VariantSummary) -> str:
    """``47/50 (errors 1, skipped 0)``, with ``missing`` when an interrupted run left some."""
    return words.counts(
        variant.passed, total(variant), errors=variant.errors, skipped=variant.skipped, missing=variant.missing
    )


def money(usd: float | None) -> str:
    """US dollars as the comparison writes them; ``unknown`` for None."""
    return UNKNOWN if usd is None else words.usd(usd)


def seconds(value: float | None) -> str:
    """``840 ms``, ``3.2 s``, ``2 min 5 s``; ``unknown`` for None."""
    if value is None:
        return UNKNOWN
    if value < 1:
        return f"{value * 1000:.0f} ms"
    if value < 60:
        return f"{value:.3g} s"
    return f"{int(value // 60)} min {int(value % 60)} s"


def latency(value: float | None, interval: Interval | None) -> str:
    """A quantile of latencies and where that of all such answers lies: ``3.2 s [2.9 s, 3.8 s]``."""
    return f"{seconds(value)} {latency_interval(interval)}".strip()


def latency_interval(interval: Interval | None) -> str:
    """``[2.9 s, 3.8 s]``; ``[2.9 s, …]`` where that side is open; empty without an interval."""
    if interval is None:
        return ""
    lower, upper = (seconds(limit) if math.isfinite(limit) else "…" for limit in interval)
    return f"[{lower}, {upper}]"


def money_interval(interval: Interval | None) -> str:
    """``[$0.00041, $0.00045]``; empty without an interval."""
    return "" if interval is None else f"[{money(interval.lower)}, {money(interval.upper)}]"


def count(value: float | None) -> str:
    """``12,345``; ``unknown`` for None."""
    if value is None:
        return UNKNOWN
    return f"{value:,.0f}" if value == int(value) or abs(value) >= 100 else f"{value:,.1f}"


def ratio(value: float | None) -> str:
    """A ratio after/before: ``×0.75``."""
    if value is None:
        return UNKNOWN
    return f"×{value:.2f}" if 0.1 <= value < 100 else f"×{value:.3g}"


def metric_label(name: str) -> str:
    """A metric's name for a reader: ``cost_usd`` is ``cost per answer``, ``score(rubric)`` is ``mean score, check rubric``."""
    known = {"pass_rate": "pass rate", "cost_usd": "cost per answer", "latency_s": "latency"}
    part, scored = _PART.fullmatch(name), _SCORE.fullmatch(name)
    if scored is not None:
        return f"mean score, check {scored[1]}"
    if part is None:
        return known.get(name, name.replace("_", " "))
    forms = {"family": "{} checks", "check": "check {}", "tag": "tag {}", None: "{}"}
    return f"pass rate, {forms[part[1]].format(part[2])}"


def metric_value(metric: Metric, value: float | None) -> str:
    """One side of a metric in its own unit."""
    if metric.kind != "ratio":
        return words.percent(value)
    if metric.name.endswith("_usd"):
        return money(value)
    return seconds(value) if metric.name.endswith("_s") else count(value)


def change(metric: Metric, value: float | None) -> str:
    """A metric's change: percentage points, or a ratio; of what is 0 on both sides, ``no difference``."""
    if value is None and metric.a == metric.b == 0:
        return "no difference"
    if metric.kind == "ratio":
        return ratio(value)
    return UNKNOWN if value is None else words.points(value)


def change_interval(metric: Metric) -> str:
    """``[−8.1, +4.0] pp`` or ``[×0.70, ×0.81]``; empty without an interval."""
    interval = metric.interval
    if interval is None:
        return ""
    if metric.kind == "ratio":
        return f"[{ratio(interval.lower)}, {ratio(interval.upper)}]"
    return f"[{words.signed(interval.lower * 100)}, {words.signed(interval.upper * 100)}] pp"


def interval_label(metrics: Iterable[Metric]) -> str:
    """``95% interval``: what the intervals of ``metrics`` are called; plain ``interval`` if they differ or there are none."""
    levels = {metric.interval.confidence for metric in metrics if metric.interval is not None}
    return f"{words.level(levels.pop())} interval" if len(levels) == 1 else "interval"


def rate_interval(interval: Interval | None) -> str:
    """``[85.1%, 93.4%]``; empty without an interval."""
    return "" if interval is None else f"[{words.percent(interval.lower)}, {words.percent(interval.upper)}]"


def flip_counts(flip: Flip) -> str:
    """``1/3 → 3/3``: passed of the repeats, before and after."""
    return f"{flip.a[0]}/{flip.a[1]} → {flip.b[0]}/{flip.b[1]}"


def cost_line(report: RunReport) -> str:
    """What the run paid and what it did not have to, each for answers and judges, and whose prices these are; empty if nothing has a price.

    What was paid for tests that have no result (an interrupted run) is part of the sum alone.
    """
    calls, prices = report.calls, report.run.extra.get("prices")
    if calls.paid_usd == 0 and calls.saved_usd == 0:
        return ""
    paid = f"paid {money(calls.paid_usd)}{_split(report.variants, 'paid_usd')}"
    saved = "" if calls.saved_usd == 0 else f"; saved {money(calls.saved_usd)}{_split(report.variants, 'saved_usd')}"
    table = prices.get("table") if isinstance(prices, Mapping) else None
    return f"{paid}{saved}{f'; prices of {table}' if table else ''}"


def _split(variants: Iterable[VariantSummary], name: Literal["paid_usd", "saved_usd"]) -> str:
    """`` (answers $0.03, judges $0.01)``; empty without judges, who would leave it all to the answers."""
    both = [(variant.answers, variant.judges) for variant in variants]
    answers, judges = (sum_known([0.0, *(getattr(pair[place], name) for pair in both)]) for place in (0, 1))
    return "" if judges == 0 else f" (answers {money(answers)}, judges {money(judges)})"


def calls_line(calls: CallCounts) -> str:
    """``12 paid ($0.04), 30 from cache, …``: only the sources that were used, and the paid ones always."""
    parts = [f"{calls.paid:,} paid ({money(calls.paid_usd)})"]
    for number, word in (
        (calls.cached, "from cache"),
        (calls.replayed, "replayed"),
        (calls.scripted, "scripted"),
        (calls.shared, "shared"),
        (calls.pending, "waiting"),
        (calls.failed, "failed"),
    ):
        if number:
            parts.append(f"{number:,} {word}")
    return ", ".join(parts)
