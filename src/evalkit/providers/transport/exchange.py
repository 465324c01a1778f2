"""One attempt, whole: send, read within bounds and a deadline, understand, and tell failures without the key in them."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

from evalkit.errors import CallError
from evalkit.providers.limits import rate_limits
from evalkit.providers.transport.streaming import Streamed, assembled
from evalkit.providers.transport.wire import encoded, read

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from evalkit.model.calls import Request, Response, Transport
    from evalkit.providers.base import ProviderSettings
    from evalkit.providers.transport.body import Received
    from evalkit.providers.transport.connection import Connection
    from evalkit.providers.transport.streaming import Assembly
    from evalkit.providers.transport.wire import Wire

_SHORTEST_KEY = 8  # anything shorter is a placeholder, and would be found in ordinary words
_KEY_START = 12  # so much of a key gives it away; fewer characters are mostly its public prefix


@dataclass(frozen=True, slots=True)
class Post:
    """What a request sends and how its reply is read: ``path`` below the base URL, and the JSON ``body``.

    ``streaming`` is what joins the body to have it streamed, and who puts that stream together; None where the API cannot.
    """

    path: str
    body: Mapping[str, Any]
    understand: Callable[[Received], Response]
    streaming: Streaming | None = None


@dataclass(frozen=True, slots=True)
class Streaming:
    """How a reply is streamed. See :class:`Post`."""

    options: Mapping[str, Any]
    assembly: Callable[[], Assembly]


class LiveProvider:
    """A provider behind HTTP. ``plan`` turns a request into what is sent; ``wires`` opens a transport when it is first needed.

    ``library`` is the vendor's SDK, whose import takes seconds.
    """

    def __init__(
        self,
        settings: ProviderSettings,
        connection: Connection,
        *,
        plan: Callable[[Request], Post],
        wires: Mapping[Transport, Callable[[], Wire]],
        library: str,
    ) -> None:
        self._key = connection.key()
        self._connection = connection
        self._timeout_s = settings.timeout_s
        self._plan = plan
        self._wires = wires
        self._library = library
        self._open: dict[Transport, Wire] = {}

    async def complete(self, request: Request) -> Response:
        """Send ``request`` once under the deadline. Raises CallError, and nothing else."""
        try:
            wire = await self._wire(request)
            post = self._plan(request)
            stream = request.delivery.stream or self._connection.stream
            return await self._exchanged(wire, post, post.streaming if stream else None)
        except TimeoutError:
            raise self._late() from None
        except CallError as error:
            raise self._redacted(error) from None

    async def _exchanged(self, wire: Wire, post: Post, streaming: Streaming | None) -> Response:
        body = encoded(post.body if streaming is None else {**post.body, **streaming.options})
        started = time.monotonic()
        async with asyncio.timeout(self._timeout_s), wire.post(post.path, body) as answer:
            if streaming is not None and answer.streams:
                streamed = await assembled(answer, streaming.assembly())
            else:
                streamed = Streamed(await read(answer), None, time.monotonic())
        received, first_at = streamed.received, streamed.first_at
        return replace(
            post.understand(received),
            latency_s=streamed.ended_at - started,
            first_token_s=None if first_at is None else first_at - started,
            limits=rate_limits(received.headers, now=time.time()),
        )

    async def _wire(self, request: Request) -> Wire:
        transport = request.delivery.transport or self._connection.transport
        if transport not in self._open:
            # On the loop it would hold up every call in flight, of other providers too, and be measured as their latency.
            await asyncio.to_thread(import_module, self._library if transport == "sdk" else "aiohttp")
        if transport not in self._open:
            self._open[transport] = self._wires[transport]()
        return self._open[transport]

    async def aclose(self) -> None:
        """Close the connections."""
        for wire in self._open.values():
            await wire.aclose()

    def _late(self) -> CallError:
        return CallError(
            f"no complete answer within {self._timeout_s:g} s",
            kind="timeout",
            hint="raise timeout_s in [tool.evalkit] if the model needs longer",
        )

    def _redacted(self, error: CallError) -> CallError:
        if len(self._key) < _SHORTEST_KEY:
            return error
        message = error.message
        for length in range(
            len(self._key), min(len(self._key), _KEY_START) - 1, -1
        ):  # an excerpt may end inside the key
            message = message.replace(self._key[:length], f"[REDACTED:{self._connection.key_env}]")
        return CallError(
            message,
            kind=error.kind,
            status=error.status,
            retry_after_s=error.retry_after_s,
            hint=error.hint,
            should_retry=error.should_retry,
            limits=error.limits,
        )
