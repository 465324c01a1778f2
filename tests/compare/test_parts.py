"""The fast road for single runs says what the slow road says, whatever the trials look like."""

from __future__ import annotations

from compare_rows import row
from hypothesis import given
from hypothesis import strategies as st

from evalkit.compare.compare import compare
from evalkit.compare.pair import pair
from evalkit.compare.parts import _counted, _paired, part_metrics
from evalkit.compare.values import Side

VERDICTS = st.lists(
    st.tuples(
        st.sampled_from(["contains", "pii", "rubric"]),
        st.sampled_from(["content", "safety"]),
        st.sampled_from(["pass", "fail", "error", "skip"]),
        st.sampled_from(["fail", "warn"]),
    ),
    max_size=4,
)
TRIALS = st.lists(st.tuples(st.sampled_from("PFES"), VERDICTS), min_size=1, max_size=12)


def rows(trials, variant: str):
    return [row(f"c{i}", letter, variant=variant, checks=tuple(checks)) for i, (letter, checks) in enumerate(trials)]


@given(TRIALS, TRIALS)
def test_counting_kinds_of_trials_loses_nothing(before, after):
    """Errors without verdicts, skipped checks, warnings and checks on one side only: the same tables."""
    a, b = rows(before, "a"), rows(after, "b")
    cases = pair(a, b).cases
    slow = _paired(
        [trial for case in cases for trial in case.a], [trial for case in cases for trial in case.b], 0.95, checks=True
    )
    assert _counted(cases, 0.95, checks=True) == slow


def test_repeats_take_the_other_road():
    """With repeats a family's interval rests on effective counts."""
    checks = (("contains", "content", "pass", "fail"),)
    a = [row(f"c{i}", variant="a", repeat=k, checks=checks) for i in range(6) for k in range(3)]
    b = [row(f"c{i}", variant="b", repeat=k, checks=checks) for i in range(6) for k in range(3)]
    (found,) = part_metrics(pair(a, b).cases, a, b, confidence=0.95, margin=None)
    assert found.name == "pass_rate(family:content)"
    assert found.interval.method == "score on effective counts"


def test_checks_one_by_one():
    """Asked for, every check has a line: the one that broke is found."""
    fine, broke = ("json", "shape", "pass", "fail"), ("pii", "safety", "fail", "fail")
    a = [row(f"c{i}", variant="a", checks=(fine, ("pii", "safety", "pass", "fail"))) for i in range(20)]
    b = [row(f"c{i}", "F", variant="b", checks=(fine, broke)) for i in range(20)]
    found = compare(a, b, a_side=Side("a", "a"), b_side=Side("b", "b"), suite="refunds", checks=True)
    words = {metric.name: metric.word for metric in found.metrics}
    assert words["pass_rate(check:pii)"] == "worse"
    assert words["pass_rate(check:json)"] == "no clear difference"
