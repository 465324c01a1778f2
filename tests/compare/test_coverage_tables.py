"""The fast part of benchmarks/coverage: the shipped intervals hold the truth as often as docs/statistics.md says."""

from __future__ import annotations

import pytest

from benchmarks.coverage.binary import paired, scenarios, thresholds
from benchmarks.coverage.simulated import settings, simulate
from benchmarks.coverage.specified import TABLES, Line, heading


def test_there_are_43_scenarios():
    """Base rates, differences and correlations, as the statistics page describes them."""
    assert len(scenarios()) == 43


@pytest.mark.parametrize("n", [10, 20, 50])
def test_single_runs_are_where_the_specification_says(n):
    """Exact figures within 0.001 of the page's, which rounded its own."""
    page = dict(
        zip(
            TABLES["single"].sizes,
            zip(TABLES["single"].coverage, TABLES["single"].false_pass, strict=True),
            strict=True,
        )
    )
    found = paired(n)
    assert (found.coverage, found.false_pass) == pytest.approx(page[n], abs=0.001)


def test_a_figure_far_from_the_specified_one_is_told():
    """Worse by more than 0.01 and chance is out of bounds; better, or within chance, is not; both figures stand side by side."""
    assert Line(20, 0.93, 0.05, 0.95, 0.03).far == [
        "n = 20: coverage 0.930, specified 0.950",
        "n = 20: false pass 0.050, specified 0.030",
    ]
    assert Line(20, 0.97, 0.01, 0.95, 0.03).far == []
    assert Line(20, 0.93, 0.05, 0.95, 0.03, error_coverage=0.02, error_pass=0.02).far == []
    assert Line(20, 0.93, 0.05, None, None).far == []
    assert "0.930         0.950   -0.020" in str(Line(20, 0.93, 0.05, 0.95, 0.03))
    assert "differs" in heading(TABLES["repeats"])


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
