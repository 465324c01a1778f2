"""What the two SDK providers share: options and key from configuration and environment, and one bounded attempt."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from evalkit.errors import CallError, ConfigError, Where
from evalkit.providers.body import MAX_BYTES, Received
from evalkit.providers.failures import clean, status_error

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractAsyncContextManager
    from types import ModuleType

    import httpx2

    from evalkit.providers.base import ProviderSettings

T = TypeVar("T")

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_SHORTEST_KEY = 8  # anything shorter is a placeholder, and would be found in ordinary words
_KEY_START = 12  # so much of a key gives it away; fewer characters are mostly its public prefix
_NO_KEY = "none"  # what a local server without a key is sent: the SDKs refuse to be built without one


@dataclass(frozen=True, slots=True)
class Connection:
    """Where and how an SDK connects. ``base_url`` None is the SDK's own default; ``key_env`` names the key's variable."""

    base_url: str | None
    key_env: str
    headers: Mapping[str, str]

    @property
    def shown_url(self) -> str:
        """The base URL as part of a request's identity; ``default`` when none is configured."""
        return self.base_url or "default"

    @property
    def local(self) -> bool:
        """Whether the server is on this machine, so that a key is not needed."""
        return self.base_url is not None and urlsplit(self.base_url).hostname in _LOOPBACK

    def key(self) -> str:
        """Return the API key. Raises ConfigError if :meth:`problem` has something to say."""
        problem = self.problem()
        if problem is not None:
            raise ConfigError(problem)
        return os.environ.get(self.key_env) or _NO_KEY

    def problem(self) -> str | None:
        """Return why no live call can be made, with what to do, or None."""
        key = os.environ.get(self.key_env)
        if not key:
            state = "not set" if key is None else "empty (in CI: no secret reached this job)"
            what_to_do = "export it, or run offline with --evalkit-mode replay"
            return None if self.local else f"{self.key_env} is {state}; {what_to_do}"
        if not key.isascii() or not key.isprintable() or " " in key:
            return f"{self.key_env} holds a blank, a line break or a character that no key has; export it again"
        return None


def connection(settings: ProviderSettings, *, base_url_env: str, key_env: str) -> Connection:
    """Read ``base_url``, ``api_key_env`` and ``headers`` of a provider, and the environment. Raises ConfigError."""
    base_url = text_option(settings, "base_url") or os.environ.get(base_url_env) or None
    headers = settings.options.get("headers", {})
    if not isinstance(headers, dict) or not all(isinstance(value, str) for value in headers.values()):
        raise option_error(settings, "headers is not a table of texts")
    if base_url is not None:
        base_url = base_url.rstrip("/")
        _check_url(base_url, settings)
    return Connection(base_url=base_url, key_env=text_option(settings, "api_key_env") or key_env, headers=headers)


def text_option(settings: ProviderSettings, name: str, *, choices: tuple[str, ...] = ()) -> str | None:
    """Return a provider's option that must be a text (one of ``choices``), or None. Raises ConfigError."""
    value = settings.options.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not value or (choices and value not in choices):
        wanted = f"one of {', '.join(choices)}" if choices else "a text"
        raise option_error(settings, f"{name} is {value!r}, which is not {wanted}")
    return value


def option_error(settings: ProviderSettings, problem: str, *, hint: str | None = None) -> ConfigError:
    """Return the error about an entry of ``[tool.evalkit.providers.<name>]``."""
    return ConfigError(f"[tool.evalkit.providers.{settings.name}]: {problem}", hint=hint, where=Where("pyproject.toml"))


def _check_url(url: str, settings: ProviderSettings) -> None:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise option_error(settings, f"base_url {url!r} is not an http or https URL")
    if parts.username is not None or parts.query or parts.fragment:
        raise option_error(
            settings,
            "base_url holds a user name, a query or a fragment",
            hint="put the key into the environment and name the variable in api_key_env",
        )


def http_options(settings: ProviderSettings) -> dict[str, Any]:
    """Return what both SDKs' HTTP clients are built with: one connection per concurrent call, and no redirects."""
    import httpx2

    limits = httpx2.Limits(max_connections=settings.max_connections, max_keepalive_connections=settings.max_connections)
    return {"limits": limits, "timeout": httpx2.Timeout(settings.timeout_s), "follow_redirects": False}


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call through an SDK under a total deadline, its failures told as ``CallError`` without the ``key`` in them.

    ``sdk`` is the SDK's module: both name their exceptions alike (``APIStatusError``, ``APITimeoutError``, …).
    """

    sdk: ModuleType
    key: str
    key_env: str
    timeout_s: float

    async def run(self, send: AbstractAsyncContextManager[Any], read: Callable[[Received], T]) -> tuple[T, float]:
        """Send, read at most 20 MB, understand the reply. Returns what ``read`` made of it, and the seconds it took.

        ``send`` is an unentered ``with_streaming_response`` call. Raises CallError, and nothing else.
        """
        started = time.monotonic()
        try:
            received = await self._receive(send)
            latency_s = time.monotonic() - started
            return read(received), latency_s
        except CallError as error:
            raise self._redacted(error) from None

    async def _receive(self, send: AbstractAsyncContextManager[Any]) -> Received:
        import httpx2

        try:
            async with asyncio.timeout(self.timeout_s), send as raw:
                return await _read(raw.http_response)
        except self.sdk.APIStatusError as error:
            raise status_error(
                error.status_code, headers=_lower(error.response.headers), body=error.body, now=time.time()
            ) from None
        except (self.sdk.APITimeoutError, httpx2.TimeoutException, TimeoutError):
            raise self._timeout() from None
        except self.sdk.APIConnectionError as error:
            raise _connection_error(error.__cause__ or error) from None
        except httpx2.HTTPError as error:
            raise _connection_error(error) from None
        except DeprecationWarning as warning:
            raise CallError(
                f"the SDK warns, and this session turns warnings into errors: {clean(str(warning))}",
                kind="bad_request",
                hint="use a current model, or ignore this warning in pytest's filterwarnings",
            ) from None
        except (self._sdk_error(), TypeError, ValueError) as error:
            raise CallError(f"the SDK refused the request: {clean(str(error))}", kind="bad_request") from None

    def _sdk_error(self) -> type[Exception]:
        """The root of the SDK's exceptions; the two SDKs name it differently, so it is found as a base class."""
        base: type[Exception] = self.sdk.APIError.__bases__[0]
        return base

    def _timeout(self) -> CallError:
        return CallError(
            f"no complete answer within {self.timeout_s:g} s",
            kind="timeout",
            hint="raise timeout_s in [tool.evalkit] if the model needs longer",
        )

    def _redacted(self, error: CallError) -> CallError:
        if len(self.key) < _SHORTEST_KEY:
            return error
        message = error.message
        for length in range(
            len(self.key), min(len(self.key), _KEY_START) - 1, -1
        ):  # an excerpt may end in the middle of the key
            message = message.replace(self.key[:length], f"[REDACTED:{self.key_env}]")
        return CallError(
            message,
            kind=error.kind,
            status=error.status,
            retry_after_s=error.retry_after_s,
            hint=error.hint,
        )


async def _read(response: httpx2.Response) -> Received:
    pieces: list[bytes] = []
    size = 0
    async for piece in response.aiter_bytes():
        size += len(piece)
        pieces.append(piece)
        if size > MAX_BYTES:
            break
    received = Received(b"".join(pieces), _lower(response.headers), response.status_code)
    if size > MAX_BYTES:
        raise received.bad(f"the body is larger than {MAX_BYTES:,} bytes")
    return received


def _lower(headers: httpx2.Headers) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _connection_error(cause: BaseException) -> CallError:
    text = clean(str(cause))
    return CallError(
        f"the connection failed: {type(cause).__name__}{': ' if text else ''}{text}",
        kind="connection",
        hint="check base_url, the network, and the proxy variables HTTPS_PROXY and NO_PROXY",
    )
