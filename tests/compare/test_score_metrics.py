"""The mean score of a check as a metric of a comparison: the interval of ``paired_scores``, whatever the draws, and what cannot be known."""

from __future__ import annotations

import pytest
from compare_rows import STATUS, gate, judge_gates, row
from hypothesis import given
from hypothesis import strategies as st

from evalkit.compare.as_json import comparison_json
from evalkit.compare.compare import compare
from evalkit.compare.stats import paired_scores
from evalkit.compare.text import comparison_text
from evalkit.compare.values import Side

Scores = st.lists(st.integers(0, 8).map(lambda eighth: eighth / 8), min_size=1, max_size=3)
Case = st.tuples(Scores, Scores, st.sampled_from([None, "x", "y", "z"]))


def rows(variant, cases, *, check="rubric"):
    """Trials from ``(draws, cluster)`` per case; None among the draws could not be measured, "no" was judged without a score."""
    found = []
    for number, (draws, cluster) in enumerate(cases):
        for repeat, score in enumerate(draws):
            letter = "E" if score is None else "P"
            checks = () if score is None else ((check, "judge", STATUS["P"], "fail"),)
            scores = ((check, score),) if isinstance(score, float) else ()
            more = {"checks": checks, "scores": scores, "cluster": cluster, "repeat": repeat}
            found.append(row(f"c{number:03}", letter, variant=variant, **more))
    return found


def sides(cases):
    return rows("baseline", [(a, c) for a, _, c in cases]), rows("candidate", [(b, c) for _, b, c in cases])


def of(a, b, **more):
    return compare(a, b, a_side=Side("baseline", "baseline"), b_side=Side("candidate", "candidate"), suite="s", **more)


@given(st.lists(Case, min_size=1, max_size=25))
def test_it_is_the_interval_of_paired_scores(cases):
    """Any scores, any number of draws on either side, any clusters: alike cases counted together give what the draws one by one give."""
    metric = of(*sides(cases)).metric("score(rubric)")
    names = [f"case {number}" if cluster is None else cluster for number, (*_, cluster) in enumerate(cases)]
    clusters = names if len(set(names)) < len(names) else None
    expected = paired_scores([a for a, *_ in cases], [b for _, b, _ in cases], clusters)
    assert metric.kind == "score"
    assert metric.change == pytest.approx(expected.delta, abs=1e-12)
    assert tuple(metric.interval) == pytest.approx(tuple(expected.interval), abs=1e-9)
    assert (metric.p, metric.n_eff) == (pytest.approx(expected.p, abs=1e-9), pytest.approx(expected.n_eff))
    assert metric.detail["df"] == expected.df
    assert (metric.n, metric.a) == (len(cases), pytest.approx(sum(sum(a) / len(a) for a, *_ in cases) / len(cases)))


def test_metric_and_gate_say_the_same():
    """A gate on ``score(rubric)`` and the row of the comparison rest on the same cases, and a passing rate hides nothing."""
    cases = [([0.5 + 0.01 * (n % 9)], [0.4 + 0.01 * (n % 7)], None) for n in range(60)]
    a, b = sides(cases)
    found = of(a, b)
    metric = found.metric("score(rubric)")
    (outcome,) = judge_gates(
        [gate("no_regression", metric="score(rubric)", slice="check:rubric", against="baseline", margin=0.05)],
        [*a, *b], planned=120,
    )  # fmt: skip
    assert (outcome.numbers["lower"], outcome.numbers["upper"]) == tuple(metric.interval)
    assert (found.metrics[0].word, metric.word) == ("no clear difference", "worse")
    assert metric.adjust == "Benjamini-Hochberg"


def test_text_and_json_show_it():
    """Between the parts of the pass rate and the costs; as percent and points; in JSON as a delta."""
    cases = [([0.5], [0.75 if n % 2 else 0.5], None) for n in range(40)]
    found = of(*sides(cases), margin=0.05)
    names = [metric.name for metric in found.metrics]
    assert names == ["pass_rate", "pass_rate(family:judge)", "score(rubric)", "cost_usd", "latency_s", "input_tokens", "output_tokens"]  # fmt: skip
    (line,) = [line for line in comparison_text(found).splitlines() if line.startswith("score(rubric)")]
    assert "50.0% → 62.5%" in line
    assert "+12.5 pp" in line
    assert line.endswith("BETTER")
    told = next(metric for metric in comparison_json(found)["metrics"] if metric["name"] == "score(rubric)")
    assert (told["kind"], told["delta"], told["direction"]) == ("score", 0.125, "higher")
    assert told["method"] == "score on effective counts"
    assert (told["p_exact"], told["resolution"]) == (None, None), "no table of flips, and no margin is about it"


def test_what_was_not_answered_scores_nothing():
    """Intention to treat: a trial that could not be measured counts as 0, not as absent."""
    cases = [([0.5], [0.5], None)] * 9 + [([0.5], [None], None)]
    metric = of(*sides(cases)).metric("score(rubric)")
    assert (metric.n, metric.b) == (10, pytest.approx(0.45))


def test_a_judged_trial_without_a_score_leaves_the_mean_unknown():
    """Leaving it out would flatter whoever it speaks against; the row says how many there are."""
    cases = [([0.5], [0.5], None)] * 9 + [([0.5], ["no"], None)]
    found = of(*sides(cases))
    metric = found.metric("score(rubric)")
    assert (metric.word, metric.interval, metric.note) == ("undefined", None, "no score in 1 of 20 trials")
    assert "UNDEFINED: no score in 1 of 20 trials" in comparison_text(found)


def test_cases_without_the_check_are_no_part_of_it():
    """A check of some cases is compared over those; one that only one side has is not compared at all."""
    cases = [([0.5], [0.75], None)] * 6
    a, b = sides(cases)
    other = [row(f"d{n}", variant=variant, checks=(("contains", "content", "pass", "fail"),)) for variant in ("baseline", "candidate") for n in range(30)]  # fmt: skip
    found = of([*a, *(one for one in other if one.label == "baseline")], [*b, *(one for one in other if one.label == "candidate")])  # fmt: skip
    assert (found.n_paired, found.metric("score(rubric)").n) == (36, 6)
    lone = of(a, rows("candidate", [([0.5], None)] * 6, check="tone"))
    assert [metric.name for metric in lone.metrics if metric.kind == "score"] == []


def test_a_slice_has_no_scores_beside_it():
    """A comparison of one slice is about that slice."""
    a, b = sides([([0.5], [0.5], None)] * 5)
    assert [metric.name for metric in of(a, b, slice="check:rubric").metrics][:2] == ["pass_rate(check:rubric)", "cost_usd"]  # fmt: skip
