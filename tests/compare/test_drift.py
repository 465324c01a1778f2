"""The alarm for drift: exact at each look, and within its level however many looks there are."""

from __future__ import annotations

import random

import pytest

from evalkit.compare.drift import ALPHA, drift_looks
from evalkit.compare.stats import mcnemar


def test_the_levels_of_all_looks_add_up_to_the_whole():
    """Endless looks spend 5%, the first 61% of it."""
    levels = [look.level for look in drift_looks([(10, 0, 0)] * 10_000)]
    assert levels[0] == pytest.approx(0.0304, abs=1e-4)
    assert levels == sorted(levels, reverse=True)
    assert ALPHA * 0.999 < sum(levels) < ALPHA


def test_a_look_is_the_exact_test():
    """The p-value is McNemar's exact one; up and down count alike."""
    (look,) = drift_looks([(60, 1, 12)])
    assert look.p == mcnemar(1, 12).p_exact
    assert look.alarm
    assert not drift_looks([(60, 5, 7)])[0].alarm
    assert drift_looks([(60, 12, 1)])[0].alarm


def test_what_alarms_at_the_first_look_may_not_at_the_tenth():
    """A look that was bought with nine others must show more."""
    looks = drift_looks([(60, 0, 8)] * 10)
    assert looks[0].alarm
    assert not looks[-1].alarm


def test_twenty_looks_at_an_unchanged_model_seldom_alarm():
    """Simulated: 400 projects, 20 runs beside one reference each, flaky cases; false alarms at any look stay within 5%."""
    chance = random.Random(5)
    alarms = 0
    for _ in range(400):
        rates = [chance.choice((0.5, 0.8, 0.95)) for _ in range(60)]
        first = [chance.random() < rate for rate in rates]
        counts = []
        for _ in range(20):
            now = [chance.random() < rate for rate in rates]
            rose = sum(b and not a for a, b in zip(first, now, strict=True))
            fell = sum(a and not b for a, b in zip(first, now, strict=True))
            counts.append((60, rose, fell))
        alarms += any(look.alarm for look in drift_looks(counts))
    assert alarms / 400 <= 0.05
