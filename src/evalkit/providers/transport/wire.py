"""How bytes reach a model's server: the seam between what is said (JSON) and who carries it (an SDK or plain HTTP)."""

from __future__ import annotations

import json
import ssl
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from evalkit.errors import CallError
from evalkit.providers.failures import PROXY_HINT, clean, status_error
from evalkit.providers.transport.body import MAX_BYTES, Received

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
    from contextlib import AbstractAsyncContextManager

ENCODINGS = ("gzip", "deflate")
"""How a body may be compressed. Layers of these are refused: each blows up a thousandfold, and httpx2 unpacks all at once."""

LARGE = 2**20
"""A request body of more bytes is sent in pieces: aiohttp warns of larger ones, because they block the loop."""

_ERROR_BYTES = 2**20


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
    received = Received(await _head(answer, MAX_BYTES), answer.headers, answer.status)
    if len(received.body) > MAX_BYTES:
        raise too_large(received)
    return received


async def _head(answer: Answer, limit: int) -> bytes:
    """The body up to the piece that goes beyond ``limit`` bytes."""
    pieces: list[bytes] = []
    size = 0
    async for piece in answer.pieces:
        size += len(piece)
        pieces.append(piece)
        if size > limit:
            break
    return b"".join(pieces)


def too_large(received: Received) -> CallError:
    """Return the error for a body that is longer than what is read."""
    return received.bad(f"the body is larger than {MAX_BYTES:,} bytes")


async def refuse(answer: Answer) -> None:
    """Return if the answer can be read: a good status, compressed as asked. Raises CallError with what an error body says."""
    encoding = answer.headers.get("content-encoding", "identity").strip().lower()
    readable = encoding in {"identity", "", *ENCODINGS}
    if answer.status >= 300:
        told = await _told(answer) if readable else ""
        raise status_error(answer.status, headers=answer.headers, body=told, now=time.time())
    if not readable:
        raise bad_encoding()


async def _told(answer: Answer) -> object:
    """An error body as JSON, or as text if it is none; of a very long one the beginning."""
    try:
        body = await _head(answer, _ERROR_BYTES)
    except CallError:  # a body that breaks off says nothing, but the status is known
        return ""
    text = body.decode("utf-8", "replace")
    try:
        told: object = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return told


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield ``error`` and what it was raised from, outermost first.

    Its context is left out: that may be the failure of an earlier attempt, which is being handled around this one.
    """
    link: BaseException | None = error
    while link is not None:
        yield link
        link = link.__cause__


def connection_failure(cause: BaseException) -> CallError:
    """Return the error for a connection that was refused, reset, cut off, not trusted, or did not speak HTTP."""
    text = clean(str(cause))
    if any(getattr(link, "status", None) == 407 for link in causes(cause)):  # the proxy's answer to CONNECT
        return CallError("HTTP 407: the proxy let nothing through", kind="auth", status=407, hint=PROXY_HINT)
    untrusted = any(isinstance(link, ssl.SSLCertVerificationError) for link in causes(cause))
    return CallError(
        f"the connection failed: {type(cause).__name__}{': ' if text else ''}{text}",
        kind="connection",
        hint="the server's certificate is not trusted: check base_url, and SSL_CERT_FILE behind a company's proxy"
        if untrusted
        else "check base_url, the network, and the proxy variables HTTPS_PROXY and NO_PROXY",
        should_retry=False if untrusted else None,  # a second look at the same certificate sees the same
    )


def bad_encoding() -> CallError:
    """Return the error for a body that is not compressed the way its header says, or in a way that was not asked for."""
    return CallError(
        "the body is not compressed as its content-encoding says, or in no way that is understood",
        kind="bad_response",
        hint="check base_url in [tool.evalkit.providers] and any proxy in between",
    )


def joined(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return ``headers`` under lower-case names; those that came several times are joined by commas (RFC 9110, 5.3)."""
    found: dict[str, str] = {}
    for name, value in headers:
        lower = name.lower()
        found[lower] = f"{found[lower]}, {value}" if lower in found else value
    return found
