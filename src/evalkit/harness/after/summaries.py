"""The figures of a finished run, per variant and for the run's calls."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from evalkit.compare.estimate import single_rate
from evalkit.compare.quantiles import quantile_of
from evalkit.harness.spending import Spending, answered
from evalkit.metrics.summary import summarise, total
from evalkit.model.calls import CallFailure
from evalkit.report.values import CallCounts, VariantSummary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.compare.statistics.interval import Interval
    from evalkit.harness.before.planning import SuitePlan
    from evalkit.model.cases import Variant
    from evalkit.model.results import Measurement, Result
    from evalkit.store.journal.reader import RunRecords

CONFIDENCE = 0.95


def variant_summaries(records: RunRecords, plans: Sequence[SuitePlan]) -> tuple[VariantSummary, ...]:
    """One row per suite and variant, in the order in which they were planned."""
    spending = Spending(records)
    results: dict[tuple[str, str], list[Result]] = {}
    for result in records.results:
        results.setdefault((result.trial.suite_path, result.trial.variant.label), []).append(result)
    planned, skipped, variants = _planned(records, plans)
    for key, rows in results.items():
        variants.setdefault(key, (rows[0].trial.suite, rows[0].trial.variant))
        planned.setdefault(key, len(rows))
    summaries = []
    for key, (suite, variant) in variants.items():
        rows = results.get(key, [])
        summary = _summary(key, suite, variant, rows, planned=planned[key], skipped=skipped[key])
        answers = spending.of(result.call for result in rows)
        judges = spending.of(call for result in rows for call in result.followups)
        summaries.append(replace(summary, answers=answers, judges=judges))
    return tuple(summaries)


def _planned(
    records: RunRecords, plans: Sequence[SuitePlan]
) -> tuple[Counter[tuple[str, str]], Counter[tuple[str, str]], dict[tuple[str, str], tuple[str, Variant]]]:
    planned: Counter[tuple[str, str]] = Counter()
    skipped: Counter[tuple[str, str]] = Counter()
    variants: dict[tuple[str, str], tuple[str, Variant]] = {}
    selected, skips = set(records.planned_tests), records.skipped
    for plan in plans:
        for test in plan.tests:
            if test.test_id in selected:
                trial = test.trials[0]
                key = (trial.suite_path, trial.variant.label)
                variants.setdefault(key, (trial.suite, trial.variant))
                planned[key] += len(test.trials)
                skipped[key] += skips.get(test.test_id, 0)
    return planned, skipped, variants


def _summary(
    key: tuple[str, str], suite: str, variant: Variant, results: Sequence[Result], *, planned: int, skipped: int
) -> VariantSummary:
    # What waits for a batch is missing: it is no error.
    rows = [result.measurement() for result in results if not result.pending]
    totals = summarise(rows)
    counts = totals[0] if totals else None
    passed, failed, errors = (counts.passed, counts.failed, counts.errors) if counts else (0, 0, 0)
    measured = passed + failed + errors
    return VariantSummary(
        suite=suite,
        suite_path=key[0],
        label=variant.label,
        variant=variant.name,
        prompt=variant.prompt,
        model=variant.model,
        passed=passed,
        failed=failed,
        errors=errors,
        skipped=skipped,
        missing=max(0, planned - measured - skipped),
        interval=_interval(rows),
        cost_usd=counts.cost_usd if counts else None,
        judge_cost_usd=total([
            0.0,
            *(call.cost_usd for result in results for call in result.followups if answered(call)),
        ]),
        latency_p50_s=counts.latency_p50_s if counts else None,
        latency_p95_s=counts.latency_p95_s if counts else None,
        input_tokens=counts.input_tokens if counts else None,
        output_tokens=counts.output_tokens if counts else None,
        latency_p50_interval=quantile_of(rows, "latency_s", 0.5, CONFIDENCE),
        latency_p95_interval=quantile_of(rows, "latency_s", 0.95, CONFIDENCE),
    )


def _interval(rows: Sequence[Measurement]) -> Interval | None:
    """Wilson's interval on the effective number of cases, errors counted as failures."""
    found = single_rate(rows, CONFIDENCE)
    return None if found is None else found.interval


def call_counts(records: RunRecords) -> CallCounts:
    """How the run's requests were answered."""
    sources: Counter[str] = Counter()
    failed = pending = 0
    for call in records.calls:
        if isinstance(call.reply, CallFailure):
            pending += call.reply.kind == "pending"
            failed += call.reply.kind != "pending"
        else:
            sources[call.source] += 1
    spend = Spending(records).whole()
    return CallCounts(
        paid=sources["live"],
        cached=sources["cache"],
        replayed=sources["replay"],
        scripted=sources["scripted"],
        shared=sources["shared"],
        failed=failed,
        paid_usd=spend.paid_usd,
        saved_usd=spend.saved_usd,
        pending=pending,
    )
