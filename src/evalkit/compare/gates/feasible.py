"""Which gates cannot pass with the cases there are, found before anything is spent."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from evalkit.compare import words
from evalkit.compare.gates.sequential import last_confidence
from evalkit.compare.statistics.intervals import clopper_pearson, critical_z
from evalkit.compare.statistics.sizes import feasible_margin, min_cases, min_cases_at_least
from evalkit.errors import SuiteError
from evalkit.suites.gate_kinds import BOTH

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalkit.suites.spec import GateSpec


def feasibility(gates: Sequence[GateSpec], *, cases: Mapping[str | None, int]) -> list[SuiteError]:
    """Say which gates cannot pass with the cases there are, before anything is spent.

    ``cases`` counts the independent cases of each slice that a gate names (clusters, where cases have them); None is the whole suite,
    and stands in for a slice that is not listed. A gate with ``allow_infeasible`` is left alone.
    """
    problems = []
    for gate in gates:
        n = cases.get(gate.slice, cases.get(None, 0))
        hint = None if gate.allow_infeasible or not _bounded(gate) else _impossible(gate, n)
        if hint is not None:
            best = {"no_regression": "nothing changes", "at_least": "all pass"}.get(gate.kind, "all of them are fixed")
            text = f"the gate {gate.text!r} cannot pass with {words.number_of(n, 'case')} even if {best}"
            problems.append(SuiteError(text, hint=f"{hint}, or set allow_infeasible: true", where=gate.where))
    return problems


def _bounded(gate: GateSpec) -> bool:
    """Whether the gate is about a mean in [0, 1], whose interval has a width that no data can undercut."""
    return gate.metric == "pass_rate" or gate.scored is not None


def early_problems(gates: Sequence[GateSpec], *, repeats: int, clustered: bool) -> list[SuiteError]:
    """Say which ``sequential`` gates the suite cannot have: deciding early knows single runs of cases that stand alone."""
    problems = []
    for gate in gates:
        if not gate.sequential:
            continue
        why = []
        if repeats > 1:
            why.append(f"the suite has {repeats} repeats: write repeats: 1, or leave sequential out")
        if clustered:
            why.append("cases have clusters: leave sequential out")
        parts = gate.slice.split(BOTH) if gate.slice is not None else []
        if not all(part.startswith(("tag:", "model:")) for part in parts):
            why.append(
                f"{gate.slice} is known only once a case was judged: slice by tag or model, or leave sequential out"
            )
        problems += [
            SuiteError(f"the gate {gate.text!r} cannot decide early", hint=hint, where=gate.where) for hint in why
        ]
    return problems


def _impossible(gate: GateSpec, n: int) -> str | None:
    """What would make the gate possible; None if it is."""
    if gate.kind == "at_least":
        return _impossible_rate(gate, n)
    margin = gate.margin or 0.0
    if gate.kind == "no_regression":
        confidence = last_confidence(gate.confidence) if gate.sequential else gate.confidence
        needed = min_cases(margin, confidence)
        if n >= needed:
            return None
        smallest = math.floor(feasible_margin(n, confidence) * 1000 + 1) / 10
        return f"use {needed} cases or more, or a margin of {words.plain(smallest)} pp or more"
    if gate.kind == "better_than":
        needed = (
            math.floor(critical_z(gate.confidence) ** 2 * margin / (1.0 - margin)) + 1
        )  # every case fixed: n/(n+z²)
        return None if n >= needed else f"use {needed} cases or more"
    return None


def _impossible_rate(gate: GateSpec, n: int) -> str | None:
    if gate.value >= 1.0:
        return "no number of cases can show more than 100%: write == 1 if every trial must pass"
    needed = min_cases_at_least(gate.value, gate.confidence)
    if n >= needed:
        return None
    if n == 0:
        return f"use {needed} cases or more"
    highest = math.ceil(clopper_pearson(n, n, gate.confidence).lower * 1000 - 1) / 10
    return f"use {needed} cases or more, or a threshold of {words.plain(highest)}% or less"
