"""Which of two variants people prefer, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalkit.compare.statistics.intervals import effective_counts, wilson
from evalkit.report.calibration import Share

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from evalkit.store.labels.items import PreferenceCount


@dataclass(frozen=True, slots=True)
class Preferred:
    """What people said of the pair ``a`` and ``b``. ``share`` is how often ``b`` won where one did, None if none did; it rests on cases: several
    people's words on a case are no evidence of their own."""

    a: str
    b: str
    a_wins: int
    b_wins: int
    ties: int
    share: Share | None

    @property
    def is_clear(self) -> bool:
        """Whether the interval says which of the two is preferred."""
        return self.share is not None and not self.share.interval.lower <= 0.5 <= self.share.interval.upper


def preferences_of(counts: Iterable[PreferenceCount], *, confidence: float = 0.95) -> list[Preferred]:
    """Each pair of variants about which people said something, from counted cases."""
    pairs: dict[tuple[str, str], list[PreferenceCount]] = {}
    for one in counts:
        pairs.setdefault((one.a, one.b), []).append(one)
    return [_preferred(*pair, alike, confidence) for pair, alike in pairs.items()]


def _preferred(a: str, b: str, alike: Sequence[PreferenceCount], confidence: float) -> Preferred:
    a_wins = sum(one.a_wins * one.cases for one in alike)
    b_wins = sum(one.b_wins * one.cases for one in alike)
    ties = sum(one.ties * one.cases for one in alike)
    share = None
    if a_wins + b_wins:
        counts = effective_counts([(one.b_wins, one.a_wins + one.b_wins, one.cases) for one in alike], confidence)
        share = Share(b_wins, a_wins + b_wins, wilson(*counts, confidence))
    return Preferred(a, b, a_wins, b_wins, ties, share)
