"""Who paid for the calls of a finished run: itself, or an earlier one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalkit.metrics.summary import total
from evalkit.metrics.table import table_facts
from evalkit.model.calls import CallFailure
from evalkit.report.values import Spend

if TYPE_CHECKING:
    from collections.abc import Iterable

    from evalkit.metrics.cost import PriceOrigin, Prices
    from evalkit.model.calls import JSON, Call
    from evalkit.store.journal.reader import RunRecords


class Spending:
    """The sums of one run.

    The answers of a batch are paid by the run that takes them in, at the price of a batch, and are then read from the cache: such a call
    counts as paid, once, and not as saved.
    """

    def __init__(self, records: RunRecords) -> None:
        used = {place for stored in records.stored for place in (stored.call_id, *stored.followup_ids)}
        self._records = records
        self._taken_in = {
            stored.key: stored.call
            for stored in records.stored_calls
            if stored.id not in used and stored.call.source == "live" and answered(stored.call)
        }
        self._left = dict(self._taken_in)

    def of(self, calls: Iterable[Call]) -> Spend:
        """Sum calls that results refer to. Ask for each call once: what was taken in is given to the first that reads it."""
        return _sum([self._as_paid(call, self._left) for call in calls])

    def whole(self) -> Spend:
        """Sum all calls of the run, also those of tests that have no result."""
        taken_in = {id(call) for call in self._taken_in.values()}
        left = dict(self._taken_in)
        calls = [self._as_paid(call, left) for call in self._records.calls if id(call) not in taken_in]
        return _sum([*calls, *left.values()])

    def _as_paid(self, call: Call, left: dict[str, Call]) -> Call:
        return left.pop(call.request.key, call) if left and call.source == "cache" else call


def answered(call: Call) -> bool:
    """Whether there is an answer that could cost something."""
    return not isinstance(call.reply, CallFailure)


def _sum(calls: Iterable[Call]) -> Spend:
    """A call without an answer counts as nothing."""
    found = [call for call in calls if answered(call)]
    return Spend(
        paid_usd=total([0.0, *(call.paid_usd for call in found)]),
        saved_usd=total([0.0, *(call.cost_usd for call in found if call.source != "live")]),
    )


def price_facts(records: RunRecords, prices: Prices) -> dict[str, JSON]:
    """What the run's costs rest on: the ``table`` of prices with its version (None if it priced nothing), and the models whose price the
    project ``stated`` or that is ``unknown``, each sorted."""
    origins: dict[PriceOrigin, list[JSON]] = {}
    for model in sorted({call.request.model for call in records.calls}):
        origins.setdefault(prices.origin(model), []).append(model)
    return {
        "table": str(table_facts()) if "table" in origins else None,
        "stated": origins.get("project", []),
        "unknown": origins.get("unknown", []),
    }
