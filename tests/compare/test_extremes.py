"""At the edges - nothing, one case, all of them, a billion, values that are none - the statistics are right or refuse.

The numbers beside the calls are scipy's 1.17.1 and statsmodels' 0.15.0, computed once; neither is needed here.
"""

from __future__ import annotations

import math

import pytest

from evalkit.compare.statistics.distributions import t_quantile, t_upper_tail
from evalkit.compare.stats import (
    betting_interval,
    bootstrap,
    bradley_terry,
    clopper_pearson,
    cohen_kappa,
    e_process,
    effective_sample,
    feasible_margin,
    fieller_ratio,
    geometric_ratio,
    holm,
    jeffreys,
    mcnemar,
    mean_interval,
    paired_scores,
    paired_t,
    pass_at_k,
    pass_hat_k,
    prob_better,
    quantile_interval,
    required_cases,
    rogan_gladen,
    sign_flip_p,
    smallest_margin,
    tango,
    wilcoxon_p,
    wilson,
)

NAN, INF, BILLION = math.nan, math.inf, 10**9


@pytest.mark.parametrize(
    ("p", "df", "expected"),
    [
        (1e-12, 1, -318309886183.7907),
        (0.9999999, 1, 3183098.8635132452),
        (1e-12, 2, -707106.7811854869),
        (1e-12, 5, -393.95695957760375),
        (0.5, 3, 0.0),
        (0.6, 1, 0.32491969623290634),
        (0.975, 1e9, 1.959963986912325),
        (0.0005, 30, -3.645958635042021),
    ],
)
def test_student_quantiles_far_out(p, df, expected):
    """The far tails of few degrees of freedom, the middle, and more degrees of freedom than there are cases in the world."""
    assert t_quantile(p, df) == pytest.approx(expected, rel=1e-8, abs=1e-12)


@pytest.mark.parametrize(
    ("t", "df", "expected"),
    [
        (-3, 1e9, 0.998650101935131),
        (2, 1e9, 0.022750132083156623),
        (1e8, 1, 3.183098861837907e-09),
        (40, 5, 9.205981085886477e-08),
        (0, 7, 0.5),
        (1e3, 2, 4.9999925000125e-07),
    ],
)
def test_student_tails_far_out(t, df, expected):
    """What is left in the tail, to its own size."""
    assert t_upper_tail(t, df) == pytest.approx(expected, rel=2e-8)


@pytest.mark.parametrize(
    ("passed", "n", "confidence", "exact", "shown"),
    [
        (0, BILLION, 0.95, (0.0, 3.6888794473100194e-09), (0.0, 3.841458805937319e-09)),
        (BILLION, BILLION, 0.95, (0.9999999963111206, 1.0), (0.9999999961585411, 1.0)),
        (
            1,
            10**6,
            0.999,
            (5.001250415572358e-10, 9.99863251031123e-06),
            (7.843673338910842e-08, 1.2748990547455936e-05),
        ),
        (0, 1, 0.5, (0.0, 0.75), (0.0, 0.3126847440825833)),
        (1, 1, 0.999, (0.0005, 1.0), (0.08454824818316514, 1.0)),
    ],
)
def test_one_rate_at_the_edges(passed, n, confidence, exact, shown):
    """Nothing passed, everything did, one case, a billion of them."""
    assert tuple(clopper_pearson(passed, n, confidence)) == pytest.approx(exact, rel=1e-6, abs=1e-15)
    assert tuple(wilson(passed, n, confidence)) == pytest.approx(shown, rel=1e-9, abs=1e-15)
    lower, upper = jeffreys(passed, n, confidence)
    assert 0.0 <= lower < upper <= 1.0


@pytest.mark.parametrize(
    ("fixed", "broken", "exact", "asymptotic"),
    [
        (0, 0, 1.0, 1.0),
        (1, 0, 1.0, 0.31731050786291115),
        (0, 50, 1.7763568394002505e-15, 1.537459794428033e-12),
        (1000, 1100, 0.03072070786424249, 0.029096331741252267),
        (10**6, 10**6 + 2000, 0.15771445281314467, 0.1575067089019374),
    ],
)
def test_flips_from_none_to_millions(fixed, broken, exact, asymptotic):
    """No flip says nothing; a single one next to nothing; millions are no trouble."""
    found = mcnemar(fixed, broken)
    assert found.p_exact == pytest.approx(exact, rel=1e-6)
    assert found.p_asymptotic == pytest.approx(asymptotic, rel=1e-9)
    assert 0.0 <= found.p_midp <= found.p_exact


@pytest.mark.parametrize("n", [1, 2, 50, BILLION])
def test_tango_never_collapses(n):
    """Without a flip ±z²/(n+z²); with all cases fixed or broken the limit is 1 or −1 on that side only."""
    reach = 3.841458820694124 / (n + 3.841458820694124)
    assert tuple(tango(0, 0, n)) == pytest.approx((-reach, reach), rel=1e-6)
    lower, upper = tango(n, 0, n)
    assert upper == 1.0
    assert -1.0 < lower < 1.0
    lower, upper = tango(0, n, n)
    assert lower == -1.0
    assert -1.0 < upper < 1.0


def test_one_case_one_cluster_all_alike():
    """A single case, a single cluster, and draws that never differ: wide, never a point, never a crash."""
    for found in (
        paired_scores([[1]], [[0]]),
        paired_scores([[1]] * 5, [[0]] * 5, ["a"] * 5),
        paired_scores([[1, 1]] * 5, [[1, 1]] * 5),
        paired_scores([[0.5]] * 30, [[0.5]] * 30),
        paired_scores([[0.5]] * 30, [[0.6]] * 30),
    ):
        lower, upper = found.interval
        assert -1.0 <= lower < found.delta or found.delta == lower == -1.0
        assert upper - lower > 0.2
    assert effective_sample([[1] * 5] * 4) == (1.0, 4.0)
    assert effective_sample([[1], [1], [0]], ["x"] * 3) == (pytest.approx(2 / 3), 1.0)


def test_ratios_of_one_pair_of_zeros_and_of_constants():
    """One pair has no interval, a mean of 0 no ratio, and a constant factor is that factor."""
    assert fieller_ratio([1.0], [2.0]).interval is None
    assert fieller_ratio([0.0, 0.0], [0.0, 0.0]).ratio is None
    assert tuple(fieller_ratio([1.0, 1.0], [1.0, 1.0]).interval) == (1.0, 1.0)
    assert geometric_ratio([1.0, 1.0], [1.0, 1.0]).p == 1.0
    assert geometric_ratio([0.0, 1.0], [1.0, 1.0]).ratio is None


def test_ties_and_nothing_at_all():
    """Ranks where everything is tied (scipy: 7.74421643104407e-06), signs where nothing moved, families of no test."""
    assert wilcoxon_p([0] * 20, [1] * 20) == pytest.approx(7.74421643104407e-06, rel=1e-9)
    assert wilcoxon_p([1, 1], [1, 1]) == 1.0
    assert sign_flip_p([0, 0], [0, 0]) == 1.0
    assert holm([]) == []
    assert holm([0.0, 0.0, 1.0, 1.0]) == [0.0, 0.0, 1.0, 1.0]
    assert cohen_kappa(0, 0, 0, 5) is None or cohen_kappa(0, 0, 0, 5).kappa is None
    assert tuple(bootstrap([1.0, 1.0], max).percentile) == (1.0, 1.0)


def test_huge_counts_stay_numbers():
    """Evidence, chances and margins at counts beyond any suite: finite, and where they must be."""
    assert e_process(0, 10**6).e < INF
    assert e_process(BILLION, BILLION).e < 1.0
    assert prob_better(10**6, 10**6) == pytest.approx(0.5, abs=1e-6)
    assert pass_at_k(10**6, 5, 10**5) == pytest.approx(0.409510656075608, rel=1e-7)
    assert pass_hat_k(10**5, 10**5, 5000) == 1.0
    assert 0.0 < smallest_margin(BILLION, flip_rate=0.1) < 1e-4
    assert bradley_terry({("a", "b"): 1}, prior=1.0)["a"] == pytest.approx(0.5493061443340548)


@pytest.mark.parametrize(
    "call",
    [
        lambda: wilson(NAN, 5),
        lambda: wilson(5, NAN),
        lambda: wilson(1, 2, NAN),
        lambda: clopper_pearson(1, INF),
        lambda: jeffreys(0, 0),
        lambda: tango(NAN, 1, 5),
        lambda: tango(0, 0, NAN),
        lambda: tango(0, 0, INF),
        lambda: tango(0, 0, 0),
        lambda: mcnemar(NAN, 1),
        lambda: mcnemar(0, -1),
        lambda: e_process(NAN, 1),
        lambda: holm([NAN]),
        lambda: mean_interval([NAN, 1.0]),
        lambda: mean_interval([]),
        lambda: fieller_ratio([NAN, 1.0], [1.0, 1.0]),
        lambda: geometric_ratio([1.0, 1.0], [INF, 1.0]),
        lambda: paired_t([1.0, NAN], [1.0, 2.0]),
        lambda: wilcoxon_p([1.0, NAN], [1.0, 2.0]),
        lambda: paired_scores([[NAN]], [[1.0]]),
        lambda: paired_scores([], []),
        lambda: betting_interval([NAN]),
        lambda: bradley_terry({}),
    ],
)  # fmt: skip
def test_what_is_no_number_is_refused(call):
    """NaN, infinity, nothing: a ValueError, never a p-value of 0 or an interval of NaN."""
    with pytest.raises(ValueError, match=r"\w"):
        call()


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: tango(2, 3, 50, crit=0), "critical value"),
        (lambda: tango(2, 3, 50, crit=NAN), "critical value"),
        (lambda: paired_scores([1, 0], [0, 1]), "a list of its draws"),
        (lambda: paired_scores([[1], [0]], [[1], [1]], clusters=["a"]), "the cluster of every case"),
        (lambda: required_cases(0, flip_rate=0.1), "margin"),
        (lambda: required_cases(0.05, flip_rate=2), "share of flips"),
        (lambda: feasible_margin(-5), "0 cases or more"),
        (lambda: feasible_margin(NAN), "0 cases or more"),
    ],
)
def test_arguments_that_mean_nothing_are_refused_in_words(call, says):
    """A critical value of 0, draws that are no lists, too few clusters, no margin: a ValueError that says which."""
    with pytest.raises(ValueError, match=says):
        call()


def test_a_judge_without_a_mistake_on_its_labels_leaves_doubt_about_the_rate():
    """0 of 10 by a judge that agreed with all 38 labels: as wide as Wilson's interval of 0 of 10, not the point 0."""
    none, every = rogan_gladen(0, 10, 28, 28, 10, 10), rogan_gladen(10, 10, 28, 28, 10, 10)
    assert tuple(none.interval) == pytest.approx(tuple(wilson(0, 10)))
    assert tuple(every.interval) == pytest.approx(tuple(wilson(10, 10)))


def test_a_corrected_rate_is_never_surer_than_the_judged_one():
    """Whatever the labels say: the correction adds doubt, seen through the judge (sensitivity + specificity - 1 = 0.8)."""
    for passed in range(41):
        found = rogan_gladen(passed, 40, 18, 20, 18, 20)
        low, high = wilson(passed, 40)
        assert found.interval.lower <= max(0.0, (low - 0.1) / 0.8) + 1e-12
        assert found.interval.upper >= min(1.0, (high - 0.1) / 0.8) - 1e-12
        assert found.interval.lower <= found.corrected <= found.interval.upper


def test_order_statistics_of_a_quantile():
    """The ranks of the textbook for the median (David & Nagaraja 2003, table 7.1), and no limit where there are too few values."""
    assert tuple(quantile_interval(range(1, 101), 0.5)) == (40, 61)
    assert tuple(quantile_interval(range(1, 11), 0.5)) == (2, 9)
    assert tuple(quantile_interval(range(1, 21), 0.5, 0.99)) == (4, 17)
    assert quantile_interval([float(i) for i in range(72)], 0.95).upper == 71.0
    assert quantile_interval([float(i) for i in range(71)], 0.95).upper == INF
    assert tuple(quantile_interval([1.0], 0.5)) == (-INF, INF)
    assert quantile_interval([*range(1, 60), INF], 0.5).upper < INF


@pytest.mark.parametrize(
    "call",
    [lambda: quantile_interval([], 0.5), lambda: quantile_interval([NAN], 0.5), lambda: quantile_interval([1.0], 1.0)],
)
def test_no_quantile_of_nothing(call):
    """No values, no number, the p100: refused."""
    with pytest.raises(ValueError, match="quantile"):
        call()
