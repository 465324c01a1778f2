"""The figures of a finished run, per variant and for the run's calls."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from evalkit.compare.stats import wilson
from evalkit.metrics.summary import summarise, total
from evalkit.metrics.table import table_facts
from evalkit.model.calls import CallFailure
from evalkit.report.values import CallCounts, Spend, VariantSummary

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from evalkit.compare.values import Interval
    from evalkit.harness.planning import SuitePlan
    from evalkit.metrics.cost import PriceOrigin, Prices
    from evalkit.model.calls import JSON, Call
    from evalkit.model.cases import Variant
    from evalkit.model.results import Result
    from evalkit.store.reader import RunRecords

CONFIDENCE = 0.95


def variant_summaries(records: RunRecords, plans: Sequence[SuitePlan]) -> tuple[VariantSummary, ...]:
    """One row per suite and variant, in the order in which they were planned."""
    results: dict[tuple[str, str], list[Result]] = {}
    for result in records.results:
        results.setdefault((result.trial.suite_path, result.trial.variant.label), []).append(result)
    planned, skipped, variants = _planned(records, plans)
    for key, rows in results.items():
        variants.setdefault(key, (rows[0].trial.suite, rows[0].trial.variant))
        planned.setdefault(key, len(rows))
    return tuple(
        _summary(key, suite, variant, results.get(key, []), planned=planned[key], skipped=skipped[key])
        for key, (suite, variant) in variants.items()
    )


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
    totals = summarise([result.measurement() for result in results])
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
        interval=_interval(passed, measured),
        cost_usd=counts.cost_usd if counts else None,
        judge_cost_usd=total([0.0, *(call.cost_usd for result in results for call in result.followups)]),
        latency_p50_s=counts.latency_p50_s if counts else None,
        latency_p95_s=counts.latency_p95_s if counts else None,
        input_tokens=counts.input_tokens if counts else None,
        output_tokens=counts.output_tokens if counts else None,
        answers=_spend(result.call for result in results),
        judges=_spend(call for result in results for call in result.followups),
    )


def _interval(passed: int, n: int) -> Interval | None:
    """Wilson's interval over trials, errors counted as failures."""
    return None if not n else wilson(passed, n, CONFIDENCE)


def call_counts(records: RunRecords) -> CallCounts:
    """How the run's requests were answered."""
    sources: Counter[str] = Counter()
    failed = 0
    for call in records.calls:
        if isinstance(call.reply, CallFailure):
            failed += 1
        else:
            sources[call.source] += 1
    spend = _spend(records.calls)
    return CallCounts(
        paid=sources["live"],
        cached=sources["cache"],
        replayed=sources["replay"],
        scripted=sources["scripted"],
        shared=sources["shared"],
        failed=failed,
        paid_usd=spend.paid_usd,
        saved_usd=spend.saved_usd,
    )


def _spend(calls: Iterable[Call]) -> Spend:
    """Who paid for ``calls``; one that has no answer counts as nothing."""
    answered = [call for call in calls if not isinstance(call.reply, CallFailure)]
    return Spend(
        paid_usd=total([0.0, *(call.paid_usd for call in answered)]),
        saved_usd=total([0.0, *(call.cost_usd for call in answered if call.source != "live")]),
    )


def price_facts(records: RunRecords, prices: Prices) -> dict[str, JSON]:
    """What the run's costs rest on: the ``table`` of prices with its version (None if it priced nothing), and the models whose price the
    project ``stated`` or that is ``unknown``, each sorted."""
    origins: dict[PriceOrigin, list[JSON]] = {}
    for model in sorted({call.request.model for call in records.calls}):
        origins.setdefault(prices.origin(model), []).append(model)
    return {
        "table": str(table_facts()) if "table" in origins else None,
        "stated": origins.get("project", []),
        "unknown": origins.get("unknown", []),
    }
