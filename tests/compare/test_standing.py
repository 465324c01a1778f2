"""More than two variants: a ranking with intervals, and one correction over their comparisons with the baseline."""

from __future__ import annotations

import pytest
from compare_rows import row, side

from evalkit.compare.as_json import comparison_json
from evalkit.compare.compare import compare
from evalkit.compare.standing import corrected, rank
from evalkit.compare.statistics.multiplicity import holm
from evalkit.compare.statistics.ranking import bradley_terry
from evalkit.compare.text import comparison_text
from evalkit.compare.values import Side


def outcomes(passes: int, of: int) -> dict[str, str]:
    return {f"c{i:03}": "P" if i < passes else "F" for i in range(of)}


def against(label: str, passes: int):
    base, other = side(outcomes(80, 100), "base"), side(outcomes(passes, 100), label)
    return compare(base, other, a_side=Side("base", "base"), b_side=Side(label, label), suite="refunds")


def test_two_variants_are_no_ranking():
    """A comparison says it all."""
    assert rank([*side(outcomes(3, 4), "a"), *side(outcomes(2, 4), "b")]) is None


def test_variants_are_ranked_by_pass_rate_with_intervals():
    """The best first, each with its rate, its interval and its cases."""
    rows = [*side(outcomes(5, 10), "weak"), *side(outcomes(9, 10), "strong"), *side(outcomes(7, 10), "middling")]
    found = rank(rows)
    assert [one.label for one in found.standings] == ["strong", "middling", "weak"]
    assert [one.rate for one in found.standings] == [0.9, 0.7, 0.5]
    assert all(one.interval.lower < one.rate < one.interval.upper and one.cases == 10 for one in found.standings)
    assert all(one.strength is None for one in found.standings)
    assert found.rows[0] == ("1", "strong", "90.0% (95% interval 59.6% to 98.2%) of 10 cases", "", "")


def judged(label: str, preferred: str) -> list:
    return [
        row(f"c{i}", "P", variant=label, checks=(("pairwise", "judge", "pass" if letter == "P" else "fail", "fail"),))
        for i, letter in enumerate(preferred)
    ]


def test_a_pairwise_judge_ranks_by_strength():
    """Preferences become Bradley-Terry strengths that average nought, with intervals, the same at every call."""
    rows = [*judged("a", "PPPPPPPF" * 5), *judged("b", "PPPPFFFF" * 5), *judged("c", "PFFFFFFF" * 5)]
    found = rank(rows)
    assert found.by == "check:pairwise"
    assert [one.label for one in found.standings] == ["a", "b", "c"]
    assert sum(one.strength for one in found.standings) == pytest.approx(0, abs=1e-9)
    for one in found.standings:
        assert one.strength_interval.lower <= one.strength <= one.strength_interval.upper
    assert found == rank(rows)


def test_an_unbeaten_variant_needs_a_prior():
    """Without one its strength is infinite: that is said, not returned."""
    wins = {("a", "b"): 5.0, ("b", "c"): 3.0, ("c", "b"): 1.0}
    with pytest.raises(ValueError, match="give a prior"):
        bradley_terry(wins)
    found = bradley_terry(wins, prior=1.0)
    assert found["a"] > found["b"] > found["c"]


def test_the_best_of_many_is_corrected():
    """Three comparisons with one baseline: Holm's p-values, and a warning where a word does not survive them."""
    found = corrected([against("one", 71), against("two", 74), against("three", 79)])
    raw = [one.metrics[0].p for one in found]
    assert [one.metrics[0].p_adjusted for one in found] == holm(raw)
    alone = corrected([against("one", 71)])
    assert alone[0].metrics[0].p_adjusted is None
    shaky = corrected([against(name, 76) for name in ("one", "two", "three")])[0]
    assert shaky.metrics[0].word == "worse"
    assert "of 3 comparisons made together one looks like this by chance too often" in shaky.sentence
    metric = comparison_json(shaky)["metrics"][0]
    assert (metric["adjust"], metric["family_size"]) == ("Holm", 3)
    assert f"Holm {metric['p_adjusted']:.3f}" in comparison_text(shaky)


def test_metrics_nobody_asked_about_get_q_values():
    """All but the first metric are explored: their p-values are corrected together."""
    a = [*side(outcomes(80, 100), "a", cost_usd=0.01, latency_s=1.0)]
    b = [row(one.case_id, "P", variant="b", cost_usd=0.01 + i / 1e4, latency_s=1.0 + i % 3) for i, one in enumerate(a)]
    found = compare(a, b, a_side=Side("a", "a"), b_side=Side("b", "b"), suite="refunds")
    explored = [metric for metric in found.metrics[1:] if metric.p is not None]
    assert len(explored) == 2
    assert all(metric.adjust == "Benjamini-Hochberg" and metric.p_adjusted >= metric.p for metric in explored)
    assert found.metrics[0].p_adjusted is None
