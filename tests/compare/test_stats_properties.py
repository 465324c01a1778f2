"""What must hold of every interval, and the error rates of the paired gate by exact enumeration."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.compare.estimate import change_of
from evalkit.compare.kinds import Draws
from evalkit.compare.statistics.ratios import fieller_ratio, geometric_ratio
from evalkit.compare.statistics.sizes import feasible_margin, min_cases, min_cases_at_least, required_cases
from evalkit.compare.stats import (
    clopper_pearson,
    effective_sample,
    holm,
    jeffreys,
    mcnemar,
    newcombe_paired,
    non_inferiority,
    paired_scores,
    tango,
    wilson,
)

TABLE = st.tuples(*[st.integers(0, 60)] * 4).filter(lambda cells: sum(cells) > 0)
DRAWS = st.integers(2, 12).flatmap(
    lambda n: st.tuples(*[st.lists(st.lists(st.floats(0, 1), min_size=1, max_size=4), min_size=n, max_size=n)] * 2)
)


@given(TABLE, st.sampled_from([0.8, 0.9, 0.95, 0.99]))
def test_paired_intervals_hold_the_estimate_and_mirror(cells, confidence):
    """An interval contains its estimate, stays in [−1, 1], and swapping A and B turns it round."""
    both_pass, fixed, broken, both_fail = cells
    n = sum(cells)
    for there, back in (
        (tango(fixed, broken, n, confidence), tango(broken, fixed, n, confidence)),
        (newcombe_paired(*cells, confidence), newcombe_paired(both_pass, broken, fixed, both_fail, confidence)),
    ):
        assert -1 <= there.lower <= (fixed - broken) / n + 1e-12
        assert (fixed - broken) / n - 1e-12 <= there.upper <= 1
        assert (back.lower, back.upper) == pytest.approx((-there.upper, -there.lower), abs=1e-9)


@given(TABLE)
def test_p_below_five_percent_means_the_interval_excludes_zero(cells):
    """The test and the interval are the same statistic: they never contradict each other."""
    _, fixed, broken, _ = cells
    interval, p = tango(fixed, broken, sum(cells), 0.95), mcnemar(fixed, broken).p_asymptotic
    if abs(p - 0.05) > 1e-6:
        assert (p < 0.05) == (not interval.lower <= 0 <= interval.upper)


@given(TABLE, st.floats(0.001, 0.4), st.floats(0.001, 0.4))
def test_a_wider_margin_is_never_harder(cells, one, other):
    """Non-inferiority is monotone in the margin, and agrees with the interval's lower limit."""
    _, fixed, broken, _ = cells
    n, (small, large) = sum(cells), sorted((one, other))
    assert non_inferiority(fixed, broken, n, large).p <= non_inferiority(fixed, broken, n, small).p + 1e-12
    lower = tango(fixed, broken, n, 0.95).lower
    if abs(lower + small) > 1e-9:
        assert (non_inferiority(fixed, broken, n, small).p < 0.025) == (lower > -small)


@given(st.integers(1, 300), st.data())
def test_rates_hold_the_estimate(n, data):
    """Every interval of one rate contains it, and the exact one is no narrower than Jeffreys'."""
    passed = data.draw(st.integers(0, n))
    for function in (wilson, clopper_pearson):
        found = function(passed, n, 0.95)
        assert 0 <= found.lower <= passed / n <= found.upper <= 1
    exact, middle = clopper_pearson(passed, n, 0.95), jeffreys(passed, n, 0.95)
    assert exact.lower <= middle.lower + 1e-12
    assert middle.upper <= exact.upper + 1e-12


@given(DRAWS, st.booleans())
def test_repeats_and_scores(draws, clustered):
    """The score interval holds its estimate, never collapses, and does not care in which order repeats are listed."""
    a, b = draws
    clusters = [i // 2 for i in range(len(a))] if clustered else None
    found = paired_scores(a, b, clusters)
    assert -1 <= found.interval.lower <= found.delta + 1e-9
    assert found.delta - 1e-9 <= found.interval.upper <= 1
    assert found.interval.lower < found.interval.upper
    turned = paired_scores([case[::-1] for case in a], b, clusters)
    assert turned.interval.lower == pytest.approx(found.interval.lower, abs=1e-7)
    swapped = paired_scores(b, a, clusters)
    assert swapped.interval.lower == pytest.approx(-found.interval.upper, abs=1e-7)


def test_copied_repeats_are_no_evidence():
    """Writing every answer down three times must not narrow the interval: cases are the sample."""
    a, b = [[1.0]] * 12 + [[0.0]] * 8, [[1.0]] * 9 + [[0.0]] * 11
    once, thrice = paired_scores(a, b), paired_scores([case * 3 for case in a], [case * 3 for case in b])
    assert thrice.interval.lower == pytest.approx(once.interval.lower, abs=1e-9)
    assert thrice.interval.upper == pytest.approx(once.interval.upper, abs=1e-9)


def test_clusters_that_move_together_widen_the_interval():
    """Twenty cases in five clusters of equal answers are worth about five, not twenty."""
    a = [[1.0]] * 20
    b = [[0.0]] * 4 + [[1.0]] * 16
    alone, together = paired_scores(a, b), paired_scores(a, b, [i // 4 for i in range(20)])
    assert together.n_eff < alone.n_eff / 3
    assert together.interval.lower < alone.interval.lower


def test_single_draws_equal_tango_but_with_t():
    """For one 0/1 draw per case the effective counts are the counts, up to n−1 in the variance."""
    a, b = [[1.0]] * 30 + [[0.0]] * 20, [[0.0]] * 6 + [[1.0]] * 28 + [[0.0]] * 16
    found = paired_scores(a, b)
    assert found.n_eff == pytest.approx(50, abs=1.1)
    assert found.interval.lower == pytest.approx(tango(4, 6, 50, crit=found.crit).lower, abs=0.003)


def test_effective_sample_of_repeats():
    """Five repeats of a case are worth between one and five cases; identical ones are worth one."""
    rate, n_eff = effective_sample([[1, 1, 0, 1, 1], [0, 1, 0, 0, 1], [1, 1, 1, 1, 0], [1, 0, 1, 1, 1]] * 5)
    assert rate == pytest.approx(14 / 20)
    assert 20 < n_eff < 100
    assert effective_sample([[1, 1, 1]] * 7)[1] == 7
    assert effective_sample([[1], [0], [1]]) == (pytest.approx(2 / 3), 3)


@given(st.lists(st.tuples(st.floats(0.1, 100), st.floats(0.1, 100)), min_size=3, max_size=30), st.floats(0.01, 100))
def test_ratios_do_not_depend_on_the_unit(pairs, unit):
    """Dollars or cents: the ratio and its limits stay; the geometric ratio of B/A is one over that of A/B."""
    a, b = [x for x, _ in pairs], [y for _, y in pairs]
    here, there = fieller_ratio(a, b), fieller_ratio([x * unit for x in a], [y * unit for y in b])
    assert there.ratio == pytest.approx(here.ratio)
    if here.interval is not None and there.interval is not None:
        assert here.interval.lower <= here.ratio + 1e-9
        assert here.ratio <= here.interval.upper + 1e-9
        assert there.interval.upper == pytest.approx(here.interval.upper, rel=1e-4)
    forth, back = geometric_ratio(a, b), geometric_ratio(b, a)
    assert forth.ratio == pytest.approx(1 / back.ratio)
    assert forth.interval.lower == pytest.approx(1 / back.interval.upper)


def test_ratios_that_cannot_be_told():
    """A baseline of nothing, a baseline lost in noise, one case, a zero: no interval instead of a wrong one."""
    assert fieller_ratio([0, 0], [1, 2]).ratio is None
    assert fieller_ratio([0.01, 100, 0.01], [1, 1, 1]).interval is None
    assert fieller_ratio([2], [3]) == geometric_ratio([2], [3])
    assert fieller_ratio([2], [3]).interval is None
    assert geometric_ratio([1, 0], [1, 1]).ratio is None


def test_floors_are_tight():
    """One case fewer than the floor cannot pass, the floor can: for paired gates without flips and all-pass rates."""
    for margin in (0.01, 0.02, 0.05, 0.1, 0.3):
        n = min_cases(margin)
        assert tango(0, 0, n).lower > -margin >= tango(0, 0, n - 1).lower
        assert feasible_margin(n) < margin <= feasible_margin(n - 1)
    for value in (0.5, 0.9, 0.95, 0.99):
        n = min_cases_at_least(value)
        assert clopper_pearson(n, n).lower > value >= clopper_pearson(n - 1, n - 1).lower


@given(st.floats(0.01, 0.5), st.floats(0.005, 0.9))
def test_required_cases_are_monotone(margin, rate):
    """More flips need more cases, a wider margin fewer, and never fewer than the floor."""
    needed = required_cases(margin, flip_rate=rate)
    assert needed >= min_cases(margin)
    assert required_cases(margin, flip_rate=min(1, rate * 1.5)) >= needed
    assert required_cases(min(0.9, margin * 1.5), flip_rate=rate) <= needed


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_never_lowers_a_p_value(p):
    """Adjusted values are at least the raw ones, at most 1, and keep their order."""
    adjusted = holm(p)
    assert all(raw <= fixed <= 1 for raw, fixed in zip(p, adjusted, strict=True))
    assert sorted(range(len(p)), key=lambda i: (p[i], i)) == sorted(range(len(p)), key=lambda i: (adjusted[i], p[i], i))


@pytest.mark.parametrize(
    "call",
    [
        lambda: wilson(3, 0),
        lambda: clopper_pearson(5, 4),
        lambda: tango(3, 3, 5),
        lambda: mcnemar(-1, 2),
        lambda: paired_scores([], []),
        lambda: paired_scores([[1.2]], [[0.1]]),
        lambda: paired_scores([[1.0]], [[1.0], [0.0]]),
        lambda: fieller_ratio([1.0], []),
        lambda: min_cases(0),
        lambda: min_cases_at_least(1.0),
        lambda: wilson(1, 2, 1.0),
    ],
)
def test_impossible_arguments(call):
    """Impossible counts, scores, margins and confidences are refused."""
    with pytest.raises(ValueError):
        call()


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.lists(st.booleans(), min_size=1, max_size=4),
            st.lists(st.booleans(), min_size=1, max_size=4),
            st.sampled_from([None, "x", "y", "z"]),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_counted_draws_give_the_interval_of_the_public_function(cases):
    """What gates and comparisons compute from counts is what ``paired_scores`` computes from the draws themselves."""
    a, b = ([tuple(map(float, case[side])) for case in cases] for side in (0, 1))
    names = [f"own {i}" if cluster is None else cluster for i, (_, _, cluster) in enumerate(cases)]
    clusters = names if len(set(names)) < len(names) else None
    draws = [
        Draws(int(sum(x)), len(x), int(sum(y)), len(y), case[2], 1) for x, y, case in zip(a, b, cases, strict=True)
    ]
    found, public = change_of(draws, 0.95), paired_scores(a, b, clusters, binary=True)
    assert (found.change, *found.interval, found.p) == pytest.approx(
        (public.delta, *public.interval, public.p), abs=1e-9
    )
    rate, n_eff = effective_sample(a, clusters)
    assert (found.a.rate, found.a.n_eff) == pytest.approx((rate, n_eff))
