"""Anthropic's Message Batches through the official SDK: requests go in one body, results come as lines.

The limits are those of Anthropic's guide "Batch processing": 100,000 requests or 256 MB a batch. A batch carries no marker, so one whose
id was lost is found by its age and size; only its results show whether it was the right one.
"""

from __future__ import annotations

import json
from contextlib import aclosing
from datetime import datetime
from typing import TYPE_CHECKING, Any

from evalkit.errors import CallError
from evalkit.providers.anthropic.provider import Options, open_sdk, post
from evalkit.providers.batch import CLOCK_SLACK_S, BatchLimits, BatchStatus, Entry, entry_failure, no_answer
from evalkit.providers.failures import clean
from evalkit.providers.transport.batch_http import Exchanges
from evalkit.providers.transport.body import Received
from evalkit.providers.transport.wire import encoded

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from evalkit.model.calls import Request, Response
    from evalkit.providers.base import ProviderSettings
    from evalkit.providers.transport.exchange import Post

LIMITS = BatchLimits(requests=100_000, size=250_000_000, inputs=100_000)

_PAGES = 20
_STATUSES: Mapping[str, int] = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "timeout_error": 408,
    "overloaded_error": 529,
}
_UNKNOWN = no_answer("bad_response", "nobody asked it")


class AnthropicBatches:
    """An open client of Message Batches. Satisfies :class:`evalkit.providers.batch.BatchApi`."""

    limits = LIMITS

    def __init__(self, settings: ProviderSettings) -> None:
        import anthropic

        self._client = open_sdk(Options.of(settings), settings, files=True)
        self._exchanges = Exchanges(anthropic)

    def group(self, request: Request) -> str:
        """Return the endpoint: a batch may mix models."""
        return post(request).path

    def entry(self, request: Request) -> Entry:
        """Return the request as an item of the batch."""
        item = {"custom_id": request.key, "params": post(request).body}
        return Entry(request.key, item, len(encoded(item)) + 1)

    async def upload(self, entries: Sequence[Entry], *, marker: str) -> str:
        """Send nothing ahead: the requests stand in the batch itself."""
        del entries, marker
        return ""

    async def submit(self, entries: Sequence[Entry], *, file: str, group: str, marker: str) -> str:
        """Create the batch. The API keeps no ``marker``."""
        del file, group, marker
        create: Any = self._client.messages.batches.with_streaming_response.create
        made = await self._exchanges.object(create(requests=[entry.content for entry in entries]))
        return _id(made)

    async def find(self, marker: str, *, since: float, size: int, known: frozenset[str]) -> str | None:
        """Look for the oldest unknown batch of this size since then."""
        del marker
        candidates: list[str] = []
        after: dict[str, str] = {}
        for _ in range(_PAGES):
            listed: Any = self._client.messages.batches.with_streaming_response.list
            page = await self._exchanges.object(listed(limit=100, **after))
            found = [batch for batch in page.get("data") or () if isinstance(batch, dict)]
            young = [batch for batch in found if _created(batch) >= since - CLOCK_SLACK_S]
            candidates += [_id(batch) for batch in young if _size(batch) == size and _id(batch) not in known]
            if not page.get("has_more") or len(young) < len(found) or not found:
                break
            after = {"after_id": _id(found[-1])}
        return candidates[-1] if candidates else None

    async def poll(self, batch: str) -> BatchStatus:
        """Retrieve the batch."""
        state = await self._exchanges.object(self._client.messages.batches.with_streaming_response.retrieve(batch))
        counts = state.get("request_counts")
        left = f", {counts.get('processing')} of {_size(state)} left" if isinstance(counts, dict) else ""
        status = str(state.get("processing_status"))
        missing = no_answer("bad_response", "its results hold no line for it")
        return BatchStatus(status == "ended", clean(f"{status}{left}"), missing)

    async def results(
        self, batch: str, requests: Mapping[str, Request]
    ) -> AsyncGenerator[tuple[str, Response | CallError], None]:
        """Read the results of a batch that ended."""
        send = self._client.messages.batches.with_streaming_response.results(batch)
        async with aclosing(self._exchanges.lines(send)) as lines:
            async for line in lines:
                key = str(line.get("custom_id"))
                request = requests.get(key)
                yield key, _UNKNOWN if request is None else _reply(line.get("result"), post(request))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.close()


def _reply(result: object, sent: Post) -> Response | CallError:
    kind = result.get("type") if isinstance(result, dict) else None
    if not isinstance(result, dict) or kind not in {"succeeded", "errored", "canceled", "expired"}:
        return no_answer("bad_response", "its line has no result")
    if kind == "errored":
        error = result.get("error")
        inner = error.get("error") if isinstance(error, dict) else None
        told = inner if isinstance(inner, dict) else error
        name = str(told.get("type")) if isinstance(told, dict) else ""
        return entry_failure(_STATUSES.get(name, 500), told)
    if kind != "succeeded":
        return (
            no_answer("timeout", "it expired first") if kind == "expired" else no_answer("cancelled", "it was canceled")
        )
    try:
        return sent.understand(Received(json.dumps(result.get("message")).encode(), {}))
    except CallError as failure:
        return failure


def _id(batch: Mapping[str, Any]) -> str:
    value = batch.get("id")
    if not isinstance(value, str) or not value:
        raise CallError("the batch API's reply has no id", kind="bad_response")
    return value


def _created(batch: Mapping[str, Any]) -> float:
    try:
        return datetime.fromisoformat(str(batch.get("created_at"))).timestamp()
    except (ValueError, OverflowError):
        return 0.0


def _size(batch: Mapping[str, Any]) -> int:
    counts = batch.get("request_counts")
    return sum(n for n in counts.values() if isinstance(n, int)) if isinstance(counts, dict) else 0
