"""The fast part of benchmarks/coverage: the shipped intervals hold the truth as often as docs/statistics.md says."""

from __future__ import annotations

import pytest

from benchmarks.coverage.binary import paired, scenarios, thresholds
from benchmarks.coverage.simulated import settings, simulate


def test_there_are_43_scenarios():
    """Base rates, differences and correlations, as the statistics page describes them."""
    assert len(scenarios()) == 43


@pytest.mark.parametrize("n", [10, 20, 50, 100])
def test_single_runs_cover_and_rarely_pass_a_drop(n):
    """By exact enumeration: at least 0.93 coverage, a drop of the margin passes in at most 3%, no change fails in at most 3%."""
    found = paired(n)
    assert found.coverage >= 0.93
    assert round(found.false_pass, 3) <= 0.03
    assert found.false_fail <= 0.03


def test_thresholds_are_exact():
    """Clopper-Pearson is wrong at most 2.5% of the time on either side."""
    for n in (10, 72, 100):
        found = thresholds(n)
        assert max(found.false_pass, found.false_fail) <= 0.025 + 1e-9


@pytest.mark.parametrize(("kind", "n", "least"), [("repeats", 20, 0.91), ("clusters", 10, 0.92), ("scores", 20, 0.90)])
def test_simulated_tables(kind, n, least):
    """150 seeded samples per setting; the bound leaves room for that few."""
    for name, population, delta in settings(kind):
        assert simulate(name, population, n, delta, rounds=150, seed=11).coverage >= least, name
