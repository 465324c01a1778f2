"""Numbers read as a person would write them, and never round a truth away."""

from __future__ import annotations

import pytest

from evalkit.compare import words


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        (0.87, "87.0%"),
        (0.9399, "94.0%"),
        (1.0, "100.0%"),
        (0.9999, ">99.9%"),
        (0.0, "0.0%"),
        (0.0001, "<0.1%"),
        (None, "unknown"),
    ],
)
def test_percent(rate, text):
    """100.0% means all of them and 0.0% none."""
    assert words.percent(rate) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(-0.075, "−7.5 pp"), (-0.0204, "−2.0 pp"), (0.086, "+8.6 pp"), (-0.0001, "0.0 pp"), (0.0001, "0.0 pp")],
)
def test_points(value, text):
    """A sign for every change, a true minus, and no minus nought."""
    assert words.points(value) == text


@pytest.mark.parametrize(
    ("metric", "value", "text"),
    [
        ("cost_usd", 12.345, "$12.35"), ("cost_usd", 0.0042, "$0.00420"), ("cost_usd", 0.0, "$0"),
        ("latency_s", 0.82, "820 ms"), ("latency_s", 4.2, "4.20 s"), ("input_tokens", 1234.0, "1,234"),
    ],
)  # fmt: skip
def test_amounts(metric, value, text):
    """Each metric in its own unit."""
    assert words.amount(metric, value) == text


@pytest.mark.parametrize(("number", "text"), [(0, "no cases"), (1, "1 case"), (1200, "1,200 cases")])
def test_numbers_of_things(number, text):
    """The noun agrees with its number."""
    assert words.number_of(number, "case") == text


def test_p_values_are_never_nought():
    """A p-value of 0.000 would claim certainty."""
    assert [words.p_value(p) for p in (0.009, 0.0000001, 1.0)] == ["p 0.009", "p < 0.001", "p 1"]
