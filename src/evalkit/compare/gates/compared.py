"""The gates of a comparison: those of the candidate's run that speak about it, and one made of a margin that a user names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalkit.compare import words
from evalkit.compare.estimate import change_of
from evalkit.compare.gates.contest import Contest
from evalkit.compare.gates.family import corrected_together
from evalkit.compare.gates.rate import judge_change
from evalkit.compare.gates.single import nothing_run
from evalkit.compare.values import names_of
from evalkit.errors import Where
from evalkit.model.results import GateOutcome
from evalkit.suites.spec import GateSpec

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from evalkit.compare.evidence import Evidence
    from evalkit.compare.values import Side
    from evalkit.config import OnUndecided
    from evalkit.model.calls import JSON

ALONE = frozenset({"at_least", "must_pass", "budget"})
"""The kinds of gates that are about one side."""


def gate_facts(gate: GateSpec) -> dict[str, JSON]:
    """What a gate is about, for the numbers of its outcome: ``kind``, ``metric``, ``slice``, ``against`` and ``confidence``."""
    return {
        "kind": gate.kind,
        "metric": gate.metric if gate.kind != "budget" else f"{gate.stat}({gate.metric})",
        "slice": gate.slice,
        "against": gate.against,
        "confidence": gate.confidence,
    }


def gates_about(a: Side, b: Side, outcomes: Iterable[GateOutcome], *, suite: str) -> tuple[GateOutcome, ...]:
    """Those ``outcomes`` of the candidate's run that are about ``b`` alone, or about ``b`` against ``a``.

    A gate against a variant speaks of two variants of one run; a gate against the stored baseline of the run that was one.
    """
    return tuple(outcome for outcome in outcomes if outcome.suite == suite and _is_about(outcome, a, b))


def _is_about(outcome: GateOutcome, a: Side, b: Side) -> bool:
    numbers = outcome.numbers
    if outcome.variant not in {b.label, f"{b.label} against {a.label}"} or "kind" not in numbers:
        return False
    if numbers["kind"] in ALONE:
        return True
    if "baseline_run" in numbers:
        return a.run_id is not None and numbers["baseline_run"] == a.run_id
    return numbers["against"] == a.variant and a.run_id == b.run_id


@dataclass(frozen=True, slots=True)
class Counted:
    """Two sides of a suite and what was counted of them."""

    suite: str
    a: Side
    b: Side
    found: Evidence


def judge_margin(sides: Sequence[Counted], *, margin: float, confidence: float) -> list[GateOutcome]:
    """``no_regression`` with ``margin`` (in rate units), judged for each of ``sides`` and corrected over them, as gates of one run are."""
    text = f"no_regression: {{margin: {words.size(margin).replace(' ', '')}}}"
    gate = GateSpec("no_regression", text, Where("--margin"), margin=margin, confidence=confidence)
    judged = []
    for one in sides:
        change = change_of(one.found.table.passes(), confidence)
        contest = Contest.counted(gate, one.found, names=names_of(one.a, one.b))
        judged.append((gate, nothing_run(gate) if change is None else judge_change(contest, change)))
    settled = (finding.doubted() for finding in corrected_together(judged))
    return [
        GateOutcome(
            gate=text,
            suite=one.suite,
            suite_path="",
            variant=one.b.label,
            status=finding.status,
            reason=finding.reason,
            numbers={**gate_facts(gate), **finding.numbers},
        )
        for one, finding in zip(sides, settled, strict=True)
    ]


def gates_code(outcomes: Iterable[GateOutcome], *, on_undecided: OnUndecided = "fail") -> int:
    """What gates alone mean for CI: 1 if one failed, else 10 if one is undecided, else 0. As ``on_undecided`` of the project says."""
    first = on_undecided == "allow_no_baseline"
    statuses = {outcome.status for outcome in outcomes if not (first and outcome.numbers.get("no_baseline"))}
    if "failed" in statuses:
        return 1
    return 10 if "undecided" in statuses and on_undecided != "warn" else 0
