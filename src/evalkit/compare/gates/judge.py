"""Judging the gates of a suite: which variants each concerns, what it found, and what its neighbours make of that."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from evalkit.compare.compare import pairs_of_variants
from evalkit.compare.gates.compared import gate_facts
from evalkit.compare.gates.contest import Contest
from evalkit.compare.gates.early import judge_early
from evalkit.compare.gates.family import corrected_together
from evalkit.compare.gates.finding import Finding, measured
from evalkit.compare.gates.rate import judge_rate
from evalkit.compare.gates.ratio import judge_ratio
from evalkit.compare.gates.score import judge_mean_score, judge_score
from evalkit.compare.gates.single import judge_at_least, judge_budget, judge_must_pass, nothing_run
from evalkit.compare.slices import narrow
from evalkit.compare.stored import StoredBaseline
from evalkit.model.results import GateOutcome

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from evalkit.model.calls import JSON
    from evalkit.model.results import Measurement
    from evalkit.suites.spec import GateSpec

PAIRED = frozenset({"no_regression", "better_than"})


@dataclass(frozen=True, slots=True)
class SuiteGates:
    """The gates of one suite with what they are judged by.

    ``measurements`` may hold those of other suites too. ``planned`` counts the suite's trials: all its cases, variants and repeats.
    With ``partial`` nothing is judged, because a rule about a suite says nothing about a part of it. ``stored`` is what gates against
    the stored baseline are judged by; without it they are undecided.
    """

    gates: Sequence[GateSpec]
    measurements: Sequence[Measurement]
    suite: str
    suite_path: str
    planned: int
    partial: bool = False
    stored: StoredBaseline | None = None

    @property
    def rows(self) -> list[Measurement]:
        """The measurements of this suite."""
        return [row for row in self.measurements if row.suite_path == self.suite_path]


@dataclass(frozen=True, slots=True)
class _Judged:
    """A gate, the label of the variant it was judged for, and what was found."""

    suite: SuiteGates
    gate: GateSpec
    label: str
    finding: Finding


def judge_run(suites: Sequence[SuiteGates]) -> tuple[GateOutcome, ...]:
    """Judge every gate of a run for every variant it concerns, suite by suite in the order of the gates.

    A failing test stands only if it survives Holm's correction over all tests of the run; too many errors, unpaired cases or missing
    results leave a gate undecided. Raises ValueError for a gate that no suite can hold.
    """
    judged = [one for suite in suites for one in _judged(suite)]
    return tuple(
        GateOutcome(
            gate=one.gate.text,
            suite=one.suite.suite,
            suite_path=one.suite.suite_path,
            variant=one.label,
            status=one.finding.status,
            reason=one.finding.reason,
            numbers={**_facts(one), **one.finding.numbers},
            line=one.gate.where.line,
        )
        for one in _settled(_corrected(judged))
    )


def _facts(one: _Judged) -> dict[str, JSON]:
    stored = one.suite.stored if one.gate.stored else None
    return gate_facts(one.gate) | ({"baseline_run": stored.run_id} if stored is not None else {})


def _judged(suite: SuiteGates) -> list[_Judged]:
    rows = suite.rows
    found = []
    for gate in suite.gates:
        # A gate about a model concerns the variants that ask it, and no others.
        asked = narrow(rows, gate.slice) if "model:" in (gate.slice or "") else rows
        findings = _not_judged(suite, gate, asked) if suite.partial else _findings(suite, gate, asked)
        found += [_Judged(suite, gate, label, finding) for label, finding in findings]
    return found


def labels_of(gate: GateSpec, gates: Sequence[GateSpec], rows: Sequence[Measurement]) -> list[str]:
    """The labels a gate concerns: of its variant, or of every variant that no gate compares against."""
    baselines = {other.against for other in gates}
    return list(
        dict.fromkeys(
            row.label for row in rows if (row.variant == gate.variant if gate.variant else row.variant not in baselines)
        )
    )


def _not_judged(suite: SuiteGates, gate: GateSpec, rows: Sequence[Measurement]) -> list[tuple[str, Finding]]:
    run = f"{len(suite.rows)} of {suite.planned} trials were run"
    text = f"{run}, and a gate is about all of them; run the whole suite to judge it"
    finding = Finding("not_judged", "", text, {"trials": len(suite.rows), "planned": suite.planned})
    return [(label, finding) for label in labels_of(gate, suite.gates, rows) or [gate.variant or ""]]


def _findings(suite: SuiteGates, gate: GateSpec, rows: Sequence[Measurement]) -> list[tuple[str, Finding]]:
    labels = labels_of(gate, suite.gates, rows)
    if not labels:
        return [(gate.variant or "", nothing_run(gate))]
    if gate.stored:
        return [(label, _against_stored(gate, rows, label, suite.stored)) for label in labels]
    if gate.kind in PAIRED:
        return [found for label in labels for found in _paired(gate, rows, label)]
    judge = {"at_least": judge_at_least, "must_pass": judge_must_pass, "budget": judge_budget}[gate.kind]
    if gate.scored is not None:
        judge = judge_mean_score
    narrowed = narrow(rows, gate.slice)
    return [(label, _alone(gate, judge, [row for row in narrowed if row.label == label])) for label in labels]


def _alone(
    gate: GateSpec, judge: Callable[[GateSpec, Sequence[Measurement]], Finding], rows: Sequence[Measurement]
) -> Finding:
    found = judge(gate, rows)
    if gate.errors == "fail" or not any(row.status == "error" for row in rows):
        return found
    return judge(gate, measured(rows)).beside(found)


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
        return Finding("undecided", "", stored.missing(label), {"n": 0, "no_baseline": not stored.rows})
    return _contested(gate, a_rows, b_rows, names=("the baseline", b_rows[0].variant))


def _contested(
    gate: GateSpec, a_rows: Sequence[Measurement], b_rows: Sequence[Measurement], *, names: tuple[str, str]
) -> Finding:
    everything = [*a_rows, *b_rows]
    a, b = narrow(a_rows, gate.slice, among=everything), narrow(b_rows, gate.slice, among=everything)
    if gate.sequential:
        return judge_early(gate, a, b, names=names)
    contest = Contest.between(gate, a, b, names=names)
    if gate.scored is not None:
        return judge_score(contest)
    if gate.metric != "pass_rate":
        return judge_ratio(contest)
    found = judge_rate(contest)
    if gate.errors == "fail" or not contest.before.errors + contest.after.errors:
        return found
    return judge_rate(Contest.between(gate, measured(a), measured(b), names=names)).beside(found)


def _corrected(judged: list[_Judged]) -> list[_Judged]:
    findings = corrected_together([(one.gate, one.finding) for one in judged])
    return [replace(one, finding=finding) for one, finding in zip(judged, findings, strict=True)]


def _settled(judged: list[_Judged]) -> list[_Judged]:
    """Weigh in what is missing: by accident, or because another gate of the suite was decided early."""
    stopped = {one.suite.suite_path for one in judged if one.finding.early}
    return [one if one.suite.partial else _weighed(one, stopped=one.suite.suite_path in stopped) for one in judged]


def _weighed(one: _Judged, *, stopped: bool) -> _Judged:
    finding, planned = one.finding, one.suite.planned
    missing = planned - len(one.suite.rows)
    if missing > 0 and finding.early:
        finding = replace(finding, conclusion=f"{finding.conclusion}; {missing} of {planned} trials were never asked")
    elif missing > 0 and stopped and not finding.certain:
        text = f"not judged: the suite stopped with {missing} of {planned} trials left, because another gate was decided early"
        finding = replace(finding, status="not_judged", conclusion=text)
    elif missing > 0:
        doubt = f"{missing} of {planned} planned trials of this suite have no result: run again, only they will be paid"
        finding = replace(finding, doubts=(*finding.doubts, doubt))
    return replace(one, finding=finding.doubted())
