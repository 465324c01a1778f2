"""Answering from recordings: the same request gets the same answer, and a miss says which recording was nearest and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalkit.errors import CallError
from evalkit.model.calls import CallFailure
from evalkit.providers.recordings.nearest import Nearest, differences
from evalkit.providers.recordings.recording import replay_key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from evalkit.model.calls import Request, Response
    from evalkit.providers.recordings.recording import Exchange

_EXPLAINED = 50  # misses whose nearest recording is looked for; after that the reason is known


class ReplayProvider:
    """Answers requests from ``exchanges``; ``folder`` is where they came from, for messages. Needs no network and no key.

    Of several exchanges with one key the last counts, so that a newer recording replaces an older one.
    """

    def __init__(self, exchanges: Iterable[Exchange], *, folder: str) -> None:
        self._by_key = {exchange.key: exchange for exchange in exchanges}
        self._folder = folder
        self._misses = 0
        self._exchanges = tuple(self._by_key.values())
        self._near: Nearest | None = None

    async def complete(self, request: Request) -> Response:
        """Return the recorded answer. Raises CallError: the recorded failure, or ``replay_miss`` that names the nearest recording."""
        exchange = self._by_key.get(replay_key(request))
        if exchange is None:
            raise self._miss(request)
        if isinstance(exchange.reply, CallFailure):
            raise CallError(exchange.reply.message, kind=exchange.reply.kind, should_retry=False)
        return exchange.reply

    async def aclose(self) -> None:
        """Nothing is open."""

    def _miss(self, request: Request) -> CallError:
        self._misses += 1
        message = f"nothing is recorded for this request in {self._folder}"
        nearest = self._nearest(request) if self._misses <= _EXPLAINED else None
        if nearest is not None:
            message += f"; the nearest recording, {nearest.where}, differs in {_told(request, nearest)}"
        elif not self._by_key:
            message += ": there are no recordings"
        return CallError(message, kind="replay_miss", hint="record it with: evalkit run --record")

    def _nearest(self, request: Request) -> Exchange | None:
        if self._near is None:
            self._near = Nearest([exchange.request for exchange in self._exchanges])
        found = self._near.find(request)
        return None if found is None else self._exchanges[found]


def _told(request: Request, exchange: Exchange) -> str:
    return "; ".join(
        f"{one.place} ({one.asked}, recorded {one.known})" for one in differences(request, exchange.request)
    )
