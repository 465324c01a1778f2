"""The ``openai`` kind: OpenAI's API and every server that speaks it, through the official SDK."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from evalkit.providers import openai_chat, openai_responses, openai_vectors
from evalkit.providers.refusals import request_problem
from evalkit.providers.sdk import Attempt, Connection, connection, http_options, text_option

if TYPE_CHECKING:
    from collections.abc import Callable

    from openai import AsyncOpenAI

    from evalkit.model.calls import Request, Response
    from evalkit.providers.base import Provider, ProviderSettings
    from evalkit.providers.body import Received


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
        """Open the SDK's client. Raises ConfigError if :meth:`ready` has something to say."""
        return OpenAIProvider(settings)


class OpenAIProvider:
    """An open client of OpenAI's SDK: no retries, no redirects, a total deadline per attempt."""

    def __init__(self, settings: ProviderSettings) -> None:
        import openai

        options = Options.of(settings)
        key = options.connection.key()
        self._options = options
        self._client: AsyncOpenAI = openai.AsyncOpenAI(
            api_key=key,
            base_url=options.connection.base_url,
            timeout=settings.timeout_s,
            max_retries=0,
            default_headers=dict(options.connection.headers),
            http_client=openai.DefaultAsyncHttpxClient(**http_options(settings)),
        )
        self._attempt = Attempt(sdk=openai, key=key, key_env=options.connection.key_env, timeout_s=settings.timeout_s)

    async def complete(self, request: Request) -> Response:
        """Send ``request`` once. Raises CallError."""
        create, keywords, understand = self._route(request)
        response, latency_s = await self._attempt.run(create(**keywords), understand)
        return replace(response, latency_s=latency_s)

    def _route(self, request: Request) -> tuple[Callable[..., Any], dict[str, Any], Callable[[Received], Response]]:
        texts = len(request.messages)
        if request.kind == "embed":
            create: Callable[..., Any] = self._client.embeddings.with_streaming_response.create
            return (
                create,
                openai_vectors.embed_keywords(request),
                partial(openai_vectors.understand_vectors, texts=texts),
            )
        if request.kind == "moderate":
            create = self._client.moderations.with_streaming_response.create
            return (
                create,
                openai_vectors.moderate_keywords(request),
                partial(openai_vectors.understand_labels, texts=texts),
            )
        if self._options.api == "responses":
            create = self._client.responses.with_streaming_response.create
            return create, openai_responses.keywords(request), openai_responses.understand
        create = self._client.chat.completions.with_streaming_response.create
        keywords = openai_chat.keywords(request, max_tokens_field=self._options.max_tokens_field)
        return create, keywords, openai_chat.understand

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.close()
