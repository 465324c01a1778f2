"""The parts of a pass rate are counted by kinds of cases, and that says what going through them one by one says."""

from __future__ import annotations

from compare_rows import row
from hypothesis import given
from hypothesis import strategies as st

from evalkit.compare.compare import compare
from evalkit.compare.estimate import change_of, rate_change
from evalkit.compare.kinds import CaseTable
from evalkit.compare.metric import part_metrics
from evalkit.compare.pair import pair
from evalkit.compare.slices import narrow
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
TRIALS = st.lists(
    st.tuples(
        st.lists(st.tuples(st.sampled_from("PFES"), VERDICTS), min_size=1, max_size=3),
        st.sampled_from([None, "x", "y"]),
    ),
    min_size=1,
    max_size=10,
)


def rows(cases, variant: str, clusters):
    return [
        row(
            f"c{i}",
            letter,
            variant=variant,
            repeat=k,
            checks=tuple(checks),
            cluster=clusters[i] if i < len(clusters) else None,
        )
        for i, (trials, _) in enumerate(cases)
        for k, (letter, checks) in enumerate(trials)
    ]


@given(TRIALS, TRIALS)
def test_counting_kinds_of_cases_loses_nothing(before, after):
    """Repeats, clusters, errors without verdicts, skipped checks, warnings and checks on one side only: the same changes as row by row."""
    clusters = [cluster for _, cluster in before]
    a, b = rows(before, "a", clusters), rows(after, "b", clusters)
    cases = pair(a, b).cases
    a, b = [trial for case in cases for trial in case.a], [trial for case in cases for trial in case.b]
    table = CaseTable.of(cases)
    slow = {}
    for prefix, name in table.names(checks=True):
        narrowed = (narrow(side, f"{prefix}:{name}", among=[*a, *b]) for side in (a, b))
        slow[prefix, name] = rate_change(pair(*narrowed).cases, 0.95)
    assert {key: change_of(table.part(*key), 0.95) for key in slow} == slow


def test_repeats_have_effective_counts():
    """With repeats a family's interval rests on effective counts."""
    checks = (("contains", "content", "pass", "fail"),)
    a = [row(f"c{i}", variant="a", repeat=k, checks=checks) for i in range(6) for k in range(3)]
    b = [row(f"c{i}", variant="b", repeat=k, checks=checks) for i in range(6) for k in range(3)]
    (found,) = part_metrics(CaseTable.of(pair(a, b).cases), confidence=0.95, margin=None)
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
