"""Comparisons and gates of a finished suite: picks the sides, the judging itself is pure and lives in ``compare``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from evalkit.compare.compare import compare, pairs_of_variants
from evalkit.compare.gates.compared import gates_about
from evalkit.compare.gates.judge import SuiteGates
from evalkit.compare.standing import corrected, rank
from evalkit.compare.values import Side

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from evalkit.compare.standing import Ranking
    from evalkit.compare.stored import StoredBaseline
    from evalkit.compare.values import Comparison
    from evalkit.harness.before.planning import SuitePlan
    from evalkit.model.results import GateOutcome, Measurement, Result
    from evalkit.suites.spec import SuiteSpec


def baseline_of(spec: SuiteSpec) -> str | None:
    """The variant that others are compared with.

    It is what the suite calls so, else what a gate names, else one called ``baseline``, else the first of several.
    """
    if spec.baseline is not None:
        return spec.baseline
    for gate in spec.gates:
        if gate.against is not None and not gate.stored:
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
    margin = _margin(plan.spec, stored=False)
    rows = _measurements(plan, results)
    return corrected([
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
    ])


def ranking(plan: SuitePlan, results: Sequence[Result]) -> Ranking | None:
    """The variants of the suite ranked; None with fewer than three."""
    labels = {test.trials[0].variant.label for test in plan.tests}
    return rank(_measurements(plan, results)) if len(labels) > 2 else None


def wants_stored(spec: SuiteSpec) -> bool:
    """Whether a gate of the suite is about the stored baseline."""
    return any(gate.stored for gate in spec.gates)


def compare_stored(plan: SuitePlan, results: Sequence[Result], stored: StoredBaseline) -> tuple[Comparison, ...]:
    """Every label of the suite against its counterpart in the stored baseline, if it has one."""
    labels: dict[str, list[Measurement]] = {}
    for row in _measurements(plan, results):
        labels.setdefault(row.label, []).append(row)
    pairs = [(stored.beside(rows), rows) for rows in labels.values()]
    return tuple(
        compare(
            before,
            after,
            a_side=Side(before[0].variant, before[0].label, stored.run_id),
            b_side=Side(after[0].variant, after[0].label),
            suite=plan.spec.name,
            margin=_margin(plan.spec, stored=True),
        )
        for before, after in pairs
        if before
    )


def with_gates(comparisons: Iterable[Comparison], gates: Sequence[GateOutcome]) -> tuple[Comparison, ...]:
    """The comparisons of a run, each with those of the run's ``gates`` that speak about it."""
    return tuple(replace(one, gates=gates_about(one.a, one.b, gates, suite=one.suite)) for one in comparisons)


def _margin(spec: SuiteSpec, *, stored: bool) -> float | None:
    gates = (gate for gate in spec.gates if gate.against and gate.metric == "pass_rate" and gate.stored == stored)
    return next((gate.margin for gate in gates), None)


def suite_gates(
    plan: SuitePlan,
    results: Sequence[Result],
    *,
    whole: bool,
    planned: int,
    stored: StoredBaseline | None = None,
) -> SuiteGates:
    """The gates of one suite, to be judged with those of the run; ``not_judged`` unless the whole suite was run to its end.

    ``planned`` counts selected trials: without any there is nothing to judge. ``stored`` is the baseline of gates against the stored one.
    """
    full = sum(len(test.trials) for test in plan.tests)
    gates = plan.spec.gates if planned else ()
    return SuiteGates(
        gates=gates,
        measurements=_measurements(plan, results) if gates else (),
        suite=plan.spec.name,
        suite_path=plan.spec.path,
        planned=full,
        partial=not whole or planned < full,
        stored=stored,
    )


def _measurements(plan: SuitePlan, results: Sequence[Result]) -> list[Measurement]:
    return [
        result.measurement()
        for result in results
        if result.trial.suite_path == plan.spec.path and not result.pending  # what a batch still owes is no measurement
    ]
