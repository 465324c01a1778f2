"""The statistics reproduce reference numbers of other programs and papers, each at the tolerance stated beside it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from compare_rows import row

from evalkit.compare.pair import flips, pair
from evalkit.compare.ratios import fieller_ratio, geometric_ratio
from evalkit.compare.sizes import flip_rate, min_cases, required_cases, smallest_margin
from evalkit.compare.stats import (
    clopper_pearson,
    effective_sample,
    holm,
    jeffreys,
    mcnemar,
    newcombe_paired,
    non_inferiority,
    paired_scores,
    prob_better,
    tango,
    wilson,
)


def golden(*prefixes: str) -> list:
    items = [
        item
        for path in sorted(Path(__file__).parent.glob("golden_*.json"))
        for item in json.loads(path.read_text(encoding="utf-8"))["items"]
        if item["id"].startswith(prefixes)
    ]
    assert items
    return [pytest.param(item, id=item["id"]) for item in items]


def limits(interval) -> list[float]:
    return [interval.lower, interval.upper]


def counts(item: dict) -> tuple[int, int, int, int]:
    return tuple(item["inputs"][key] for key in ("both_pass", "fixed", "broken", "both_fail"))


def close(expected, item):
    return pytest.approx(expected, abs=item["tol"], rel=0)


@pytest.mark.parametrize("item", golden("prop_"))
def test_intervals_of_one_rate(item):
    """Wilson, Clopper-Pearson and Jeffreys agree with statsmodels."""
    given, expected = item["inputs"], item["expected"]
    for name, function in (("wilson", wilson), ("clopper_pearson", clopper_pearson), ("jeffreys", jeffreys)):
        assert limits(function(given["passed"], given["n"], given["conf"])) == close(expected[name], item)


@pytest.mark.parametrize("item", golden("cluster_se"))
def test_clusters_shrink_the_sample(item):
    """The effective sample of clustered cases gives inspect-ai's Korn-Graubard Wilson interval."""
    draws = [[value] for value in item["inputs"]["values"]]
    rate, n_eff = effective_sample(draws, item["inputs"]["clusters"], 0.95)
    assert limits(wilson(rate * n_eff, n_eff, 0.95)) == close(item["expected"]["wilson_korn_graubard"], item)


@pytest.mark.parametrize("item", golden("mcnemar_"))
def test_mcnemar(item):
    """All four forms agree with statsmodels and scipy."""
    found = mcnemar(item["inputs"]["fixed"], item["inputs"]["broken"])
    assert {key: getattr(found, key) for key in item["expected"]} == close(item["expected"], item)


@pytest.mark.parametrize("item", golden("paired_diff_", "published_"))
def test_paired_differences(item):
    """Tango and Newcombe agree with ratesci and with what the papers printed."""
    both_pass, fixed, broken, both_fail = counts(item)
    confidence, expected = item["inputs"]["conf"], item["expected"]
    if "tango" in expected:
        found = tango(fixed, broken, both_pass + fixed + broken + both_fail, confidence)
        assert limits(found) == close(expected["tango"], item)
    if "newcombe10" in expected:
        found = newcombe_paired(both_pass, fixed, broken, both_fail, confidence)
        assert limits(found) == close(expected["newcombe10"], item)


@pytest.mark.parametrize("item", golden("ni_test_"))
def test_non_inferiority(item):
    """The score test against a margin agrees with ratesci."""
    found = non_inferiority(
        item["inputs"]["fixed"], item["inputs"]["broken"], sum(counts(item)), item["inputs"]["margin"]
    )
    assert [found.z, found.p] == close([item["expected"]["z"], item["expected"]["p"]], item)


@pytest.mark.parametrize("item", golden("gate_"))
def test_sample_sizes_of_a_gate(item):
    """The floor and the required number of cases are those of the score-test formula computed with scipy."""
    given, expected = item["inputs"], item["expected"]
    n = sum(counts(item))
    rate = flip_rate(given["fixed"], given["broken"], n)
    assert min_cases(given["margin"], given["conf"]) == expected["min_cases_if_nothing_changes"]
    assert required_cases(given["margin"], flip_rate=rate, confidence=given["conf"]) == expected["required_n"]


@pytest.mark.parametrize("item", golden("floor_"))
def test_the_floor(item):
    """The smallest number of cases with which a run without flips can pass, for the usual margins."""
    found = [min_cases(margin, item["inputs"]["conf"]) for margin in item["inputs"]["margins"]]
    assert found == item["expected"]["min_n"]


@pytest.mark.parametrize("item", golden("effective_"))
def test_effective_counts(item):
    """Repeats and scores: effective counts by the formula, the interval by ratesci at those non-integer counts."""
    expected = item["expected"]
    found = paired_scores(item["inputs"]["A"], item["inputs"]["B"], None, item["inputs"]["conf"])
    for key in ("delta", "up", "down", "s2", "n_eff"):
        assert getattr(found, key) == close(expected[key], item)
    assert found.crit == pytest.approx(expected["t_crit"], abs=1e-9)
    assert limits(found.interval) == close(expected["interval"], item)


@pytest.mark.parametrize("item", golden("ratio_tokens"))
def test_ratios(item):
    """Fieller's limits solve the paired t test of B − rA, the geometric ratio is the t interval of logs (scipy)."""
    given, expected = item["inputs"], item["expected"]
    mean = fieller_ratio(given["A"], given["B"], given["conf"])
    typical = geometric_ratio(given["A"], given["B"], given["conf"])
    assert [mean.ratio, *limits(mean.interval)] == close([expected["ratio"], *expected["fieller"]], item)
    assert [typical.ratio, *limits(typical.interval)] == close([expected["geo_ratio"], *expected["geo_interval"]], item)
    assert typical.p == close(expected["geo_p"], item)


@pytest.mark.parametrize("item", golden("multiplicity"))
def test_holm(item):
    """Holm's adjusted p-values agree with statsmodels, in the order given."""
    assert holm(item["inputs"]["p"]) == close(item["expected"]["holm"], item)
    assert holm(item["inputs"]["p"][::-1]) == close(item["expected"]["holm"][::-1], item)


@pytest.mark.parametrize("item", golden("prob_better"))
def test_prob_better(item):
    """The chance that B is better agrees with scipy's beta distribution."""
    assert prob_better(**item["inputs"]) == close(item["expected"]["p"], item)


@pytest.mark.parametrize("item", golden("real_"))
def test_real_outcomes(item):
    """Twenty public tasks, answered by two models: the counts, the exact test and the interval."""
    pairs = list(zip(item["inputs"]["A"], item["inputs"]["B"], strict=True))
    fixed, broken = pairs.count((0, 1)), pairs.count((1, 0))
    assert (fixed, broken) == (item["expected"]["fixed"], item["expected"]["broken"])
    assert mcnemar(fixed, broken).p_exact == close(item["expected"]["p_exact"], item)
    assert limits(tango(fixed, broken, len(pairs), item["inputs"]["conf"])) == close(item["expected"]["tango"], item)


@pytest.mark.parametrize("item", golden("itt_missing"))
def test_errors_and_missing_cases(item):
    """An error counts as a failure; a case on one side only is listed, and the worst case counts it against B."""
    letters = {1: "P", 0: "F", "error": "E"}
    a, b = (
        [row(case, letters[value], variant=name) for case, value in item["inputs"][name].items() if value is not None]
        for name in ("A", "B")
    )
    found, expected = pair(a, b), item["expected"]
    assert len(found.cases) == expected["n_paired"]
    for kind in ("fixed", "broken"):
        assert [flip.case_id for flip in flips(found.cases) if flip.kind == kind] == expected[kind]
    assert [list(found.errors_a), list(found.errors_b)] == [expected["errors_a"], expected["errors_b"]]
    assert [list(found.only_a), list(found.only_b)] == [expected["only_a"], expected["only_b"]]
    assert found.delta_worst_case == close(expected["delta_worst_case"], item)


def test_smallest_margins_as_published():
    """The margin with an 80% chance to pass when nothing changed, by number of cases and flip rate, in points."""
    published = {
        20: [21, 24, 27, 33],
        50: [11, 13, 16, 20],
        100: [6.4, 8.1, 10.2, 13.3],
        200: [3.9, 5.2, 6.8, 9.2],
        1000: [1.4, 2.1, 2.9, 4.0],
    }
    for n, row_ in published.items():
        found = [100 * smallest_margin(n, flip_rate=rate) for rate in (0.02, 0.05, 0.10, 0.20)]
        assert found == pytest.approx(row_, abs=0.06 if n >= 100 else 0.51), n
