"""What the engine needs from the outside, as one-method protocols. The store implements them; the harness joins them."""

from __future__ import annotations

from concurrent.futures import Future
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from evalkit.model.calls import Call, Request, Response


class Ledger(Protocol):
    """Where calls are written before anybody hears of them. Thread-safe; never blocks the caller."""

    def intend(self, request: Request) -> None:
        """Note that a paid call is about to be sent. Not synced: an intent without an answer is 'possibly billed'."""
        ...

    def settle(self, call: Call) -> Future[None]:
        """Write a settled call. The future resolves when it is on disk (at once for calls that cost nothing to repeat).

        The future raises :class:`evalkit.errors.StoreError` if it cannot be written; the run must then stop.
        """
        ...


class NoLedger:
    """Writes no call down: for what is tried out or looked up and is no run. Satisfies :class:`Ledger`."""

    def intend(self, request: Request) -> None:
        """Nothing is noted."""

    def settle(self, call: Call) -> Future[None]:
        """Return a future that is done."""
        del call
        done: Future[None] = Future()
        done.set_result(None)
        return done


class ResponseCache(Protocol):
    """Answers of earlier runs by request key."""

    def get(self, key: str) -> Response | None:
        """Return the response stored for a request key, or None. Thread-safe."""
        ...
