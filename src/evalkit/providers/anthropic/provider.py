"""The ``anthropic`` kind: Anthropic's Messages API."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalkit.providers.anthropic import messages as anthropic_messages
from evalkit.providers.anthropic import stream as anthropic_stream
from evalkit.providers.refusals import request_problem
from evalkit.providers.transport.connection import Connection, connection, option_error, text_option
from evalkit.providers.transport.exchange import LiveProvider, Post, Streaming
from evalkit.providers.transport.http import HttpWire
from evalkit.providers.transport.sdk import SdkWire, client_options

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic

    from evalkit.model.calls import Request
    from evalkit.providers.base import Provider, ProviderSettings
    from evalkit.providers.transport.wire import Wire

URL = "https://api.anthropic.com"
"""Where Anthropic answers when no ``base_url`` is configured; the SDK's own default."""

VERSION = "2026-10-21"
"""The API's version when none is pinned; what the SDK sends."""

_SAMPLING_UNTIL = "2023-06-01"

_STREAMING = Streaming(anthropic_stream.OPTIONS, anthropic_stream.MessageAssembly)


@dataclass(frozen=True, slots=True)
class Options:
    """``[tool.evalkit.providers.<name>]`` of kind ``anthropic``. ``version`` pins the API's version; None is the newest that evalkit knows."""

    connection: Connection
    version: str | None

    @classmethod
    def of(cls, settings: ProviderSettings) -> Options:
        """Read the options. Raises ConfigError."""
        version = text_option(settings, "anthropic_version")
        if version is not None and not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", version, re.ASCII):
            raise option_error(settings, f"anthropic_version {version!r} is not a date like 2023-06-01")
        found = connection(settings, base_url_env="ANTHROPIC_BASE_URL", key_env="ANTHROPIC_API_KEY")
        return cls(connection=found, version=version)

    @property
    def samples(self) -> bool:
        """Whether the API's version still takes ``temperature``, ``top_p`` and ``top_k``. Dates compare as text."""
        return self.version is not None and self.version <= _SAMPLING_UNTIL

    @property
    def headers(self) -> dict[str, str]:
        """The headers that every call carries besides the SDK's own."""
        pinned = {} if self.version is None else {"anthropic-version": self.version}
        return {**self.connection.headers, **pinned}


class Anthropic:
    """The ``anthropic`` provider kind, as registered."""

    @staticmethod
    def endpoint(settings: ProviderSettings) -> str:
        """Return ``anthropic <base URL or default> messages``, and the API's version if it is pinned. Raises ConfigError."""
        options = Options.of(settings)
        pinned = "" if options.version is None else f" {options.version}"
        return f"anthropic {options.connection.shown_url} messages{pinned}"

    @staticmethod
    def check(request: Request, settings: ProviderSettings) -> str | None:
        """Return why Anthropic would refuse ``request``, or None."""
        options = Options.of(settings)
        if request.kind != "chat":
            return f"Anthropic has no {request.kind} requests; use a model of another provider"
        sampling = sorted(anthropic_messages.SAMPLING & request.params.keys())
        if sampling and not options.samples:
            return (
                f"Anthropic's API takes no {' or '.join(sampling)} since version 2026-10-21; remove it from params, "
                f'or set anthropic_version = "{_SAMPLING_UNTIL}" in [tool.evalkit.providers.{settings.name}]'
            )
        effort = request.params.get("reasoning_effort")
        if isinstance(effort, str) and effort not in anthropic_messages.EFFORTS:
            return f"reasoning_effort is {effort!r}; Anthropic takes {', '.join(anthropic_messages.EFFORTS)}"
        takes = anthropic_messages.PARAMETERS | anthropic_messages.SAMPLING
        return request_problem(
            request, takes=takes if options.samples else anthropic_messages.PARAMETERS, who="Anthropic"
        )

    @staticmethod
    def ready(settings: ProviderSettings) -> str | None:
        """Return why no live call can be made (the key is not set or malformed), or None."""
        return Options.of(settings).connection.problem()

    @staticmethod
    def open(settings: ProviderSettings) -> Provider:
        """Open the provider; its transports open when first used. Raises ConfigError if :meth:`ready` has something to say."""
        options = Options.of(settings)
        return LiveProvider(
            settings,
            options.connection,
            plan=post,
            wires={
                "sdk": lambda: _sdk_wire(options, settings),
                "http": lambda: _http_wire(options, settings),
            },
            library="anthropic",
        )


def post(request: Request) -> Post:
    """Return where ``request`` goes below the base URL, its JSON body, and who reads the reply."""
    return Post("/v1/messages", anthropic_messages.keywords(request), anthropic_messages.understand, _STREAMING)


def open_sdk(options: Options, settings: ProviderSettings, *, files: bool = False) -> AsyncAnthropic:
    """Open Anthropic's client: no retries, redirects, tracing or deadline. Raises ConfigError without a key.

    Its connections are aiohttp's, which cost less, or httpx2's for ``files``, as the batch API needs them.
    """
    import anthropic

    http_client = anthropic.DefaultAsyncHttpxClient if files else anthropic.DefaultAioHttpClient

    return anthropic.AsyncAnthropic(
        api_key=options.connection.key(),
        base_url=options.connection.base_url,
        timeout=None,
        max_retries=0,
        default_headers=options.headers,
        open_telemetry=False,
        http_client=http_client(**client_options(settings)),
    )


def _sdk_wire(options: Options, settings: ProviderSettings) -> Wire:
    import anthropic

    return SdkWire(open_sdk(options, settings), sdk=anthropic)


def _http_wire(options: Options, settings: ProviderSettings) -> Wire:
    headers = options.connection.sent_headers({"anthropic-version": options.version or VERSION})
    return HttpWire(options.connection.base_url or URL, headers=headers, settings=settings)
