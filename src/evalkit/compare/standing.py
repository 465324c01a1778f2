"""Three or more variants side by side: a ranking with intervals, and one correction over all their comparisons with the baseline."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING

from evalkit.compare import words
from evalkit.compare.estimate import single_rate
from evalkit.compare.pair import by_case, passes
from evalkit.compare.slices import narrow
from evalkit.compare.statistics.interval import Interval
from evalkit.compare.statistics.intervals import tail_share
from evalkit.compare.statistics.multiplicity import holm
from evalkit.compare.statistics.ranking import bradley_terry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalkit.compare.values import Comparison
    from evalkit.model.results import Measurement

PAIRWISE = "pairwise"
"""The check whose verdicts are judgements of preference."""
_DRAWS = 200
_PRIOR = 1.0
"""Ties that every pair of variants is credited with, so that one that never lost is not infinitely strong."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One variant in a ranking. ``rate`` is what it is ranked by (its pass rate, or how often it was preferred), with Wilson's interval.

    ``strength`` is the Bradley-Terry logarithm (0 is the average variant), only where a pairwise judge spoke. ``note`` says what became
    of it in a race.
    """

    label: str
    rate: float
    interval: Interval
    cases: int
    strength: float | None = None
    strength_interval: Interval | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Ranking:
    """The variants of one suite, best first. ``by`` is ``pass_rate`` or ``check:pairwise``."""

    suite: str
    by: str
    standings: tuple[Standing, ...]

    @property
    def title(self) -> str:
        """By what the variants are ranked, in words."""
        return "ranked by preference" if self.by != "pass_rate" else "ranked by pass rate"

    @property
    def rows(self) -> tuple[tuple[str, str, str, str, str], ...]:
        """The ranking as a table of text: place, variant, rate with its interval and cases, strength, and what became of it."""
        return tuple((f"{place}", *_row(one)) for place, one in enumerate(self.standings, start=1))


def _row(one: Standing) -> tuple[str, str, str, str]:
    rate = f"{words.percent(one.rate)} ({words.rate_interval(one.interval)}) of {words.number_of(one.cases, 'case')}"
    strength = ""
    if one.strength is not None and one.strength_interval is not None:
        lower, upper = one.strength_interval
        level = words.level(one.strength_interval.confidence)
        strength = (
            f"{words.signed(one.strength, 2)} ({level} interval {words.signed(lower, 2)} to {words.signed(upper, 2)})"
        )
    return one.label, rate, strength, one.note


def rank(measurements: Sequence[Measurement], *, confidence: float = 0.95, seed: int = 0) -> Ranking | None:
    """Rank the variants of one suite's ``measurements``; None with fewer than three.

    With a ``pairwise`` judge the variants are ranked by Bradley-Terry strengths: on a case, one that was preferred beats one that was
    not, and anything else is a tie; the intervals come from a bootstrap over cases. Otherwise they are ranked by pass rate.
    """
    judged = any(name == PAIRWISE for row in measurements for name, *_ in row.checks)
    by = f"check:{PAIRWISE}" if judged else "pass_rate"
    groups: dict[str, list[Measurement]] = {}
    for row in narrow(measurements, by if judged else None):
        groups.setdefault(row.label, []).append(row)
    rates = {label: found for label, rows in groups.items() if (found := single_rate(rows, confidence)) is not None}
    if len(rates) < 3:
        return None
    strengths = _strengths({label: groups[label] for label in rates}, confidence, seed) if judged else {}
    standings = [
        Standing(label, found.rate, found.interval, found.cases, *strengths.get(label, (None, None)))
        for label, found in rates.items()
    ]
    standings.sort(key=lambda one: (-(one.strength or 0.0), -one.rate, one.label))
    return Ranking(measurements[0].suite, by, tuple(standings))


_Pattern = tuple[float | None, ...]


def _strengths(
    groups: Mapping[str, Sequence[Measurement]], confidence: float, seed: int
) -> dict[str, tuple[float, Interval]]:
    """Bradley-Terry strengths with percentile intervals over resampled cases (Efron 1979)."""
    labels = list(groups)
    patterns = _patterns(groups)
    total = sum(patterns.values())
    source = random.Random(seed)  # noqa: S311 - resampling, not secrets
    seen = _fit(labels, patterns)
    kinds, weights = list(patterns), list(patterns.values())
    draws = [_fit(labels, Counter(source.choices(kinds, weights, k=total))) for _ in range(_DRAWS)]
    cut = int(tail_share(confidence) * _DRAWS)
    found = {}
    for label in labels:
        ordered = sorted(draw[label] for draw in draws)
        found[label] = (seen[label], Interval(ordered[cut], ordered[-1 - cut], confidence, "case bootstrap"))
    return found


def _patterns(groups: Mapping[str, Sequence[Measurement]]) -> Counter[_Pattern]:
    """How often each row of preferences occurs among the cases, one entry per variant, None where it was not judged."""
    sides = [{key: sum(passes(rows)) / len(rows) for key, rows in by_case(group).items()} for group in groups.values()]
    keys = sorted({key for side in sides for key in side})
    return Counter(tuple(side.get(key) for side in sides) for key in keys)


def _fit(labels: Sequence[str], patterns: Mapping[_Pattern, int]) -> dict[str, float]:
    wins: Counter[tuple[str, str]] = Counter()
    ties: Counter[tuple[str, str]] = Counter(dict.fromkeys(combinations(labels, 2), 0))
    for pattern, count in patterns.items():
        for (x, a), (y, b) in combinations(zip(labels, pattern, strict=True), 2):
            if a is None or b is None:
                continue
            if a == b:
                ties[x, y] += count
            else:
                wins[(x, y) if a > b else (y, x)] += count
    return bradley_terry(wins, ties, prior=_PRIOR)


def corrected(comparisons: Sequence[Comparison]) -> tuple[Comparison, ...]:
    """Holm's correction over the comparisons of one suite with one baseline: the best of many looks better than it is.

    The first metric of each gets ``p_adjusted``; a word that does not survive is followed by a warning. A single comparison stays as it is.
    """
    family = [one for one in comparisons if one.metrics and one.metrics[0].p is not None]
    if len(family) < 2:
        return tuple(comparisons)
    adjusted = iter(holm([one.metrics[0].p for one in family if one.metrics[0].p is not None]))
    return tuple(
        one if not one.metrics or one.metrics[0].p is None else _with_adjusted(one, next(adjusted), size=len(family))
        for one in comparisons
    )


def _with_adjusted(one: Comparison, p: float, *, size: int) -> Comparison:
    first = replace(one.metrics[0], p_adjusted=p, adjust="Holm", family_size=size)
    sentence = one.sentence
    alpha = 1.0 - first.interval.confidence if first.interval is not None else 0.0
    if first.word in {"better", "worse"} and p > alpha:
        sentence += (
            f"; of {size} comparisons made together one looks like this by chance too often "
            f"({words.p_value(p)} with Holm's correction)"
        )
    return replace(one, metrics=(first, *one.metrics[1:]), sentence=sentence)
