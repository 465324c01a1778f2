"""Reading a streamed answer: events are put together into the body that the API would have sent at once."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from evalkit.errors import CallError
from evalkit.providers.transport.body import MAX_BYTES, Received
from evalkit.providers.transport.sse import EventParser
from evalkit.providers.transport.wire import too_large

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from evalkit.providers.transport.wire import Answer

_REST_S = 0.2


class Assembly(Protocol):
    """Puts one streamed answer together. ``began``: some content has come. ``complete``: the API's own end has come."""

    began: bool
    complete: bool

    def add(self, event: Received) -> None:
        """Take the next event. Raises CallError for a broken one and for one that tells an error."""
        ...

    def body(self) -> dict[str, Any]:
        """Return the whole body, as the API sends it unstreamed. Called once, when complete."""
        ...


@dataclass(frozen=True, slots=True)
class Streamed:
    """A streamed answer, whole. Times are of the monotonic clock, in seconds; ``first_at`` is None without any content."""

    received: Received
    first_at: float | None
    ended_at: float


async def assembled(answer: Answer, assembly: Assembly) -> Streamed:
    """Read the events until the answer is whole.

    Raises CallError for a stream that ends before its end, tells an error, holds a broken event, or is larger than 20 MB: what has
    come until then is no answer.
    """
    parser = EventParser()
    size = 0
    first_at: float | None = None
    async for piece in answer.pieces:
        size += len(piece)
        for data in parser.feed(piece):
            event = Received(data, answer.headers, answer.status)
            assembly.add(event)
            if first_at is None and assembly.began:
                first_at = time.monotonic()
            if assembly.complete:
                ended_at = time.monotonic()
                await _drain(answer.pieces)
                whole = Received(data, answer.headers, answer.status, assembly.body())
                return Streamed(whole, first_at, ended_at)
        if size > MAX_BYTES:
            raise too_large(Received(piece, answer.headers, answer.status))
    raise CallError("the stream ended before the answer did", kind="connection")


async def _drain(pieces: AsyncIterator[bytes]) -> None:
    """Read the little that follows a whole answer: only then can its connection serve the next call.

    Whatever happens here concerns the connection, not the answer.
    """
    with suppress(CallError, TimeoutError):
        async with asyncio.timeout(_REST_S):
            async for _ in pieces:
                pass
