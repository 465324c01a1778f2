"""The pass rate by tag and variant: where a suite is weak, and where a change helped or hurt."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.model.results import Result

MOST_TAGS = 40
"""Tags that are shown, those with the most trials."""
_STEPS = (0.5, 0.7, 0.8, 0.9, 0.95, 1.0)


@dataclass(frozen=True, slots=True)
class Cell:
    """The trials of one tag on one variant; an errored trial did not pass."""

    passed: int
    trials: int

    @property
    def rate(self) -> float | None:
        """The share that passed; None without a trial."""
        return self.passed / self.trials if self.trials else None

    @property
    def step(self) -> int | None:
        """The colour's place: 0 (under 50%), 1 (under 70%), … 5 (under 100%), 6 (all passed)."""
        return None if self.rate is None else bisect_right(_STEPS, self.rate)


@dataclass(frozen=True, slots=True)
class TagRow:
    """One tag; ``cells`` are in the order of the variants."""

    tag: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Heat:
    """The table of one suite: the tags of which a trial did not pass. ``clean`` are the others; ``more`` tags were left out."""

    labels: tuple[str, ...]
    rows: tuple[TagRow, ...]
    clean: tuple[str, ...]
    more: int


def heat_of(results: Sequence[Result], labels: Sequence[str]) -> Heat | None:
    """The heat map of one suite's ``results``, weakest tag of the last variant first; None if no case has a tag."""
    passed: Counter[tuple[str, str]] = Counter()
    trials: Counter[tuple[str, str]] = Counter()
    for result in results:
        good = result.status == "pass"
        for tag in result.trial.case.tags:
            key = (tag, result.trial.variant.label)
            trials[key] += 1
            passed[key] += good
    sizes: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    for (tag, label), number in trials.items():
        sizes[tag] += number
        lost[tag] += number - passed[tag, label]
    weak = sorted((tag for tag in sizes if lost[tag]), key=lambda tag: (-sizes[tag], tag))
    rows = [
        TagRow(tag, tuple(Cell(passed[tag, label], trials[tag, label]) for label in labels)) for tag in weak[:MOST_TAGS]
    ]
    rows.sort(key=_weakness)
    clean = tuple(sorted(tag for tag in sizes if not lost[tag]))
    return Heat(tuple(labels), tuple(rows), clean, len(weak) - len(rows)) if sizes else None


def _weakness(row: TagRow) -> tuple[float, str]:
    last = row.cells[-1].rate
    return (2.0 if last is None else last, row.tag)
