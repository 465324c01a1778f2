"""What a race found, in numbers and in words: who won or who is left, who was dropped and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalkit.compare import words
from evalkit.compare.estimate import rate_change, single_rate
from evalkit.compare.gates.contest import cases_to_show
from evalkit.compare.pair import pair
from evalkit.compare.standing import Ranking, Standing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalkit.compare.races.race import Drop, Race
    from evalkit.model.calls import JSON
    from evalkit.model.results import Measurement


@dataclass(frozen=True, slots=True)
class RaceResult:
    """A race of ``labels`` that came to its end, or was cut short with ``waiting`` cases to go.

    ``ranking`` holds every variant with the cases it was asked; ``sentence`` says who won, or among whom nobody can know yet.
    """

    labels: tuple[str, ...]
    left: tuple[str, ...]
    drops: tuple[Drop, ...]
    looked: int
    waiting: int
    confidence: float
    ranking: Ranking
    sentence: str

    @property
    def winner(self) -> str | None:
        """The best variant; None if nobody can know yet."""
        return self.left[0] if len(self.left) == 1 else None

    def numbers(self) -> dict[str, JSON]:
        """The result as plain JSON."""
        return {
            "variants": list(self.labels),
            "winner": self.winner,
            "left": list(self.left),
            "cases_looked_at": self.looked,
            "confidence": self.confidence,
            "dropped": [
                {"variant": drop.label, "better": drop.better, "n": drop.n, "won": drop.won, "lost": drop.lost,
                 "e": drop.e, "p_adjusted": drop.p}
                for drop in self.drops
            ],
        }  # fmt: skip


def race_result(race: Race, rows: Mapping[str, Sequence[Measurement]], *, suite: str, confidence: float) -> RaceResult:
    """Sum up ``race``; ``rows`` are the measurements of every variant that was to run, by label."""
    ranking = _ranking(race, rows, suite, confidence)
    ordered = tuple(one.label for one in ranking.standings if one.label in race.left)
    left = ordered + tuple(label for label in race.left if label not in ordered)
    sentence = _won(race, rows) if race.winner else _open(race, left, rows, confidence)
    return RaceResult(
        tuple(rows),
        left,
        tuple(race.drops),
        race.looked,
        0 if race.winner else race.waiting,
        confidence,
        ranking,
        sentence,
    )


def _ranking(race: Race, rows: Mapping[str, Sequence[Measurement]], suite: str, confidence: float) -> Ranking:
    """Those that are left first; then the dropped, the last one dropped first."""
    dropped = {drop.label: drop for drop in race.drops}
    places = {drop.label: place for place, drop in enumerate(reversed(race.drops), start=1)}
    found = {label: single_rate(group, confidence) for label, group in rows.items()}
    standings = [
        Standing(label, rate.rate, rate.interval, rate.cases, note=_note(dropped.get(label), race))
        for label, rate in found.items()
        if rate is not None
    ]
    standings.sort(key=lambda one: (places.get(one.label, 0), -one.rate, one.label))
    return Ranking(suite, "pass_rate", tuple(standings))


def _note(drop: Drop | None, race: Race) -> str:
    if drop is None:
        return "won the race" if race.winner else "still in the race"
    return dropped_because(drop)


def dropped_because(drop: Drop) -> str:
    """``dropped after 31 cases: v2 is better (won 14, lost 1; evidence 2,310 to 1)``."""
    shown = (
        f"evidence {drop.e:,.0f} to 1" if drop.e is not None else f"corrected one-sided {words.p_value(drop.p or 0.0)}"
    )
    after = words.number_of(drop.n, "cluster" if drop.clustered else "case")
    return f"dropped after {after}: {words.shown(drop.better)} is better (won {drop.won}, lost {drop.lost}; {shown})"


def _won(race: Race, rows: Mapping[str, Sequence[Measurement]]) -> str:
    after = [drop.n for drop in race.drops]
    noun = "cluster" if race.drops[-1].clustered else "case"
    span = words.number_of(after[-1], noun) if after[0] == after[-1] else f"{after[0]} to {after[-1]:,} {noun}s"
    return f"{words.shown(race.left[0])} is the best of {len(rows)} variants; the others were dropped after {span}"


def _open(race: Race, left: Sequence[str], rows: Mapping[str, Sequence[Measurement]], confidence: float) -> str:
    names = words.listed(tuple(left))
    text = f"nobody can know yet which is the best of {len(rows)} variants: {names} are left"
    if race.waiting:
        return f"{text}; {words.number_of(race.waiting, 'case')} were not looked at"
    return f"{text} after all {words.number_of(race.looked, 'case')}; {_advice(left, rows, confidence)}"


def _advice(left: Sequence[str], rows: Mapping[str, Sequence[Measurement]], confidence: float) -> str:
    """What would part the first two, if what is seen of them is true: one pair at the confidence of the race, for the order of magnitude."""
    found = rate_change(pair(rows[left[1]], rows[left[0]]).cases, confidence)
    if found is None:
        return "they have no case in common"
    needed = cases_to_show(
        found.n, half_width=found.change - found.interval.lower, distance=found.change, confidence=confidence
    )
    if needed is None:
        return "the first two passed as often as each other, so how many cases would tell is unknown"
    first, second = map(words.shown, left[:2])
    return f"about {needed} cases would tell {first} from {second} if what was seen of them ({words.points(found.change)}) is true"
