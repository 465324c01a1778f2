"""What both vendors' batch clients share: one bounded exchange, the lines of a results file, and both under a deadline."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from evalkit.errors import CallError
from evalkit.providers.batch import TIMEOUT_S
from evalkit.providers.transport.body import MAX_BYTES
from evalkit.providers.transport.sdk import answer_of, told
from evalkit.providers.transport.wire import read

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator
    from contextlib import AbstractAsyncContextManager
    from types import ModuleType


class Exchanges:
    """Small JSON replies and long results files, read through a vendor's SDK (the module ``sdk``)."""

    def __init__(self, sdk: ModuleType) -> None:
        self._sdk = sdk

    async def object(self, send: AbstractAsyncContextManager[Any]) -> dict[str, Any]:
        """Send (an unentered ``with_streaming_response`` call), read at most 20 MB, return the JSON object. Raises CallError."""
        async with self._bounded(), send as raw:
            received = await read(answer_of(raw.http_response))
        return received.object()

    async def lines(self, send: AbstractAsyncContextManager[Any]) -> AsyncGenerator[dict[str, Any], None]:
        """Yield the JSON objects of a results file, one per line; lines that are none are left out. Raises CallError."""
        async with self._bounded(), send as raw:
            async for line in _split(answer_of(raw.http_response).pieces):
                data = _object(line)
                if data is not None:
                    yield data

    @asynccontextmanager
    async def _bounded(self) -> AsyncIterator[None]:
        try:
            with told(self._sdk):
                async with asyncio.timeout(TIMEOUT_S):
                    yield
        except TimeoutError:
            raise CallError(f"the batch API did not answer within {TIMEOUT_S:g} s", kind="timeout") from None


async def _split(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    rest = b""
    async for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield line
        if len(rest) > MAX_BYTES:
            raise CallError(f"a line of the results is larger than {MAX_BYTES:,} bytes", kind="bad_response")
    yield rest


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        data = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None
