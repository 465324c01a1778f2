"""How bytes reach a model's server: the seam between what is said (JSON) and who carries it (an SDK or plain HTTP)."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from evalkit.errors import CallError
from evalkit.providers.body import MAX_BYTES, Received
from evalkit.providers.failures import clean, status_error

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from contextlib import AbstractAsyncContextManager

LARGE = 2**20
"""A request body of more bytes is sent in pieces: aiohttp warns of larger ones, because they block the loop."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The head of a reply and its body still to be read. ``headers`` has lower-case names, ``pieces`` are decompressed."""

    status: int
    headers: Mapping[str, str]
    pieces: AsyncIterator[bytes]

    @property
    def streams(self) -> bool:
        """Whether the body is a stream of server-sent events."""
        return "text/event-stream" in self.headers.get("content-type", "").lower()


class Wire(Protocol):
    """Open connections to one server."""

    def post(self, path: str, body: bytes) -> AbstractAsyncContextManager[Answer]:
        """Send JSON once to ``path`` below the base URL, and hand over the answer while the block runs.

        Raises CallError for a status of 300 or more and for a failed connection, also while the body is read.
        No retry, no redirect and no deadline of its own.
        """
        ...

    async def aclose(self) -> None:
        """Close the connections."""
        ...


def encoded(body: Mapping[str, Any]) -> bytes:
    """Return ``body`` as UTF-8 JSON. Raises CallError for what JSON cannot hold (NaN, a lone surrogate)."""
    try:
        return json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise CallError(f"the request cannot be written as JSON: {clean(str(error))}", kind="bad_request") from None


async def read(answer: Answer) -> Received:
    """Read the whole body, at most 20 MB. Raises CallError if it is larger."""
    pieces: list[bytes] = []
    size = 0
    async for piece in answer.pieces:
        size += len(piece)
        pieces.append(piece)
        if size > MAX_BYTES:
            break
    received = Received(b"".join(pieces), answer.headers, answer.status)
    if size > MAX_BYTES:
        raise too_large(received)
    return received


def too_large(received: Received) -> CallError:
    """Return the error for a body that is longer than what is read."""
    return received.bad(f"the body is larger than {MAX_BYTES:,} bytes")


async def refuse(answer: Answer) -> None:
    """Return if the status is good; else read what the error says. Raises CallError."""
    if answer.status < 300:
        return
    received = await read(answer)
    raise status_error(answer.status, headers=answer.headers, body=_told(received.body), now=time.time())


def _told(body: bytes) -> object:
    """The error body as JSON, or as text if it is none."""
    text = body.decode("utf-8", "replace")
    try:
        told: object = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return told


def connection_failure(cause: BaseException) -> CallError:
    """Return the error for a connection that was refused, reset, cut off, or did not speak HTTP."""
    text = clean(str(cause))
    return CallError(
        f"the connection failed: {type(cause).__name__}{': ' if text else ''}{text}",
        kind="connection",
        hint="check base_url, the network, and the proxy variables HTTPS_PROXY and NO_PROXY",
    )


def bad_encoding(cause: BaseException) -> CallError:
    """Return the error for a body that is not compressed the way its header says."""
    return CallError(
        f"the body cannot be decompressed: {clean(str(cause))}",
        kind="bad_response",
        hint="check base_url in [tool.evalkit.providers] and any proxy in between",
    )
