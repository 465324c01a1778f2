"""How a run and its numbers are worded."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evalkit.compare.statistics.interval import Interval
from evalkit.report import wording


def test_what_the_harness_decided_is_not_said_twice(report):
    """Every output shows the outcome as a word beside the sentence."""
    decided = replace(report, outcome="failed", verdict="FAILED: 3 of 40 tests failed")
    assert wording.sentence(decided) == "3 of 40 tests failed"


def test_a_tally_hides_nothing(report):
    """Errors, skips and missing trials are in the denominator."""
    variant = replace(report.variants[0], passed=47, failed=1, errors=1, skipped=1, missing=2)
    assert wording.tally(variant) == "47/52 (errors 1, skipped 1, missing 2)"


def test_a_pass_rate_is_of_what_was_tried(report):
    """Cases that a race left out are in the tally, not in the rate: it lies within its interval, and its denominator is said."""
    interval = Interval(0.762, 0.876, 0.95, "Wilson")
    raced = replace(report.variants[0], passed=138, failed=29, errors=0, skipped=133, missing=0, interval=interval)
    assert wording.pass_rate(raced) == 138 / 167
    assert wording.rate_line(raced) == "82.6% of 167 [76.2%, 87.6%]"
    assert wording.rate_line(replace(raced, skipped=0)) == "[76.2%, 87.6%]"
    assert wording.pass_rate(replace(raced, passed=0, failed=0)) is None


def test_a_title_keeps_the_name_of_a_variant():
    """A sentence gets its capital; "v2-mini" is not "V2-mini"."""
    assert wording.headline("the gate passed") == "The gate passed"
    assert wording.headline("v2-mini is the best of 3 variants") == "v2-mini is the best of 3 variants"


@pytest.mark.parametrize(
    ("worded", "text"),
    [
        (wording.money(None), "unknown"),
        (wording.money(0), "$0"),
        (wording.money(0.00042), "$0.000420"),
        (wording.money(0.0000042), "$0.00000420"),
        (wording.money(1234.5), "$1,234.50"),
        (wording.seconds(None), "unknown"),
        (wording.seconds(0.0421), "42 ms"),
        (wording.seconds(125), "2 min 5 s"),
        (wording.ratio(0.9), "×0.90"),
        (wording.ratio(None), "unknown"),
        (wording.count(12345), "12,345"),
    ],
)
def test_numbers_read_well(worded, text):
    """Unknown is never 0, and digits are those that matter."""
    assert worded == text
