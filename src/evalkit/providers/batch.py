"""The seam to a vendor's batch API: many requests handed in at once, answered within a day at a lower price."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from evalkit.errors import CallError
from evalkit.providers.catalog import resolve
from evalkit.providers.failures import classify, error_body
from evalkit.registry import Registry

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from evalkit.config import Config
    from evalkit.errors import FailureKind
    from evalkit.model.calls import Request, Response
    from evalkit.providers.base import ProviderSettings

TIMEOUT_S = 600.0
"""Deadline of one exchange with a batch API: an upload or a download may be hundreds of megabytes."""

CLOCK_SLACK_S = 900.0
"""How much earlier than our own clock says a batch may have been created at the vendor."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One request as it goes into a batch: its ``key``, what is sent, and how many bytes and inputs (texts) that is."""

    key: str
    content: Mapping[str, Any]
    size: int
    inputs: int = 1


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """What one batch may hold at most."""

    requests: int
    size: int
    inputs: int


@dataclass(frozen=True, slots=True)
class BatchStatus:
    """How far a batch is. ``said`` is the vendor's word for it; ``missing`` is why a finished batch lacks an answer."""

    finished: bool
    said: str
    missing: CallError


class BatchApi(Protocol):
    """An open connection to a vendor's batch API. Every method raises CallError, and nothing else; none of them retries."""

    @property
    def limits(self) -> BatchLimits:
        """What one batch may hold."""
        ...

    def group(self, request: Request) -> str:
        """Return what requests must have in common to share a batch (``/v1/chat/completions gpt-5-mini``)."""
        ...

    def entry(self, request: Request) -> Entry:
        """Return ``request`` as it goes into a batch."""
        ...

    async def upload(self, entries: Sequence[Entry], *, marker: str) -> str:
        """Send ahead what a batch will hold and return the vendor's name for it; empty where requests go along with :meth:`submit`.

        Whatever goes wrong here, no batch was made, and nothing will be paid.
        """
        ...

    async def submit(self, entries: Sequence[Entry], *, file: str, group: str, marker: str) -> str:
        """Hand in one batch, whose ``file`` was uploaded, and return its id.

        ``marker`` (32 hex) is left with it where the vendor keeps such a thing.
        """
        ...

    async def find(self, marker: str, *, since: float, size: int, known: frozenset[str]) -> str | None:
        """Return the id of a batch that was handed in without its id coming back, or None if there is none.

        ``since`` is the Unix time shortly before it was handed in, ``size`` its number of requests; ``known`` ids are other batches.
        """
        ...

    async def poll(self, batch: str) -> BatchStatus:
        """Return how far the batch is."""
        ...

    def results(
        self, batch: str, requests: Mapping[str, Request]
    ) -> AsyncGenerator[tuple[str, Response | CallError], None]:
        """Yield ``(key, answer or failure)`` of a finished batch, in any order, also for keys that are not its own.

        ``requests`` are its requests by key, in the order in which they were handed in.
        """
        ...

    async def aclose(self) -> None:
        """Close the connections."""
        ...


class BatchKind(Protocol):
    """How the batch API of a provider kind is opened, as registered."""

    def __call__(self, settings: ProviderSettings) -> BatchApi:
        """Open the API. Called on the loop that will use it. Raises ConfigError without a key."""
        ...


BATCHES: Registry[BatchKind] = Registry(
    "batch API",
    builtin={
        "openai": "evalkit.providers.openai.batch:OpenAIBatches",
        "anthropic": "evalkit.providers.anthropic.batch:AnthropicBatches",
    },
    group="evalkit.batches",
)


def open_batch_api(provider: str, config: Config) -> BatchApi:
    """Open the batch API of a configured provider. Raises CallError if its kind has none, or its key is not set; ConfigError."""
    kind, settings = resolve(provider, config)
    name = str(settings.options.get("kind", provider))
    if name not in BATCHES:
        raise CallError(
            f"{provider}: the provider kind {name!r} has no batch API",
            kind="bad_request",
            hint="run without --mode batch",
        )
    problem = kind.ready(settings)
    if problem is not None:
        raise CallError(problem, kind="auth")
    return BATCHES.get(name)(settings)


def entry_failure(status: int, body: object) -> CallError:
    """Return the failure of one request of a batch, which carries no headers."""
    told = error_body(body)
    kind = classify(status, told)
    return CallError(f"HTTP {status}: {told.message or 'no message'}", kind=kind, status=status)


def no_answer(kind: FailureKind, reason: str) -> CallError:
    """Return the failure of a request that a finished batch did not answer."""
    return CallError(f"no answer in the batch: {reason}", kind=kind)
