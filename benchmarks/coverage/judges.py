"""How often the intervals of a judge's calibration hold the truth when a case has several answers: seeded simulation."""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING

from evalkit.harness.labels.calibrating import calibrations_of
from evalkit.store.labels.counted import JudgedAnswers, JudgedCases

if TYPE_CHECKING:
    from evalkit.compare.statistics.interval import Interval
    from evalkit.report.calibration import Calibration
    from evalkit.store.labels.counted import Person

SETTINGS = ((40, 1, 0.0), (40, 3, 1.0), (40, 3, 0.5), (100, 4, 0.7), (20, 5, 0.8))
"""Cases, answers per case, and the share of cases whose answers are all alike."""
PASSING, SENSITIVITY, SPECIFICITY = 0.7, 0.85, 0.8
_CHANCE = (PASSING * SENSITIVITY + (1 - PASSING) * (1 - SPECIFICITY)) * (2 * PASSING - 1) + 1 - PASSING
_AGREEMENT = PASSING * SENSITIVITY + (1 - PASSING) * SPECIFICITY
TRUTH = {
    "kappa": (_AGREEMENT - _CHANCE) / (1 - _CHANCE),
    "sensitivity": SENSITIVITY,
    "specificity": SPECIFICITY,
    "corrected": PASSING,
    "own labels": PASSING,
}
LEAST = 0.85
"""What is out of bounds: with twenty cases, six of which people fail, no interval of a share holds 95%."""
ENOUGH = 1000


def sample(source: random.Random, *, cases: int, answers: int, alike: float) -> list[JudgedCases]:
    """The judged answers of one run, of which people labelled those of every other case."""
    return [
        _case(source, answers=answers, alike=source.random() < alike, labelled=number % 2 == 0)
        for number in range(cases * 2)
    ]


def _case(source: random.Random, *, answers: int, alike: bool, labelled: bool) -> JudgedCases:
    first = _answer(source)
    told = Counter(first if alike else _answer(source) for _ in range(answers))
    rows = (JudgedAnswers("v", verdict, person if labelled else "none", n) for (person, verdict), n in told.items())
    return JudgedCases("s", "rubric", tuple(rows), 1)


def _answer(source: random.Random) -> tuple[Person, Person]:
    good = source.random() < PASSING
    passed = source.random() < (SENSITIVITY if good else 1 - SPECIFICITY)
    return "pass" if good else "fail", "pass" if passed else "fail"


def _intervals(found: Calibration) -> dict[str, Interval | None]:
    (variant,) = found.variants
    return {
        "kappa": found.kappa_interval,
        "sensitivity": found.sensitivity and found.sensitivity.interval,
        "specificity": found.specificity and found.specificity.interval,
        "corrected": variant.corrected and variant.corrected.interval,
        "own labels": variant.rectified and variant.rectified.interval,
    }


def coverage(rounds: int, *, cases: int, answers: int, alike: float, seed: int = 43) -> dict[str, float]:
    """How often each interval that there is holds the truth."""
    source = random.Random(f"{seed} {cases} {answers} {alike}")
    held: Counter[str] = Counter()
    given: Counter[str] = Counter()
    for _ in range(rounds):
        for one in calibrations_of(sample(source, cases=cases, answers=answers, alike=alike)):
            for name, interval in _intervals(one).items():
                if interval is not None:
                    given[name] += 1
                    held[name] += interval.lower <= TRUTH[name] <= interval.upper
    return {name: held[name] / given[name] for name in TRUTH}


def report(rounds: int) -> list[str]:
    """Print the coverage of each setting; return what is below :data:`LEAST`."""
    print(f"\na judge beside people, {rounds} samples of each" + "".join(f"{name:>14}" for name in TRUTH))
    broken = []
    for cases, answers, alike in SETTINGS:
        found = coverage(rounds, cases=cases, answers=answers, alike=alike)
        label = f"{cases} labelled cases × {answers}, {alike:.0%} alike"
        print(f"  {label:42}" + "".join(f"{found[name]:14.3f}" for name in TRUTH), flush=True)
        if rounds >= ENOUGH:
            broken += [f"calibration, {label}: {name} {share:.3f}" for name, share in found.items() if share < LEAST]
    return broken
