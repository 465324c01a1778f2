"""Suites that may stop before all their cases have run: who is asked first, and whether anything is still worth asking."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalkit.compare.compare import pairs_of_variants
from evalkit.compare.gates.judge import labels_of
from evalkit.compare.gates.sequential import Sequential, place
from evalkit.compare.slices import narrow
from evalkit.model.results import Measurement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from evalkit.harness.before.planning import SuitePlan
    from evalkit.model.cases import PlannedTest
    from evalkit.model.results import Result
    from evalkit.suites.spec import GateSpec


class EarlyStop:
    """The ``sequential`` gates of one suite, listening.

    The suite may stop once each of them is decided, if it has no other gates, or if one of them failed: nothing can turn that green.
    """

    def __init__(self, plan: SuitePlan) -> None:
        rows = [_placeholder(test) for test in plan.tests]
        gates = plan.spec.gates
        self._gates = [one for gate in gates if gate.sequential for one in _pairs(gate, gates, rows)]
        self._alone = all(gate.sequential for gate in gates)

    def heard(self, row: Measurement) -> None:
        """Take note of one measurement of this suite."""
        for gate in self._gates:
            gate.heard(row)

    def left_out(self, test: PlannedTest) -> None:
        """Take note that ``test`` was skipped by somebody else."""
        label = test.trials[0].variant.label
        for gate in self._gates:
            if label in gate.labels:
                gate.left_out(test.trials[0].case.id)

    @property
    def reason(self) -> str | None:
        """Why nothing more need be asked; None if more is needed."""
        decisions = [gate.decision for gate in self._gates if gate.decision is not None]
        if not decisions or len(decisions) < len(self._gates):
            return None
        if not self._alone and all(decision.status == "passed" for decision in decisions):
            return None
        pairs = max(decision.n for decision in decisions)
        outcome = "failed" if any(decision.status == "failed" for decision in decisions) else "passed"
        return f"decided early: the gate {outcome} after {pairs} pairs"


def _pairs(gate: GateSpec, gates: tuple[GateSpec, ...], rows: list[Measurement]) -> list[Sequential]:
    rows = narrow(rows, gate.slice)
    labels = labels_of(gate, gates, rows)
    return [
        Sequential({row.case_id for row in b_rows}, a=a, b=b, margin=gate.margin or 0.0, confidence=gate.confidence)
        for a, b, _, b_rows in pairs_of_variants(rows, gate.against or "")
        if b in labels
    ]


def _placeholder(test: PlannedTest) -> Measurement:
    """A planned test as a measurement without an outcome: what pairing and slices need to know."""
    trial = test.trials[0]
    case, variant = trial.case, trial.variant
    return Measurement(
        suite=trial.suite,
        suite_path=trial.suite_path,
        case_id=case.id,
        case_digest=case.digest,
        variant=variant.name,
        cell=variant.cell,
        label=variant.label,
        model=variant.model,
        repeat=0,
        status="skip",
        tags=case.tags,
    )


class EarlyStops:
    """Every suite of a session that may stop early, by its path. ``elsewhere`` brings what other processes measured since it was last asked."""

    def __init__(self, plans: Iterable[SuitePlan], *, elsewhere: Callable[[], Iterable[Result]] = list) -> None:
        self._elsewhere = elsewhere
        self._suites = {
            plan.spec.path: EarlyStop(plan) for plan in plans if any(gate.sequential for gate in plan.spec.gates)
        }

    def __bool__(self) -> bool:
        return bool(self._suites)

    def place(self, test: PlannedTest) -> tuple[str, str] | None:
        """Where ``test`` stands among those of its suite; None if the suite's own order stands. All variants of a case stand together."""
        trial = test.trials[0]
        return (trial.suite_path, place(trial.case.id)) if trial.suite_path in self._suites else None

    def heard(self, results: Iterable[Result]) -> None:
        """Take note of what was measured."""
        for result in results:
            suite = self._suites.get(result.trial.suite_path)
            if suite is not None and not result.pending:
                suite.heard(result.measurement())

    def left_out(self, test: PlannedTest) -> None:
        """Take note that ``test`` was skipped by somebody else."""
        suite = self._suites.get(test.trials[0].suite_path)
        if suite is not None:
            suite.left_out(test)

    def reason(self, test: PlannedTest) -> str | None:
        """Why ``test`` need not be asked; None if it must be."""
        suite = self._suites.get(test.trials[0].suite_path)
        if suite is None:
            return None
        self.heard(self._elsewhere())
        return suite.reason
