"""Comparisons and gates of a finished suite: picks the sides, the judging itself is pure and lives in ``compare``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalkit.compare.compare import compare, pairs_of_variants
from evalkit.compare.gates import judge_gates
from evalkit.compare.values import Side

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.compare.values import Comparison
    from evalkit.harness.planning import SuitePlan
    from evalkit.model.results import GateOutcome, Measurement, Result
    from evalkit.suites.spec import SuiteSpec


def baseline_of(spec: SuiteSpec) -> str | None:
    """The variant that others are compared with: what a gate names, else one called ``baseline``, else the first of several."""
    for gate in spec.gates:
        if gate.against is not None:
            return gate.against
    names = [variant.name for variant in spec.variants]
    if len(names) < 2:
        return None
    return "baseline" if "baseline" in names else names[0]


def compare_variants(plan: SuitePlan, results: Sequence[Result]) -> tuple[Comparison, ...]:
    """Every other variant of the suite against its baseline, within equal cells."""
    baseline = baseline_of(plan.spec)
    if baseline is None:
        return ()
    margin = next((gate.margin for gate in plan.spec.gates if gate.against and gate.metric == "pass_rate"), None)
    rows = _measurements(plan, results)
    return tuple(
        compare(
            a_rows,
            b_rows,
            a_side=Side(variant=a_rows[0].variant, label=a_label),
            b_side=Side(variant=b_rows[0].variant, label=b_label),
            suite=plan.spec.name,
            margin=margin,
        )
        for a_label, b_label, a_rows, b_rows in pairs_of_variants(rows, baseline)
        if a_rows and b_rows
    )


def judge_suite(plan: SuitePlan, results: Sequence[Result], *, whole: bool, planned: int) -> tuple[GateOutcome, ...]:
    """Judge the gates of one suite; ``not_judged`` unless the whole suite was run to its end. ``planned`` counts selected trials."""
    if not plan.spec.gates or not planned:
        return ()
    full = sum(len(test.trials) for test in plan.tests)
    return judge_gates(
        plan.spec.gates,
        _measurements(plan, results),
        suite=plan.spec.name,
        suite_path=plan.spec.path,
        planned=full,
        partial=not whole or planned < full,
    )


def _measurements(plan: SuitePlan, results: Sequence[Result]) -> list[Measurement]:
    return [
        result.measurement()
        for result in results
        if result.trial.suite_path == plan.spec.path and not result.pending  # what a batch still owes is no measurement
    ]
