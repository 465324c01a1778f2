"""The picture of intervals puts things where they belong."""

from __future__ import annotations

import pytest

from evalkit.compare.values import Interval, Metric
from evalkit.report.plot import forest_row, scale_of


def _metric(change, lower, upper, kind="binary", name="pass_rate"):
    return Metric(
        name, kind, 0.9, 0.9, None, None, change, Interval(lower, upper, 0.95, "x"), None, 100, "no clear difference"
    )


def test_no_change_is_in_the_middle_and_order_is_kept():
    """lower < change < upper on the axis, the margin on the side of worse, zero in the middle."""
    metric = _metric(0.01, -0.03, 0.05)
    scale = scale_of([metric], {"pass_rate": 0.02}, log=False)
    row = forest_row(metric, scale, 0.02)
    assert scale.zero == 50
    assert 0 < row.lower < row.margin < 50 < row.x < row.upper < 100
    assert not row.cut_low
    assert not row.cut_high


def test_ratios_are_logarithmic():
    """Half and double are equally far from no change; for a ratio the margin is on the high side."""
    half, double = _metric(0.5, 0.4, 0.6, "ratio", "cost_usd"), _metric(2.0, 1.8, 2.2, "ratio", "latency_s")
    scale = scale_of([half, double], {"cost_usd": 0.1}, log=True)
    assert 50 - forest_row(half, scale, None).x == pytest.approx(forest_row(double, scale, None).x - 50, abs=0.02)
    assert forest_row(half, scale, 0.1).margin > 50


def test_an_interval_that_leaves_the_picture_is_marked():
    """A wide interval is cut at the edge, with an arrow, instead of squeezing everything else."""
    row = forest_row(metric := _metric(0.1, -0.9, 0.95), scale_of([metric], {}, log=False), None)
    assert row.cut_low
    assert row.cut_high
    assert 0 <= row.lower < row.upper <= 100


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("reach", [0.001, 0.03, 0.2, 0.9])
def test_the_axis_has_readable_labels(log, reach):
    """Some labels, never too close to each other, and one of them says "no change"."""
    metric = _metric(1 + reach, 1, 1 + reach, "ratio") if log else _metric(reach, -reach, reach)
    ticks = scale_of([metric], {}, log=log).ticks()
    assert 2 <= len(ticks) <= 8
    assert [tick.zero for tick in ticks].count(True) == 1
    assert all(b.x - a.x > 8 for a, b in zip(ticks, ticks[1:], strict=False))


def test_without_an_estimate_nothing_is_drawn():
    """Unknown stays unknown."""
    metric = Metric("output_tokens", "ratio", 1.0, None, None, None, None, None, None, 3, "undefined")
    row = forest_row(metric, scale_of([metric], {}, log=True), None)
    assert (row.x, row.lower, row.upper) == (None, None, None)
