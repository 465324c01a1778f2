"""One comparison as the page shows it: metrics on shared axes, flips by direction, and what changed in the prompt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalkit.compare import words
from evalkit.compare.paired_outcomes import (
    FLIP_NAMES,
    FlipName,
    PairedOutcomes,
    comparable,
    flip_name,
    metric_word,
    paired_outcomes,
)
from evalkit.report import wording
from evalkit.report.page.charts import Mark, metric_mark
from evalkit.report.page.flip_reasons import broken_by, flip_reason, flipped_results
from evalkit.report.page.prompt_diff import FileDiff, diff_prompts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from evalkit.compare.values import Comparison, Flip, Metric, Side
    from evalkit.model.results import PromptRecord, Result
    from evalkit.report.values import RunReport

HEADLINE = ("pass_rate", "cost_usd", "latency_s")
"""The metrics of the first glance."""
FLIPS_SHOWN = 200
"""Flipped cases listed on the page per kind; the table has them all."""


@dataclass(frozen=True, slots=True)
class MetricRow:
    """One metric of a comparison in words, with its mark on the axis of its group and, if it has one, on that of the first screen.

    ``word`` is how to read it: the metric's own, or that too much could not be measured.
    """

    metric: Metric
    word: str
    before: str
    after: str
    change: str
    interval: str
    mark: Mark
    margin: str
    glance: Mark


@dataclass(frozen=True, slots=True)
class MetricGroup:
    """Metrics that share an axis: differences of rates (worse is on the left), or ratios (worse is on the right)."""

    title: str
    worse_first: bool
    axis: str
    rows: tuple[MetricRow, ...]


@dataclass(frozen=True, slots=True)
class FlipGroup:
    """The cases that changed in one direction. ``shown`` are each one's place in the comparison's flips, itself, and why in one line,
    empty if that is not known; ``more`` were left out."""

    kind: FlipName
    count: int
    shown: tuple[tuple[int, Flip, str], ...]

    @property
    def more(self) -> int:
        """How many are not shown."""
        return self.count - len(self.shown)


@dataclass(frozen=True, slots=True)
class PromptChange:
    """The two prompt versions of a comparison and what differs between them."""

    before: PromptRecord
    after: PromptRecord
    files: tuple[FileDiff, ...]


@dataclass(frozen=True, slots=True)
class ComparisonView:
    """One comparison. ``index`` is its place in the packed data; ``what`` names the prompts and models of its sides; ``headline`` holds the metrics of :data:`HEADLINE` in that order,
    None where there is none; ``unpaired`` the ids left out of the pairing. ``broken_by`` names checks, each with how many of the broken
    cases do not pass it. Where it is not ``comparable``, too much could not be measured for a difference to be told."""

    index: int
    comparison: Comparison
    outcomes: PairedOutcomes
    comparable: bool
    broken_by: tuple[tuple[str, int], ...]
    headline: tuple[MetricRow | None, ...]
    groups: tuple[MetricGroup, ...]
    flips: tuple[FlipGroup, ...]
    prompts: PromptChange | None
    unpaired: tuple[str, ...]
    what: str


def comparison_view(report: RunReport, index: int, *, most: int = FLIPS_SHOWN) -> ComparisonView:
    """Work out what the page shows of ``report.comparisons[index]``, with at most so many flips of a kind."""
    comparison = report.comparisons[index]
    margins = _margins(report, comparison)
    found = flipped_results(comparison, report.results)
    groups = tuple(_groups(comparison, margins, index))
    rows = {row.metric.name: row for group in groups for row in group.rows}
    return ComparisonView(
        index=index,
        comparison=comparison,
        outcomes=paired_outcomes(comparison),
        comparable=comparable(comparison),
        broken_by=broken_by(comparison, found),
        headline=tuple(rows.get(name) for name in HEADLINE),
        groups=groups,
        flips=tuple(_flip_group(comparison, kind, found, most) for kind in FLIP_NAMES),
        prompts=_prompt_change(report, comparison),
        unpaired=(*comparison.only_a, *comparison.only_b, *comparison.changed),
        what=_what(report, comparison),
    )


def _what(report: RunReport, comparison: Comparison) -> str:
    """``refund:v1 → v2 · openai/gpt-5-mini``: the prompts and models that stand against each other, as far as the run knows them."""
    known = {one.label: one for one in report.variants if one.suite == comparison.suite}
    sides = [known.get(side.label) for side in (comparison.a, comparison.b) if side.run_id in {None, report.run.run_id}]
    found = [side for side in sides if side is not None]
    if len(found) < 2:
        return comparison.shared
    prompts = list(dict.fromkeys(side.prompt for side in found))
    if len(prompts) == 2 and prompts[0].rpartition(":")[0] == prompts[1].rpartition(":")[0]:
        prompts[1] = prompts[1].rpartition(":")[2]
    models = comparison.shared or " → ".join(dict.fromkeys(side.model for side in found))
    return f"{' → '.join(prompts)} · {models}"


def _flip_group(
    comparison: Comparison,
    kind: FlipName,
    results: Mapping[tuple[str, str], list[Result]],
    most: int,
) -> FlipGroup:
    found = [(place, flip) for place, flip in enumerate(comparison.flips) if flip_name(flip) == kind]
    shown = ((place, flip, flip_reason(comparison, flip, results)) for place, flip in found[:most])
    return FlipGroup(kind, len(found), tuple(shown))


def _margins(report: RunReport, comparison: Comparison) -> dict[str, float]:
    """The margin per metric, from the gates that judged this comparison's candidate."""
    found = {}
    for gate in report.gates:
        margin = gate.numbers.get("margin")
        ours = gate.suite == comparison.suite and gate.variant in {comparison.b.variant, comparison.b.label}
        if ours and isinstance(margin, (int, float)) and margin > 0:
            found[str(gate.numbers.get("metric", "pass_rate"))] = float(margin)
    return found


def _groups(comparison: Comparison, margins: Mapping[str, float], index: int) -> Iterator[MetricGroup]:
    rates = [metric for metric in comparison.metrics if metric.kind != "ratio"]
    ratios = [metric for metric in comparison.metrics if metric.kind == "ratio"]
    if rates:
        yield _group(comparison, "Quality, difference in percentage points", rates, margins, axis=f"rates-{index}")
    if ratios:
        yield _group(comparison, "Cost and latency, ratio after ÷ before", ratios, margins, axis=f"ratios-{index}")


def _group(
    comparison: Comparison, title: str, metrics: Sequence[Metric], margins: Mapping[str, float], *, axis: str
) -> MetricGroup:
    rows = tuple(
        _metric_row(metric, metric_word(comparison, metric), axis, margins.get(metric.name)) for metric in metrics
    )
    return MetricGroup(title, metrics[0].kind != "ratio", axis, rows)


def _metric_row(metric: Metric, word: str, axis: str, margin: float | None) -> MetricRow:
    ratio = metric.kind == "ratio"
    worded = "" if margin is None else (f"+{margin * 100:g}%" if ratio else f"−{margin * 100:g} pp")
    return MetricRow(
        metric=metric,
        word=word,
        before=_side_value(metric, metric.a),
        after=_side_value(metric, metric.b),
        change=wording.change(metric, metric.change),
        interval=wording.change_interval(metric),
        mark=metric_mark(metric, axis, margin),
        margin=worded,
        glance=metric_mark(metric, f"glance-{metric.name}", margin),
    )


def _side_value(metric: Metric, value: float | None) -> str:
    """One side of a metric as the page writes it: dollars with three digits that count, never as a power of ten."""
    if metric.kind == "ratio" and value is not None:
        return words.amount(metric.name, value)
    return wording.metric_value(metric, value)


def _prompt_change(report: RunReport, comparison: Comparison) -> PromptChange | None:
    """The prompts of both sides, None if one is not in the report or both are the same."""
    before, after = _prompt(report, comparison, comparison.a), _prompt(report, comparison, comparison.b)
    if before is None or after is None or before.digest == after.digest:
        return None
    return PromptChange(before, after, diff_prompts(before, after))


def _prompt(report: RunReport, comparison: Comparison, side: Side) -> PromptRecord | None:
    if side.run_id not in {None, report.run.run_id}:
        return None
    digests = {
        result.trial.variant.prompt_digest
        for result in report.results
        if result.trial.suite == comparison.suite and result.trial.variant.label == side.label
    }
    return next((prompt for prompt in report.prompts if prompt.digest in digests), None)
