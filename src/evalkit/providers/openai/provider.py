"""The ``openai`` kind: OpenAI's API and every server that speaks it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from evalkit.providers.openai import chat as openai_chat
from evalkit.providers.openai import chat_stream as openai_chat_stream
from evalkit.providers.openai import responses as openai_responses
from evalkit.providers.openai import responses_stream as openai_responses_stream
from evalkit.providers.openai import vectors as openai_vectors
from evalkit.providers.refusals import request_problem
from evalkit.providers.transport.connection import Connection, connection, text_option
from evalkit.providers.transport.exchange import LiveProvider, Post, Streaming
from evalkit.providers.transport.http import HttpWire
from evalkit.providers.transport.sdk import SdkWire, client_options

if TYPE_CHECKING:
    from collections.abc import Mapping

    from openai import AsyncOpenAI

    from evalkit.model.calls import Request
    from evalkit.providers.base import Provider, ProviderSettings
    from evalkit.providers.transport.wire import Wire

URL = "https://api.openai.com/v1"
"""Where OpenAI answers when no ``base_url`` is configured; the SDK's own default."""

_ACCOUNT: Mapping[str, str] = {"OPENAI_ORG_ID": "openai-organization", "OPENAI_PROJECT_ID": "openai-project"}

_CHAT = Streaming(openai_chat_stream.OPTIONS, openai_chat_stream.ChatAssembly)
_RESPONSES = Streaming(openai_responses_stream.OPTIONS, openai_responses_stream.ResponseAssembly)


@dataclass(frozen=True, slots=True)
class Options:
    """``[tool.evalkit.providers.<name>]`` of kind ``openai``.

    ``api`` is ``chat`` or ``responses``. ``max_tokens_field`` names what carries ``max_output_tokens`` in the chat API:
    ``max_completion_tokens``, or ``max_tokens`` for servers that know only the old name (Ollama ignores the new one
    without a word: ollama/ollama issue 7125).
    """

    connection: Connection
    api: str
    max_tokens_field: str

    @classmethod
    def of(cls, settings: ProviderSettings) -> Options:
        """Read the options. Raises ConfigError."""
        fields = ("max_completion_tokens", "max_tokens")
        return cls(
            connection=connection(settings, base_url_env="OPENAI_BASE_URL", key_env="OPENAI_API_KEY"),
            api=text_option(settings, "api", choices=("chat", "responses")) or "chat",
            max_tokens_field=text_option(settings, "max_tokens_field", choices=fields) or fields[0],
        )


class OpenAI:
    """The ``openai`` provider kind, as registered."""

    @staticmethod
    def endpoint(settings: ProviderSettings) -> str:
        """Return ``openai <base URL or default> <api>``. Raises ConfigError if the options are wrong."""
        options = Options.of(settings)
        return f"openai {options.connection.shown_url} {options.api}"

    @staticmethod
    def check(request: Request, settings: ProviderSettings) -> str | None:
        """Return why OpenAI would refuse ``request``, or None. ``top_k`` is taken by other servers' chat API only."""
        options = Options.of(settings)
        if request.kind != "chat":
            return request_problem(request, takes=frozenset(), who=f"OpenAI ({request.kind})")
        if options.api == "responses":
            return request_problem(request, takes=openai_responses.PARAMETERS, who="OpenAI's Responses API")
        elsewhere = {"top_k"} if options.connection.base_url else set[str]()
        return request_problem(request, takes=openai_chat.PARAMETERS | elsewhere, who="OpenAI's chat API")

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
            plan=partial(post, options=options),
            wires={
                "sdk": lambda: _sdk_wire(options.connection, settings),
                "http": lambda: _http_wire(options.connection, settings),
            },
            library="openai",
        )


def post(request: Request, *, options: Options) -> Post:
    """Return where ``request`` goes below the base URL, its JSON body, and who reads the reply."""
    texts = len(request.messages)
    if request.kind == "embed":
        understand = partial(openai_vectors.understand_vectors, texts=texts)
        return Post("/embeddings", openai_vectors.embed_keywords(request), understand)
    if request.kind == "moderate":
        understand = partial(openai_vectors.understand_labels, texts=texts)
        return Post("/moderations", openai_vectors.moderate_keywords(request), understand)
    if options.api == "responses":
        return Post("/responses", openai_responses.keywords(request), openai_responses.understand, _RESPONSES)
    body = openai_chat.keywords(request, max_tokens_field=options.max_tokens_field)
    return Post("/chat/completions", body, openai_chat.understand, _CHAT)


def open_sdk(connection: Connection, settings: ProviderSettings, *, files: bool = False) -> AsyncOpenAI:
    """Open OpenAI's client: no retries, no redirects, no deadline. Raises ConfigError without a key.

    Its connections are aiohttp's, which cost less, or httpx2's for ``files``, as the batch API needs them.
    """
    import openai

    http_client = openai.DefaultAsyncHttpxClient if files else openai.DefaultAioHttpClient

    return openai.AsyncOpenAI(
        api_key=connection.key(),
        base_url=connection.base_url,
        timeout=None,
        max_retries=0,
        default_headers=dict(connection.headers),
        http_client=http_client(**client_options(settings)),
    )


def _sdk_wire(connection: Connection, settings: ProviderSettings) -> Wire:
    import openai

    return SdkWire(open_sdk(connection, settings), sdk=openai)


def _http_wire(connection: Connection, settings: ProviderSettings) -> Wire:
    account = {header: os.environ[name] for name, header in _ACCOUNT.items() if os.environ.get(name)}
    return HttpWire(connection.base_url or URL, headers=connection.sent_headers(account), settings=settings)
