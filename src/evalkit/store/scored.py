"""The scores of paired cases, alike ones together, out of the cards that the database counted."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from evalkit.store.counted import UNANSWERED, UNSCORED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Cards = Mapping[int, Mapping[str, "Mark"]]
    """What the number of a card means in its run: the mark of each check that has one."""
    CardRow = tuple[tuple[int, ...], tuple[int, ...], str | None, int]
    """Cases (so many, of this cluster or none) with these cards before and after."""


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


def score_rows(rows: Sequence[CardRow], cards_a: Cards, cards_b: Cards) -> tuple[ScoreRow, ...]:
    """The scores of every check that gave one on either side, check by check in alphabetical order."""
    counts: Counter[tuple[str, tuple[float, ...], tuple[float, ...], int, int, int, int, str | None]] = Counter()
    checks = sorted(_given(rows, cards_a, 0) | _given(rows, cards_b, 1))
    for a, b, cluster, cases in rows:
        unchecked = all(card < UNSCORED for card in (*a, *b))
        for check in checks:
            marks_a, marks_b = _marks(a, check, cards_a), _marks(b, check, cards_b)
            if marks_a or marks_b or unchecked:
                lost = (a.count(UNANSWERED), b.count(UNANSWERED))
                unknown = (len(marks_a) - len(_known(marks_a)), len(marks_b) - len(_known(marks_b)))
                counts[check, _known(marks_a), _known(marks_b), *lost, *unknown, cluster] += cases
    ordered = sorted(counts.items(), key=lambda one: one[0][0])
    return tuple(ScoreRow(*key, cases) for key, cases in ordered)


def _given(rows: Iterable[CardRow], cards: Cards, side: int) -> set[str]:
    numbers = {card for row in rows for card in (row[0], row[1])[side]}
    return {check for number in numbers for check, mark in cards.get(number, {}).items() if mark.given}


def _marks(trials: Iterable[int], check: str, cards: Cards) -> list[Mark]:
    return [mark for card in trials if (mark := cards.get(card, {}).get(check)) is not None]


def _known(marks: Iterable[Mark]) -> tuple[float, ...]:
    return tuple(sorted(mark.score for mark in marks if mark.score is not None))
