"""The desk of one person: the items of a check or of a pair of variants, page by page, and how far the person is."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, islice
from typing import TYPE_CHECKING

from evalkit.store.labels.items import answer_places, labelled, pair_places, preferred_by

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalkit.server.site import Site
    from evalkit.store.labels.items import Place, Word

_LABELS = "select distinct label from trials where run_id = $run order by label"


@dataclass(frozen=True, slots=True)
class Left:
    """How many items there are, and how many of them this person has labelled."""

    total: int
    labelled: int


@dataclass(frozen=True, slots=True)
class Desk:
    """``places`` of the items by their keys, in the order in which everybody gets them, and what this person ``said``, by place."""

    places: Mapping[str, Place]
    said: Mapping[Place, Word]

    @property
    def left(self) -> Left:
        """How far this person is."""
        there = set(self.places.values()) if self.said else set()
        done = sum(word.value is not None for place, word in self.said.items() if place in there)
        return Left(len(self.places), done)

    def page(self, *, after: str, todo: bool, limit: int) -> dict[str, Place]:
        """The places of the items behind the key ``after``, at most ``limit``; with ``todo`` those that are not labelled."""
        behind = ((key, place) for key, place in self.places.items() if key > after)
        return dict(islice((one for one in behind if not (todo and self._is_done(one[1]))), limit))

    def word(self, key: str) -> Word | None:
        """What this person said of an item."""
        return self.said.get(self.places[key])

    def _is_done(self, place: Place) -> bool:
        word = self.said.get(place)
        return word is not None and word.value is not None


def pairs_of(site: Site, run_id: str) -> dict[str, tuple[str, str]]:
    """Every two variants of a run by a name that does not say which they are. Raises StoreError."""

    def make() -> dict[str, tuple[str, str]]:
        labels = [row[0] for row in site.store.tuples(_LABELS, run=run_id)]
        return {site.veil.name("pair", run_id, *pair): pair for pair in combinations(labels, 2)}

    return site.kept.get(("pairs", run_id, site.store.version(run_id)), make)


def answers_desk(site: Site, run_id: str, check: str, *, by: str) -> Desk:
    """The answers that ``check`` has judged. Raises StoreError."""
    key = ("answers", run_id, check, site.store.version(run_id))
    places = site.desks.get(key, lambda: answer_places(site.store, site.veil, run_id, check))
    return Desk(places, labelled(site.store, run_id, check, by=by))


def pairs_desk(site: Site, run_id: str, labels: tuple[str, str], *, by: str) -> Desk:
    """The answers of two variants to the same cases. Raises StoreError."""
    key = ("pairs", run_id, labels, site.store.version(run_id))
    places = site.desks.get(key, lambda: pair_places(site.store, site.veil, run_id, labels))
    return Desk(places, preferred_by(site.store, run_id, labels, by=by))
