"""The desk of one person: the items of a check or of a pair of variants, page by page, and how far the person is."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from evalkit.store.labels.items import answer_items, labelled, pair_items, preferred_by

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalkit.server.site import Site
    from evalkit.store.labels.items import Item, Word

_LABELS = "select distinct label from trials where run_id = $run order by label"


@dataclass(frozen=True, slots=True)
class Left:
    """How many items there are, and how many of them this person has labelled."""

    total: int
    labelled: int


@dataclass(frozen=True, slots=True)
class Desk:
    """``items`` in the order in which everybody gets them, and what this person ``said``, by the items' places."""

    items: Mapping[str, Item]
    said: Mapping[tuple[str, ...], Word]

    @property
    def left(self) -> Left:
        """How far this person is."""
        done = sum(word.value is not None for place, word in self.said.items() if place in self._places())
        return Left(len(self.items), done)

    def word(self, item: Item) -> Word | None:
        """What this person said of an item."""
        return self.said.get(item.place)

    def page(self, *, after: str, todo: bool, limit: int) -> list[Item]:
        """The items behind the key ``after``, at most ``limit``; with ``todo`` those that are not labelled."""
        found: list[Item] = []
        for item in self.items.values():
            word = self.word(item)
            if item.key > after and not (todo and word is not None and word.value is not None):
                found.append(item)
            if len(found) == limit:
                break
        return found

    def _places(self) -> set[tuple[str, ...]]:
        return {item.place for item in self.items.values()} if self.said else set()


def pairs_of(site: Site, run_id: str) -> dict[str, tuple[str, str]]:
    """Every two variants of a run by a name that does not say which they are. Raises StoreError."""

    def make() -> dict[str, tuple[str, str]]:
        labels = [row[0] for row in site.store.tuples(_LABELS, run=run_id)]
        return {site.veil.name("pair", run_id, *pair): pair for pair in combinations(labels, 2)}

    return site.kept.get(("pairs", run_id, site.store.version(run_id)), make)


def answers_desk(site: Site, run_id: str, check: str, *, by: str) -> Desk:
    """The answers that ``check`` has judged. Raises StoreError."""
    key = ("answers", run_id, check, site.store.version(run_id))
    items = site.desks.get(key, lambda: answer_items(site.store, site.veil, run_id, check))
    return Desk(items, labelled(site.store, run_id, check, by=by))


def pairs_desk(site: Site, run_id: str, labels: tuple[str, str], *, by: str) -> Desk:
    """The answers of two variants to the same cases. Raises StoreError."""
    key = ("pairs", run_id, labels, site.store.version(run_id))
    items = site.desks.get(key, lambda: pair_items(site.store, site.veil, run_id, labels))
    return Desk(items, preferred_by(site.store, run_id, labels, by=by))
