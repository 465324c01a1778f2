"""The interval of a p50 or p95: order statistics, at as many values as trials of one case or cluster are worth."""

from __future__ import annotations

import math

import pytest
from compare_rows import gate, judge_gates, row
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.coverage.quantiles import coverage
from evalkit.compare.quantiles import quantile_of
from evalkit.compare.stats import quantile_interval

Values = st.lists(st.floats(0.0, 1e9), min_size=1, max_size=60)
Share = st.sampled_from([0.05, 0.5, 0.9, 0.95, 0.99])


@given(Values, Share)
def test_values_that_stand_alone_need_no_clusters(values, q):
    """A cluster for each value is none; whatever the values, the limits are two of them, in order, or open."""
    found = quantile_interval(values, q)
    assert found == quantile_interval(values, q, clusters=range(len(values)))
    assert found.lower <= found.upper
    assert {*found} <= {*values, -math.inf, math.inf}


@given(Values, Share, st.integers(2, 6))
def test_repeats_that_say_the_same_are_worth_one(values, q, repeats):
    """Ten equal answers of a case are one answer: the interval is at least as wide as that of single answers."""
    one = quantile_interval(values, q)
    cases = [case for case in range(len(values)) for _ in range(repeats)]
    many = quantile_interval([values[case] for case in cases], q, clusters=cases)
    assert many.lower <= one.lower
    assert many.upper >= one.upper


@given(st.lists(st.tuples(st.floats(0.0, 1e9) | st.just(math.inf), st.integers(0, 9)), min_size=1, max_size=60), Share)
def test_any_clusters_give_an_interval(trials, q):
    """Ties, values of infinity, a single cluster: never an error, never an interval upside down."""
    found = quantile_interval([value for value, _ in trials], q, clusters=[cluster for _, cluster in trials])
    assert found.lower <= found.upper


@pytest.mark.parametrize(("alike", "q"), [(0.0, 0.5), (0.8, 0.5), (0.0, 0.95), (0.8, 0.95)])
def test_the_truth_is_held(alike, q):
    """Seeded: 95% is promised, and 400 samples leave room for three standard errors. A case bootstrap holds a p95 in 65 to 90%."""
    assert coverage(20, rounds=400, draws=3, alike=alike, q=q) >= 0.92


def test_repeats_help_where_answers_of_a_case_differ():
    """Trials that share nothing with their case are nearly as good as cases of their own; those that are all alike are not."""
    cases = [case for case in range(100) for _ in range(3)]
    scattered = [float(value * 7919 % 300) for value in range(300)]
    alike = [float(case) * 3 for case in cases]
    apart, together = (quantile_interval(values, 0.5, clusters=cases) for values in (scattered, alike))
    assert apart.upper - apart.lower < together.upper - together.lower


def test_a_budget_with_repeats_or_clusters_has_an_interval():
    """It says for all answers like these what the trials of a case, or of a cluster, can say."""
    budget = gate("budget", metric="latency_s", stat="p50", op="<=", value=9.6)
    alone = [row(f"c{i:03}", latency_s=i / 10) for i in range(1, 101)]
    repeats = [row(f"c{i // 5:03}", repeat=i % 5, latency_s=i / 10) for i in range(100)]
    clusters = [row(f"c{i:03}", cluster=f"k{i // 5}", latency_s=i / 10) for i in range(100)]
    found = [judge_gates([budget], rows, planned=100)[0] for rows in (alone, repeats, clusters)]
    widths = [one.numbers["upper"] - one.numbers["lower"] for one in found]
    assert widths[0] < widths[1] == widths[2]
    assert "95% interval " in found[1].reason


def test_what_is_known_of_nothing_has_no_interval():
    """No latency at all, or skipped trials only; an answer that another repeat shared is not a second one."""
    assert quantile_of([row("c1", "E"), row("c2", "S", latency_s=1.0)], "latency_s", 0.5) is None
    own = [row(f"c{i}", latency_s=float(i)) for i in range(30)]
    shared = [row(f"c{i}", repeat=1, fresh=False, latency_s=float(i)) for i in range(30)]
    assert quantile_of([*own, *shared], "latency_s", 0.5) == quantile_of(own, "latency_s", 0.5)
