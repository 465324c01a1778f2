"""A paired gate that may be decided before all its cases have run."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from evalkit.compare import words
from evalkit.compare.gates.contest import Contest
from evalkit.compare.gates.rate import judge_rate
from evalkit.compare.gates.sequential import EARLY_SHARE, decided, last_confidence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.compare.gates.finding import Finding
    from evalkit.compare.gates.sequential import Decision
    from evalkit.model.results import Measurement
    from evalkit.suites.spec import GateSpec


def judge_early(
    gate: GateSpec, a: Sequence[Measurement], b: Sequence[Measurement], *, names: tuple[str, str]
) -> Finding:
    """Judge a ``sequential`` gate: by the first pairs that decided it, or by all of them at a confidence that has paid for looking.

    The answer is the same whether it is asked while the cases come in or afterwards.
    """
    if gate.margin is None:
        raise ValueError(f"the gate {gate.text!r} has no margin")
    last = replace(gate, confidence=last_confidence(gate.confidence))
    if a and b:
        looks = decided((*a, *b), a=a[0].label, b=b[0].label, margin=gate.margin, confidence=gate.confidence)
        if looks.decision is not None:
            seen = set(looks.seen)
            a, b = ([row for row in side if row.case_id in seen] for side in (a, b))
            return _early(Contest.between(gate, a, b, names=names), looks.decision)
    finding = judge_rate(Contest.between(last, a, b, names=names))
    if finding.fail_p is None:
        return finding
    return replace(finding, fail_p=min(1.0, finding.fail_p / (1.0 - EARLY_SHARE)))


def _early(contest: Contest, decision: Decision) -> Finding:
    facts = (
        f"after {words.number_of(decision.n, 'pair')} {decision.broken} broken and {decision.fixed} fixed, evidence "
        f"{decision.e:,.0f} to 1 {contest.coverage}"
    )
    text = f"decided early: {contest.b_name} is worse than {contest.a_name}"
    if decision.status == "passed":
        text = f"decided early: a drop of {words.size(contest.margin)} or more is ruled out"
    numbers = {"looked_at": decision.n, "fixed": decision.fixed, "broken": decision.broken, "e": decision.e}
    finding = contest.finding(
        decision.status, facts, text, numbers=numbers, fail_p=1.0 / decision.e if decision.status == "failed" else 1.0
    )
    return replace(finding, early=True)
