"""The scores of paired cases, alike ones together, out of the outcomes that the database counted."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Scores = Mapping[int, Mapping[str, "Mark"]]
    """What the number of an outcome says in its run: the mark of each check that has one."""
    KindRow = tuple[tuple[int, ...], tuple[int, ...], str | None, int]
    """Cases (so many, of this cluster or none) with these outcomes before and after."""


class Mark(NamedTuple):
    """What a check's scores say of one trial: a score, or None if it judged without one; ``given`` if the check itself gave it."""

    score: float | None
    given: bool


class ScoreRow(NamedTuple):
    """Cases (``cases`` of them) alike in the scores of ``check``: those before and after, of how many trials there was no answer to judge
    (``lost_…``), and how many were judged without a score (``unknown_…``).
    """

    check: str
    a: tuple[float, ...]
    b: tuple[float, ...]
    lost_a: int
    lost_b: int
    unknown_a: int
    unknown_b: int
    cluster: str | None
    cases: int


def scores_by_number(rows: Iterable[tuple[int, str, str, float | None]]) -> dict[int, dict[str, Mark]]:
    """The marks of each number, from ``(number, check, status, score)`` of its verdicts; those of one name are averaged, an error scores 0."""
    found: dict[int, dict[str, list[tuple[str, float | None]]]] = {}
    for number, check, status, score in rows:
        found.setdefault(number, {}).setdefault(check, []).append((status, score))
    return {
        number: {
            check: _mark(verdicts) for check, verdicts in checks.items() if any(one != "skip" for one, _ in verdicts)
        }
        for number, checks in found.items()
    }


def _mark(verdicts: Sequence[tuple[str, float | None]]) -> Mark:
    scores = [score for _, score in verdicts if score is not None]
    if any(status == "error" for status, _ in verdicts):
        return Mark(0.0, bool(scores))
    return Mark(math.fsum(scores) / len(scores) if scores else None, bool(scores))


def score_rows(rows: Sequence[KindRow], scores_a: Scores, scores_b: Scores) -> tuple[ScoreRow, ...]:
    """The scores of every check that gave one on either side, check by check in alphabetical order."""
    counts: Counter[tuple[str, tuple[float, ...], tuple[float, ...], int, int, int, int, str | None]] = Counter()
    checks = sorted(_given((a for a, *_ in rows), scores_a) | _given((b for _, b, *_ in rows), scores_b))
    for a, b, cluster, cases in rows if checks else ():
        unchecked = all(outcome < _CHECKED for outcome in (*a, *b))
        lost = (a.count(_UNANSWERED), b.count(_UNANSWERED))
        for check in checks:
            marks_a, marks_b = _marks(a, check, scores_a), _marks(b, check, scores_b)
            if marks_a or marks_b or unchecked:
                known_a, known_b = _known(marks_a), _known(marks_b)
                unknown = (len(marks_a) - len(known_a), len(marks_b) - len(known_b))
                counts[check, known_a, known_b, *lost, *unknown, cluster] += cases
    ordered = sorted(counts.items(), key=lambda one: one[0][0])
    return tuple(ScoreRow(*key, cases) for key, cases in ordered)


_CHECKED = 3
"""The first outcome with a verdict: see :func:`evalkit.store.counting.counted.count_parts`."""
_UNANSWERED = 2
"""The outcome of an error without a verdict."""


def _given(sides: Iterable[tuple[int, ...]], scores: Scores) -> set[str]:
    numbers = {outcome // 3 for side in sides for outcome in side}
    return {check for number in numbers for check, mark in scores.get(number, {}).items() if mark.given}


def _marks(outcomes: Iterable[int], check: str, scores: Scores) -> list[Mark]:
    return [mark for outcome in outcomes if (mark := scores.get(outcome // 3, {}).get(check)) is not None]


def _known(marks: Iterable[Mark]) -> tuple[float, ...]:
    return tuple(sorted(mark.score for mark in marks if mark.score is not None))
