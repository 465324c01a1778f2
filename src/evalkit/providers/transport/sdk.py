"""The transport ``sdk``: requests go out through the vendor's client, on its aiohttp connections."""

from __future__ import annotations

from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

from evalkit.errors import CallError
from evalkit.providers.transport.http import aiohttp_failure
from evalkit.providers.transport.wire import ENCODINGS, LARGE, Answer, bad_encoding, causes, connection_failure, refuse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from types import ModuleType

    import httpx2
    from anthropic import AsyncAnthropic
    from openai import AsyncOpenAI

    from evalkit.providers.base import ProviderSettings

_PIECE = 2**16


def client_options(settings: ProviderSettings) -> dict[str, Any]:
    """Return what the HTTP clients of both SDKs (``DefaultAioHttpClient``) are built with.

    One connection per concurrent call, no redirects, and an error body is read by us, because the SDKs read it without a
    bound. The deadline is the caller's, so there is no other clock.
    """
    import httpx2

    limits = httpx2.Limits(max_connections=settings.max_connections, max_keepalive_connections=settings.max_connections)
    return {
        "headers": {"accept-encoding": ", ".join(ENCODINGS)},
        "limits": limits,
        "timeout": httpx2.Timeout(None),
        "follow_redirects": False,
        "event_hooks": {"response": [_refuse]},
    }


async def _refuse(response: httpx2.Response) -> None:
    await refuse(answer_of(response))


def answer_of(response: httpx2.Response) -> Answer:
    """Return a reply of an SDK's HTTP client as it came, its body still to be read."""
    return Answer(response.status_code, dict(response.headers.items()), _read(response))


@contextmanager
def told(sdk: ModuleType) -> Iterator[None]:
    """Tell what a vendor's SDK and the connections beneath it raise as CallError."""
    import aiohttp
    import httpx2

    try:
        yield
    except CallError:
        raise
    except (sdk.APIError, httpx2.HTTPError, aiohttp.ClientError) as error:
        raise _failure(error) from None


class SdkWire:
    """An open client of a vendor's SDK, its retries off.

    The SDK builds the request (address, authentication, headers) and sends it; the reply is taken as it came, because building
    the SDK's models only to read them again is half of what a call costs.
    """

    def __init__(self, client: AsyncOpenAI | AsyncAnthropic, *, sdk: ModuleType) -> None:
        self._client = client
        self._sdk = sdk

    @asynccontextmanager
    async def post(self, path: str, body: bytes) -> AsyncIterator[Answer]:
        """Send ``body`` once. See :meth:`evalkit.providers.transport.wire.Wire.post`."""
        with told(self._sdk):
            response = await self._send(path, body)
            try:
                yield answer_of(response)
            finally:
                await response.aclose()

    async def _send(self, path: str, body: bytes) -> httpx2.Response:
        import httpx2

        large = len(body) > LARGE
        headers = {"content-length": str(len(body))} if large else {}
        response: httpx2.Response = await self._client.post(
            path,
            content=_pieces(body) if large else body,
            cast_to=httpx2.Response,
            options={"headers": headers},
            stream=True,
            stream_cls=self._sdk.AsyncStream,
        )
        return response

    async def aclose(self) -> None:
        """Close the SDK's client."""
        await self._client.close()


async def _read(response: httpx2.Response) -> AsyncIterator[bytes]:
    import aiohttp
    import httpx2

    try:
        async for piece in response.aiter_bytes():
            yield piece
    except (httpx2.HTTPError, aiohttp.ClientError) as error:
        raise _failure(error) from None


async def _pieces(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), _PIECE):
        yield body[start : start + _PIECE]


def _failure(error: BaseException) -> CallError:
    """The failure at the root of a chain of exceptions: the SDK wraps httpx2's, which wraps aiohttp's."""
    import aiohttp
    import httpx2

    for cause in causes(error):
        if isinstance(cause, CallError):
            return cause
        if isinstance(cause, httpx2.DecodingError):
            return bad_encoding()
        if isinstance(cause, aiohttp.ClientError):
            return aiohttp_failure(cause)
    return connection_failure(error.__cause__ or error)
