"""Gates on the mean score of a check: the paired interval of scores, a threshold, and what cannot be known."""

from __future__ import annotations

import pytest
from compare_rows import STATUS, gate, judge_gates, row

from evalkit.compare.gates.feasible import feasibility
from evalkit.compare.stats import clopper_pearson, paired_scores

RUBRIC = {"metric": "score(rubric)", "slice": "check:rubric"}
PAIRED = {**RUBRIC, "against": "baseline"}


def trials(variant, scores, **more):
    """One case per list of scores; None is a trial that could not be measured."""
    rows = []
    for case, draws in enumerate(scores):
        for repeat, score in enumerate(draws):
            status = "E" if score is None else "P" if score >= 0.5 else "F"
            checks = () if score is None else (("rubric", "judge", STATUS[status], "fail"),)
            known = () if score is None else (("other", 0.0), ("rubric", score))
            rows.append(row(f"c{case:03}", status, variant=variant, repeat=repeat, checks=checks, scores=known, **more))
    return rows


def judged(rows, *gates):
    return judge_gates(gates, rows, planned=len(rows))


def wave(n, shift=0.0):
    return [[0.6 + 0.03 * (case % 7) + shift + 0.01 * (case % 3)] for case in range(n)]


@pytest.mark.parametrize(
    ("shift", "expected", "says"),
    [
        (0.0, "passed", "a drop of 5 pp or more is ruled out"),
        (-0.02, "passed", "within the margin of 5 pp"),
        (-0.2, "failed", "by more than the allowed 5 pp"),
    ],
)
def test_a_mean_score_may_not_fall_by_the_margin(shift, expected, says):
    """Every case passes its check throughout, so a pass rate would see nothing: the scores decide."""
    before = [[0.8 + 0.02 * (case % 5)] for case in range(90)]
    after = [[value + shift + 0.01 * (case % 2)] for case, (value,) in enumerate(before)]
    (found,) = judged(
        [*trials("baseline", before), *trials("candidate", after)], gate("no_regression", margin=0.05, **PAIRED)
    )
    assert (found.status, says in found.reason) == (expected, True)
    assert found.reason.startswith("mean score of check:rubric 84.0% → ")
    assert (found.numbers["lower"], found.numbers["upper"]) == tuple(paired_scores(before, after).interval)


def test_repeats_and_clusters_count_as_in_the_interval():
    """What the gate says is the interval of ``paired_scores`` over the same draws, with the suite's clusters."""
    before, after = [[0.5, 0.7], [0.9, 0.8], [0.6, 0.6], [0.4, 0.5]], [[0.6, 0.7], [0.7, 0.6], [0.6, 0.5], [0.5, 0.5]]
    clusters = ["x", "x", "y", "z"]
    rows = [
        row(f"c{case}", variant=variant, repeat=repeat, cluster=clusters[case], checks=(("rubric", "judge", "pass", "fail"),),
            scores=(("rubric", score),))
        for variant, side in (("baseline", before), ("candidate", after))
        for case, draws in enumerate(side)
        for repeat, score in enumerate(draws)
    ]  # fmt: skip
    (found,) = judged(rows, gate("no_regression", margin=0.05, **PAIRED))
    expected = paired_scores(before, after, clusters)
    assert (found.numbers["lower"], found.numbers["upper"]) == pytest.approx(tuple(expected.interval))
    assert found.numbers["n_eff"] == pytest.approx(expected.n_eff)


def test_repeats_that_disagree_are_told():
    """With repeats the reason says how much of the uncertainty they are."""
    before = [[0.2, 0.9] if case % 2 else [0.8, 0.7] for case in range(60)]
    after = [[0.2, 1.0] if case % 2 else [0.5, 0.9] for case in range(60)]
    rows = [*trials("baseline", before), *trials("candidate", after)]
    (found,) = judged(rows, gate("no_regression", margin=0.01, **PAIRED))
    assert found.status == "undecided"
    assert "of the uncertainty is repeats disagreeing" in found.reason


def test_an_error_is_a_score_of_0():
    """Intention to treat: one lost trial of a hundred pulls the mean down, and is shown."""
    rows = [*trials("baseline", [[0.8]] * 100), *trials("candidate", [[0.8]] * 99 + [[None]])]
    (found,) = judged(rows, gate("no_regression", margin=0.1, **PAIRED))
    assert found.numbers["change"] == pytest.approx(-0.008)
    assert "errors 0/100 and 1/100" in found.reason


def test_a_check_without_scores_leaves_the_gate_undecided():
    """A check that passes and fails, or a baseline from before scores were kept: unknown, not 0."""
    plain = [row(f"c{n}", variant=v, checks=(("rubric", "judge", "pass", "fail"),)) for v in ("baseline", "candidate") for n in range(9)]  # fmt: skip
    paired, level = judged(plain, gate("no_regression", margin=0.1, **PAIRED), gate("at_least", value=0.5, **RUBRIC))
    assert {paired.status, level.status} == {"undecided"}
    assert "the check rubric gave no score in 18 of 18 trials" in paired.reason
    assert "the check rubric gave no score in 9 of 9 trials" in level.reason


def test_better_by_so_much():
    """``better_than`` on a score: shown, refuted, or neither."""
    rows = [*trials("baseline", wave(80)), *trials("candidate", wave(80, 0.1))]
    gates = [gate("better_than", margin=by, **PAIRED) for by in (0.0, 0.3, 0.1)]
    assert [found.status for found in judged(rows, *gates)] == ["passed", "failed", "undecided"]


def test_a_mean_score_above_a_threshold():
    """By Clopper-Pearson on the effective passes, as page and pass rates have it; the reason speaks of scores."""
    rows = trials("candidate", wave(50, 0.1))
    mean = sum(value for (value,) in wave(50, 0.1)) / 50
    low, high, near = judged(rows, *(gate("at_least", value=value, **RUBRIC) for value in (0.6, 0.95, 0.8)))
    assert [low.status, high.status, near.status] == ["passed", "failed", "undecided"]
    assert low.numbers["lower"] == pytest.approx(clopper_pearson(50 * mean, 50).lower)
    assert low.reason.startswith(f"mean score of check:rubric {mean:.1%}, over 50 trials (errors 0)")


def test_nothing_to_judge():
    """A slice that no trial belongs to is undecided."""
    rows = trials("candidate", wave(5))
    (found,) = judged(rows, gate("at_least", value=0.5, metric="score(rubric)", slice="tag:none & check:rubric"))
    assert found.status == "undecided"


def test_a_score_gate_that_cannot_pass_is_refused():
    """Even if no score changes, 20 cases cannot rule out a drop of 5 pp; nor can they show 99%."""
    gates = [gate("no_regression", margin=0.05, **PAIRED), gate("at_least", value=0.99, **RUBRIC)]
    assert len(feasibility(gates, cases={None: 20})) == 2
    assert feasibility(gates, cases={None: 400}) == []
