"""What a run as a whole says, and how its numbers are worded."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evalkit.report import wording
from evalkit.report.wording import outcome


@pytest.fixture
def clean_run(report):
    """The sample run, with everything measured and passed."""
    variants = tuple(replace(v, errors=0, missing=0, failed=0) for v in report.variants)
    gates = tuple(replace(gate, status="passed") for gate in report.gates)
    return replace(report, variants=variants, gates=gates)


def _with_gate(report, status):
    return replace(report, gates=(replace(report.gates[0], status=status), *report.gates[1:]))


def test_gates_decide(clean_run):
    """One failed gate fails the run, one undecided gate leaves it undecided, failed before undecided."""
    assert outcome(clean_run) == "passed"
    assert outcome(_with_gate(clean_run, "undecided")) == "undecided"
    assert outcome(_with_gate(clean_run, "failed")) == "failed"
    both = replace(
        clean_run, gates=(replace(clean_run.gates[0], status="failed"), replace(clean_run.gates[1], status="undecided"))
    )
    assert outcome(both) == "failed"


def test_with_gates_a_failing_case_alone_does_not_fail_the_run(clean_run):
    """Gates decide the session; without gates, or with none judged, every failing case counts."""
    failing = replace(clean_run, variants=(replace(clean_run.variants[0], failed=1), *clean_run.variants[1:]))
    assert outcome(failing) == "passed"
    assert outcome(replace(failing, gates=())) == "failed"
    assert outcome(replace(failing, gates=tuple(replace(g, status="not_judged") for g in failing.gates))) == "failed"


def _with_gap(report, **gap):
    return replace(report, variants=(replace(report.variants[0], **gap), *report.variants[1:]))


def test_failing_to_measure_is_neither_pass_nor_fail(clean_run):
    """A missing trial or an interrupted run comes before any gate, an error before anything but a failed gate."""
    failed = _with_gate(clean_run, "failed")
    assert outcome(_with_gap(failed, missing=1)) == "unmeasured"
    assert outcome(replace(failed, run=replace(failed.run, complete=False))) == "unmeasured"
    assert outcome(_with_gap(_with_gate(clean_run, "undecided"), errors=1)) == "unmeasured"
    assert outcome(_with_gap(clean_run, errors=1)) == "unmeasured"
    assert outcome(_with_gap(failed, errors=1)) == "failed"


def test_what_the_harness_decided_is_final(clean_run):
    """The report never contradicts the exit code, and does not say the word twice."""
    decided = replace(clean_run, outcome="failed", verdict="FAILED: 3 of 40 tests failed")
    assert outcome(decided) == "failed"
    assert wording.sentence(decided) == "3 of 40 tests failed"


def test_a_tally_hides_nothing(report):
    """Errors, skips and missing trials are in the denominator."""
    variant = replace(report.variants[0], passed=47, failed=1, errors=1, skipped=1, missing=2)
    assert wording.tally(variant) == "47/52 (errors 1, skipped 1, missing 2)"


@pytest.mark.parametrize(
    ("worded", "text"),
    [
        (wording.money(None), "unknown"),
        (wording.money(0), "$0"),
        (wording.money(0.00042), "$0.00042"),
        (wording.money(0.0000042), "$4.2e-06"),
        (wording.money(1234.5), "$1,234.50"),
        (wording.seconds(None), "unknown"),
        (wording.seconds(0.0421), "42 ms"),
        (wording.seconds(125), "2 min 5 s"),
        (wording.percent(0.9399), "94.0%"),
        (wording.points(-0.0204), "−2.0 pp"),
        (wording.points(0.0001), "0.0 pp"),
        (wording.ratio(0.9), "×0.90"),
        (wording.ratio(None), "unknown"),
        (wording.count(12345), "12,345"),
        (wording.plural(1, "case"), "1 case"),
        (wording.plural(1200, "case"), "1,200 cases"),
    ],
)
def test_numbers_read_well(worded, text):
    """Unknown is never 0, and digits are those that matter."""
    assert worded == text
