"""What goes into which batch, and what does not: pure decisions about requests that wait for one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from evalkit.config import Config
    from evalkit.model.calls import CallFailure, Request
    from evalkit.providers.batch import BatchLimits, Entry
    from evalkit.store.batches import Batch

TRIES = 3
"""In how many batches a request may fail before it is given up."""

_HOPELESS = frozenset({"bad_request", "too_long"})
"""Kinds that the same request meets again in every batch."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request that waits for the next batch. ``group`` names those it may share one with, ``worst_usd`` and ``tokens`` its worst case."""

    request: Request
    entry: Entry
    provider: str
    group: str
    worst_usd: float | None
    tokens: int


@dataclass(frozen=True, slots=True)
class Ceilings:
    """What a run may hand in, what is open counted; None means no ceiling."""

    usd: float | None
    tokens: int | None
    calls: int | None

    @classmethod
    def of(cls, config: Config) -> Ceilings:
        """The configured ceilings."""
        return cls(config.max_cost_usd, config.max_tokens, config.max_calls)


def given_up(failures: Sequence[CallFailure]) -> CallFailure | None:
    """Return the failure that ends a request which failed in these batches, or None if another batch may help."""
    if failures and (len(failures) >= TRIES or failures[-1].kind in _HOPELESS):
        return failures[-1]
    return None


def affordable(queue: Iterable[Waiting], open_batches: Iterable[Batch], ceilings: Ceilings) -> list[Waiting]:
    """Return the requests at the head of the queue that the ceilings leave room for, open batches counted at their worst.

    The first that does not fit ends it, so that what is handed in does not depend on the size of later ones. A request of unknown price
    fits under no ceiling in US dollars.
    """
    usd, tokens, calls = 0.0, 0, 0
    for batch in open_batches:
        usd, tokens, calls = usd + (batch.worst_usd or 0.0), tokens + batch.tokens, calls + batch.size
    chosen = []
    for one in queue:
        if ceilings.usd is not None and one.worst_usd is None:
            break
        usd, tokens, calls = usd + (one.worst_usd or 0.0), tokens + one.tokens, calls + 1
        totals = ((usd, ceilings.usd), (tokens, ceilings.tokens), (calls, ceilings.calls))
        if any(most is not None and total > most for total, most in totals):
            break
        chosen.append(one)
    return chosen


def chunks(waiting: Iterable[Waiting], limits: BatchLimits) -> Iterator[list[Waiting]]:
    """Yield requests of one provider as batches: one group each, none above ``limits``, in the order in which they came."""
    groups: dict[str, list[Waiting]] = {}
    for one in waiting:
        groups.setdefault(one.group, []).append(one)
    for members in groups.values():
        yield from _cut(members, limits)


def _cut(members: Sequence[Waiting], limits: BatchLimits) -> Iterator[list[Waiting]]:
    chunk: list[Waiting] = []
    size = inputs = 0
    for one in members:
        size, inputs = size + one.entry.size, inputs + one.entry.inputs
        if chunk and (len(chunk) == limits.requests or size > limits.size or inputs > limits.inputs):
            yield chunk
            chunk, size, inputs = [], one.entry.size, one.entry.inputs
        chunk.append(one)
    if chunk:
        yield chunk


def sum_usd(waiting: Iterable[Waiting]) -> float | None:
    """What requests may cost together at most; None if a price is unknown."""
    total = 0.0
    for one in waiting:
        if one.worst_usd is None:
            return None
        total += one.worst_usd
    return total
