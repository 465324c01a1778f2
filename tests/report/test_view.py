"""What the page places where: gates by urgency, everything of a suite together."""

from __future__ import annotations

from dataclasses import replace

from evalkit.model.calls import CallFailure
from evalkit.report.page.view import page_view


def test_every_gate_is_in_full_or_behind_a_line(report):
    """Failed before undecided in full; the others by status; none is lost and none is there twice."""
    view = page_view(report)
    assert [gate.outcome.status for gate in view.urgent] == ["failed", "undecided"]
    folded = {status: [gate.outcome for gate in gates] for status, gates in view.folded}
    assert set(folded) == {"passed"}
    shown = [gate.outcome for gate in view.urgent] + folded["passed"]
    assert sorted(gate.gate for gate in shown) == sorted(gate.gate for gate in report.gates)


def test_gates_of_a_partial_run_are_folded_as_not_judged(report):
    """A run of three cases does not begin with a list of gates that say nothing."""
    gates = tuple(replace(gate, status="not_judged") for gate in report.gates)
    view = page_view(replace(report, gates=gates))
    assert view.urgent == ()
    assert [(status, len(found)) for status, found in view.folded] == [("not_judged", len(gates))]


def test_a_gate_says_what_it_was_judged_on(report):
    """Passed of trials where both are known, paired cases for a comparison, else trials; nothing where it does not say."""
    kinds = (
        ({"n": 80, "passed": 79, "trials": 160}, "79/160 trials"),
        ({"n": 80, "trials_a": 160, "trials_b": 160}, "80 paired cases"),
        ({"n": 300}, "300 trials"),
        ({}, ""),
    )
    gates = tuple(replace(report.gates[0], numbers=numbers, status="failed") for numbers, _ in kinds)
    assert [gate.basis for gate in page_view(replace(report, gates=gates)).urgent] == [basis for _, basis in kinds]


def test_a_suite_has_its_own_gates_comparisons_and_variants(report):
    """Each is in the section of its suite and in no other; a suite that only a gate names has a section too."""
    stray = replace(report.gates[0], suite="stray")
    refunds, topics, other = page_view(replace(report, gates=(*report.gates, stray))).suites
    assert [suite.name for suite in (refunds, topics, other)] == ["refund-replies", "ticket-topics", "stray"]
    assert [len(suite.gates) for suite in (refunds, topics, other)] == [4, 0, 1]
    assert [len(suite.comparisons) for suite in (refunds, topics, other)] == [1, 0, 0]
    assert [len(suite.variants) for suite in (refunds, topics, other)] == [2, 1, 0]
    assert refunds.passed_gates == 2


def test_what_could_not_be_measured_says_why(report):
    """The kinds of failure stand beside the number, the most frequent first."""
    gaps = page_view(report).unmeasured
    failed = [result for result in report.results if isinstance(result.reply, CallFailure)]
    assert failed
    kind = failed[0].reply.kind.replace("_", " ")
    assert any(f"could not be measured ({kind} " in gap for gap in gaps)


def test_a_race_is_not_a_selection(report):
    """What a race left out was not left out by whoever started it."""
    partial = replace(report, run=replace(report.run, partial=True))
    assert "Only part of the suites' cases was selected" in page_view(partial).unmeasured[0]
    raced = replace(partial, gates=(replace(report.gates[0], gate="race of 3 variants"),))
    assert "The race left out" in page_view(raced).unmeasured[0]
