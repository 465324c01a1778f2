"""Sessions whose suites may stop early: cases in the order that the decision needs, and no case asked that nobody needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalkit.harness.early import EarlyStops
from evalkit.pytest_plugin.items import EvalItem

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pytest

    from evalkit.harness.planning import SuitePlan


def early_stops(plans: Iterable[SuitePlan], items: list[pytest.Item]) -> EarlyStops | None:
    """Listen to the suites of ``plans`` that may stop early, and put their ``items`` in order; None if there is no such suite."""
    stops = EarlyStops(plans)
    if not stops:
        return None
    seats: dict[str, list[int]] = {}
    order: dict[int, str] = {}
    for index, item in enumerate(items):
        found = stops.place(item.test) if isinstance(item, EvalItem) else None
        if found is not None:
            suite, order[index] = found
            seats.setdefault(suite, []).append(index)
    for indexes in seats.values():
        moved = [items[index] for index in sorted(indexes, key=order.__getitem__)]
        for index, item in zip(indexes, moved, strict=True):
            items[index] = item
    return stops
