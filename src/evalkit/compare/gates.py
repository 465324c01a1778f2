"""Judging the gates of a suite: which variants each concerns, what it found, and what its neighbours make of that."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from evalkit.compare import words
from evalkit.compare.compare import pairs_of_variants
from evalkit.compare.contest import Contest
from evalkit.compare.finding import Finding
from evalkit.compare.gate_rate import judge_rate
from evalkit.compare.gate_ratio import judge_ratio
from evalkit.compare.gate_single import judge_at_least, judge_budget, judge_must_pass, nothing_run
from evalkit.compare.intervals import clopper_pearson, critical_z
from evalkit.compare.multiplicity import holm
from evalkit.compare.sizes import feasible_margin, min_cases, min_cases_at_least
from evalkit.compare.slices import narrow
from evalkit.compare.stored import StoredBaseline
from evalkit.errors import SuiteError
from evalkit.model.results import GateOutcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalkit.model.results import Measurement
    from evalkit.suites.spec import GateSpec

PAIRED = frozenset({"no_regression", "better_than"})


@dataclass(frozen=True, slots=True)
class _Judged:
    """A gate, the label of the variant it was judged for, and what was found."""

    gate: GateSpec
    label: str
    finding: Finding


def judge_gates(
    gates: Sequence[GateSpec],
    measurements: Sequence[Measurement],
    *,
    suite: str,
    suite_path: str,
    planned: int,
    partial: bool = False,
    stored: StoredBaseline | None = None,
) -> tuple[GateOutcome, ...]:
    """Judge every gate of one suite for every variant it concerns, in the order of the gates.

    ``planned`` counts the suite's trials: all its cases, variants and repeats. ``stored`` is what gates against the stored baseline
    are judged by; without it they are undecided. With ``partial`` nothing is judged, because a rule
    about a suite says nothing about a part of it. A failing test stands only if it survives Holm's correction over the suite's
    tests; too many errors, unpaired cases or missing results leave a gate undecided. Raises ValueError for a gate that no suite can hold.
    """
    rows = [row for row in measurements if row.suite_path == suite_path]
    judged = [
        _Judged(gate, label, finding)
        for gate in gates
        for label, finding in (
            _not_judged(gate, gates, rows, planned) if partial else _findings(gate, gates, rows, stored)
        )
    ]
    if not partial:
        judged = [_settled(one, missing=planned - len(rows), planned=planned) for one in _corrected(judged)]
    return tuple(
        GateOutcome(
            gate=one.gate.text,
            suite=suite,
            suite_path=suite_path,
            variant=one.label,
            status=one.finding.status,
            reason=one.finding.reason,
            numbers=dict(one.finding.numbers),
            line=one.gate.where.line,
        )
        for one in judged
    )


def _labels(gate: GateSpec, gates: Sequence[GateSpec], rows: Sequence[Measurement]) -> list[str]:
    """The labels a gate concerns: of its variant, or of every variant that no gate compares against."""
    baselines = {other.against for other in gates}
    return list(
        dict.fromkeys(
            row.label for row in rows if (row.variant == gate.variant if gate.variant else row.variant not in baselines)
        )
    )


def _not_judged(
    gate: GateSpec, gates: Sequence[GateSpec], rows: Sequence[Measurement], planned: int
) -> list[tuple[str, Finding]]:
    text = f"{len(rows)} of {planned} trials were run, and a gate is about all of them; run the whole suite to judge it"
    finding = Finding("not_judged", "", text, {"trials": len(rows), "planned": planned})
    return [(label, finding) for label in _labels(gate, gates, rows) or [gate.variant or ""]]


def _findings(
    gate: GateSpec, gates: Sequence[GateSpec], rows: Sequence[Measurement], stored: StoredBaseline | None
) -> list[tuple[str, Finding]]:
    labels = _labels(gate, gates, rows)
    if not labels:
        return [(gate.variant or "", nothing_run(gate))]
    if gate.stored:
        return [(label, _against_stored(gate, rows, label, stored)) for label in labels]
    if gate.kind in PAIRED:
        return [found for label in labels for found in _paired(gate, rows, label)]
    judge = {"at_least": judge_at_least, "must_pass": judge_must_pass, "budget": judge_budget}[gate.kind]
    narrowed = narrow(rows, gate.slice)
    return [(label, judge(gate, [row for row in narrowed if row.label == label])) for label in labels]


def _paired(gate: GateSpec, rows: Sequence[Measurement], label: str) -> list[tuple[str, Finding]]:
    """One finding per baseline that ``label`` is paired with; usually one."""
    pairs = [pair for pair in pairs_of_variants(rows, gate.against or "") if pair[1] == label]
    if not pairs:
        text = f"no baseline: the variant {gate.against!r} has no results to compare {label} with; run both"
        return [(label, Finding("undecided", "", text, {"n": 0}))]
    found = []
    for base, _, a_rows, b_rows in pairs:
        finding = _contested(gate, a_rows, b_rows, names=(a_rows[0].variant, b_rows[0].variant))
        found.append((label if len(pairs) == 1 else f"{label} against {base}", finding))
    return found


def _against_stored(gate: GateSpec, rows: Sequence[Measurement], label: str, stored: StoredBaseline | None) -> Finding:
    b_rows = [row for row in rows if row.label == label]
    stored = stored or StoredBaseline("", problem="none was looked for")
    a_rows = stored.beside(b_rows)
    if not a_rows:
        return Finding("undecided", "", stored.missing(label), {"n": 0})
    return _contested(gate, a_rows, b_rows, names=("the baseline", b_rows[0].variant))


def _contested(
    gate: GateSpec, a_rows: Sequence[Measurement], b_rows: Sequence[Measurement], *, names: tuple[str, str]
) -> Finding:
    everything = [*a_rows, *b_rows]
    a, b = narrow(a_rows, gate.slice, among=everything), narrow(b_rows, gate.slice, among=everything)
    contest = Contest.between(gate, a, b, names=names)
    return judge_rate(contest) if gate.metric == "pass_rate" else judge_ratio(contest)


def _corrected(judged: list[_Judged]) -> list[_Judged]:
    """Holm's correction on the failing side: of many gates over an unchanged prompt, one would fail by chance too often."""
    tests = [one for one in judged if one.finding.fail_p is not None]
    adjusted = iter(holm([one.finding.fail_p for one in tests if one.finding.fail_p is not None]))
    return [one if one.finding.fail_p is None else _with_family(one, next(adjusted), len(tests)) for one in judged]


def _with_family(one: _Judged, adjusted: float, size: int) -> _Judged:
    finding = one.finding
    numbers = {**finding.numbers, "p_adjusted": adjusted, "family_size": size}
    finding = replace(finding, numbers=numbers)
    if finding.status == "failed" and adjusted > (1.0 - one.gate.confidence) / 2.0:
        text = (
            f"alone it would fail ({finding.conclusion}), but of {size} gates judged together one looks like this by chance too "
            f"often (corrected one-sided {words.p_value(adjusted)}); more cases would decide it"
        )
        finding = replace(finding, status="undecided", conclusion=text)
    return replace(one, finding=finding)


def _settled(one: _Judged, *, missing: int, planned: int) -> _Judged:
    finding = one.finding
    if missing > 0:
        doubt = f"{missing} of {planned} planned trials of this suite have no result: run again, only they will be paid"
        finding = replace(finding, doubts=(*finding.doubts, doubt))
    return replace(one, finding=finding.doubted())


def feasibility(gates: Sequence[GateSpec], *, cases: Mapping[str | None, int]) -> list[SuiteError]:
    """Say which gates cannot pass with the cases there are, before anything is spent.

    ``cases`` counts the independent cases of each slice that a gate names (clusters, where cases have them); None is the whole suite,
    and stands in for a slice that is not listed. A gate with ``allow_infeasible`` is left alone.
    """
    problems = []
    for gate in gates:
        n = cases.get(gate.slice, cases.get(None, 0))
        hint = None if gate.allow_infeasible or gate.metric != "pass_rate" else _impossible(gate, n)
        if hint is not None:
            best = {"no_regression": "nothing changes", "at_least": "all pass"}.get(gate.kind, "all of them are fixed")
            text = f"the gate {gate.text!r} cannot pass with {words.number_of(n, 'case')} even if {best}"
            problems.append(SuiteError(text, hint=f"{hint}, or set allow_infeasible: true", where=gate.where))
    return problems


def _impossible(gate: GateSpec, n: int) -> str | None:
    """What would make the gate possible; None if it is."""
    if gate.kind == "at_least":
        return _impossible_rate(gate, n)
    margin = gate.margin or 0.0
    if gate.kind == "no_regression":
        needed = min_cases(margin, gate.confidence)
        if n >= needed:
            return None
        smallest = math.floor(feasible_margin(n, gate.confidence) * 1000 + 1) / 10
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
