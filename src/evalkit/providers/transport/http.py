"""The lean transport (``transport = "http"``): one aiohttp session, and nothing between it and the JSON."""

from __future__ import annotations

import io
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from evalkit.providers.transport.wire import (
    ENCODINGS,
    LARGE,
    Answer,
    bad_encoding,
    causes,
    connection_failure,
    joined,
    refuse,
)

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Mapping

    from aiohttp import ClientResponse

    from evalkit.errors import CallError
    from evalkit.providers.base import ProviderSettings


class HttpWire:
    """A session of aiohttp with one server: no redirects, cookies or retries, at most ``max_connections`` connections.

    ``headers`` go out with every request. The proxy is that of the environment (``HTTPS_PROXY``, ``NO_PROXY``, …), the
    trusted certificates are those that the SDKs trust. Must be built on the loop that uses it.
    """

    def __init__(self, base_url: str, *, headers: Mapping[str, str], settings: ProviderSettings) -> None:
        import aiohttp

        self._base_url = base_url
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=settings.max_connections, ssl=_trust(base_url)),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"accept-encoding": ", ".join(ENCODINGS), **headers},
            timeout=aiohttp.ClientTimeout(total=None),  # the deadline is the caller's
            proxy=_proxy(base_url),
        )

    @asynccontextmanager
    async def post(self, path: str, body: bytes) -> AsyncIterator[Answer]:
        """Send ``body`` once. See :meth:`evalkit.providers.transport.wire.Wire.post`."""
        import aiohttp

        data = body if len(body) <= LARGE else io.BytesIO(body)
        try:
            async with self._session.post(self._base_url + path, data=data, allow_redirects=False) as reply:
                answer = Answer(reply.status, joined(reply.headers.items()), _pieces(reply))
                await refuse(answer)
                yield answer
        except aiohttp.ClientError as error:
            raise aiohttp_failure(error) from None

    async def aclose(self) -> None:
        """Close the session."""
        await self._session.close()


async def _pieces(reply: ClientResponse) -> AsyncIterator[bytes]:
    import aiohttp

    try:
        async for piece in reply.content.iter_any():
            yield piece
    except aiohttp.ClientError as error:
        raise aiohttp_failure(error) from None


def aiohttp_failure(error: BaseException) -> CallError:
    """Return the failure behind one of aiohttp's exceptions; both transports meet them."""
    from aiohttp.http_exceptions import ContentEncodingError

    if any(isinstance(cause, ContentEncodingError) for cause in causes(error)):
        return bad_encoding()
    return connection_failure(error)


def _trust(base_url: str) -> ssl.SSLContext | bool:
    if urlsplit(base_url).scheme == "http":
        return True
    import httpx2

    return httpx2.create_ssl_context()


def _proxy(base_url: str) -> str | None:
    parts = urlsplit(base_url)
    proxies = getproxies()
    found = proxies.get(parts.scheme) or proxies.get("all")
    return None if found is None or proxy_bypass(parts.netloc) else found
