"""Totals per variant: every trial is counted once, and unknown is not zero."""

from __future__ import annotations

import statistics
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.metrics.summary import quantile, summarise, total
from evalkit.model.results import Measurement


def row(status: str = "pass", label: str = "a", path: str = "suites/s.yaml", **more: Any) -> Measurement:
    return Measurement(
        suite="s",
        suite_path=path,
        case_id="c",
        case_digest="",
        variant=label,
        cell="",
        label=label,
        model="m/x",
        repeat=0,
        status=status,  # type: ignore[arg-type]
        **more,
    )


def answered(status: str = "pass", **more: Any) -> Measurement:
    return row(status, **{"cost_usd": 0.5, "latency_s": 1.0, "input_tokens": 10, "output_tokens": 2, **more})


def test_trials_are_counted_by_status_within_suite_file_and_variant() -> None:
    """Two suites may have a variant of the same name; groups keep the order of their first trial."""
    rows = [answered(), answered("fail"), row(label="b"), row("error"), row("skip"), row(path="suites/t.yaml")]
    totals = summarise(rows)
    assert [(t.suite_path, t.label) for t in totals] == [
        ("suites/s.yaml", "a"),
        ("suites/s.yaml", "b"),
        ("suites/t.yaml", "a"),
    ]
    assert (totals[0].passed, totals[0].failed, totals[0].errors, totals[0].skipped) == (1, 1, 1, 1)
    assert sum(t.passed + t.failed + t.errors + t.skipped for t in totals) == len(rows)
    assert summarise([]) == ()


def test_a_failed_call_adds_nothing_and_hides_nothing() -> None:
    """A trial without an answer does not make the sum unknown; one whose checks could not judge still counts."""
    (totals,) = summarise([answered(), row("error"), answered("error")])
    assert (totals.cost_usd, totals.input_tokens, totals.output_tokens) == (1.0, 20, 4)
    (only_failed,) = summarise([row("error")])
    assert (only_failed.cost_usd, only_failed.input_tokens, only_failed.latency_p50_s) == (None, None, None)


def test_one_unknown_price_makes_the_sum_unknown() -> None:
    """What is known of the others is not the sum; other columns keep theirs."""
    (totals,) = summarise([answered(), answered(cost_usd=None), answered("error", output_tokens=None)])
    assert (totals.cost_usd, totals.input_tokens, totals.output_tokens) == (None, 30, None)
    (bare,) = summarise([row()])
    assert bare.cost_usd is None


def test_latency_quantiles_are_over_what_was_measured() -> None:
    """Answers without a latency (scripted ones) do not count as zero seconds."""
    rows = [answered(latency_s=float(value)) for value in (1, 2, 3, 4, 100)] + [answered(latency_s=None)]
    (totals,) = summarise(rows)
    assert totals.latency_p50_s == 3.0
    assert totals.latency_p95_s == pytest.approx(4 + 0.8 * 96)


def test_totals_of_nothing_are_unknown() -> None:
    """No values: None, not 0."""
    assert total([]) is None
    assert total([1, None]) is None
    assert total([1, 2]) == 3


@settings(deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=50))
def test_quantiles_agree_with_the_standard_library(values: list[float]) -> None:
    """The inclusive method of ``statistics.quantiles`` is the same definition."""
    reference = statistics.quantiles(values, n=20, method="inclusive")
    mine = [quantile(values, step / 20) for step in range(1, 20)]
    assert mine == pytest.approx(reference, abs=1e-6)
    assert quantile(values, 0) == min(values)
    assert quantile(values, 1) == max(values)


def test_quantiles_have_edges() -> None:
    """One value is every quantile, none is None, and q outside 0 to 1 is a mistake."""
    assert quantile([7.0], 0.95) == 7.0
    assert quantile([], 0.5) is None
    with pytest.raises(ValueError, match="expected 0 to 1"):
        quantile([1.0], 1.1)
