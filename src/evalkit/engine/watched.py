"""Tells an observer what happens; an engine that nobody watches builds no event."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from evalkit.engine.events import Event, unobserved

if TYPE_CHECKING:
    from evalkit.engine.events import EventName, Observer
    from evalkit.errors import CallError
    from evalkit.model.calls import Call, Request


class Watched:
    """The engine's voice. Every method is nearly free when ``observe`` is :func:`evalkit.engine.events.unobserved`."""

    def __init__(self, observe: Observer) -> None:
        self._observe = None if observe is unobserved else observe

    @property
    def tell(self) -> Watched | None:
        """This object if somebody listens, else None."""
        return None if self._observe is None else self

    def __call__(self, name: EventName, account: str, request: Request | None, reason: str) -> None:
        """Tell of something about an account."""
        if self._observe is not None:
            self._observe(Event(name, time.time(), account, request, reason=reason))

    def sent(self, account: str, request: Request, attempt: int) -> None:
        """An attempt leaves."""
        if self._observe is not None:
            self._observe(Event("call.sent", time.time(), account, request, attempt))

    def failed(self, account: str, request: Request, error: CallError, *, attempt: int, wait_s: float | None) -> None:
        """An attempt failed; ``wait_s`` is the pause before the next one, None if there is none."""
        if self._observe is not None:
            reason = f"{error.kind}: {error.message}"
            self._observe(Event("call.failed", time.time(), account, request, attempt, wait_s, reason))

    def settled(self, account: str, call: Call) -> None:
        """A call is on disk."""
        if self._observe is not None:
            self._observe(Event("call.settled", time.time(), account, call.request, len(call.attempts), call=call))
