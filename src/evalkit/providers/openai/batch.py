"""OpenAI's Batch API through the official SDK: a file of requests goes up, files of answers and of errors come down.

The limits are those of OpenAI's guide "Batch API": 50,000 requests, 200 MB and 50,000 embedding inputs a batch, one model per file.
"""

from __future__ import annotations

import io
import json
import time
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from evalkit.errors import CallError
from evalkit.providers.batch import CLOCK_SLACK_S, BatchLimits, BatchStatus, Entry, entry_failure, no_answer
from evalkit.providers.failures import clean, error_body
from evalkit.providers.openai.provider import Options, open_sdk, post
from evalkit.providers.transport.batch_http import Exchanges
from evalkit.providers.transport.body import Received
from evalkit.providers.transport.wire import encoded

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from evalkit.errors import FailureKind
    from evalkit.model.calls import Request, Response
    from evalkit.providers.base import ProviderSettings
    from evalkit.providers.transport.exchange import Post

LIMITS = BatchLimits(requests=50_000, size=200_000_000, inputs=50_000)

MARKER = "evalkit_batch"
"""The name of the marker in a batch's metadata."""

_PAGES = 20
_FINISHED = frozenset({"completed", "failed", "expired", "cancelled"})
_MISSING: Mapping[str, tuple[FailureKind, str]] = {
    "expired": ("timeout", "it expired first"),
    "cancelled": ("cancelled", "it was cancelled"),
    "failed": ("server", "it was refused because of other requests in it"),
}
_ENTRY_KINDS: Mapping[str, FailureKind] = {"batch_expired": "timeout", "batch_cancelled": "cancelled"}
_UNKNOWN = no_answer("bad_response", "nobody asked it")
_REFUSALS: Mapping[str, FailureKind] = {"token_limit_exceeded": "rate_limited"}


class OpenAIBatches:
    """An open client of the Batch API of a provider of kind ``openai``. Satisfies :class:`evalkit.providers.batch.BatchApi`."""

    limits = LIMITS

    def __init__(self, settings: ProviderSettings) -> None:
        import openai

        self._options = Options.of(settings)
        self._client = open_sdk(self._options.connection, settings, files=True)
        self._exchanges = Exchanges(openai)

    def group(self, request: Request) -> str:
        """Return endpoint and model: a file may hold neither two endpoints nor two models."""
        return f"/v1{post(request, options=self._options).path} {request.model_name}"

    def entry(self, request: Request) -> Entry:
        """Return the request as a line of the file."""
        sent = post(request, options=self._options)
        line = {"custom_id": request.key, "method": "POST", "url": f"/v1{sent.path}", "body": sent.body}
        inputs = len(request.messages) if request.kind == "embed" else 1
        return Entry(request.key, line, len(encoded(line)) + 1, inputs)

    async def upload(self, entries: Sequence[Entry], *, marker: str) -> str:
        """Upload the file of requests."""
        body = b"".join(encoded(entry.content) + b"\n" for entry in entries)
        file = (f"evalkit-{marker}.jsonl", io.BytesIO(body))
        create = self._client.files.with_streaming_response.create
        return _text(await self._exchanges.object(create(file=file, purpose="batch")), "id")

    async def submit(self, entries: Sequence[Entry], *, file: str, group: str, marker: str) -> str:
        """Create the batch."""
        del entries
        make: Any = self._client.batches.with_streaming_response.create
        sent = make(
            endpoint=group.partition(" ")[0],
            completion_window="24h",
            input_file_id=file,
            metadata={MARKER: marker},
        )
        return _text(await self._exchanges.object(sent), "id")

    async def find(self, marker: str, *, since: float, size: int, known: frozenset[str]) -> str | None:
        """Look through the account's batches, newest first, for the one that carries ``marker``."""
        del size, known
        after: dict[str, str] = {}
        for _ in range(_PAGES):
            listed: Any = self._client.batches.with_streaming_response.list
            page = await self._exchanges.object(listed(limit=100, **after))
            found = [batch for batch in page.get("data") or () if isinstance(batch, dict)]
            for batch in found:
                if _marker(batch) == marker:
                    return _text(batch, "id")
            if not page.get("has_more") or not found or _created(found[-1]) < since - CLOCK_SLACK_S:
                return None
            after = {"after": _text(found[-1], "id")}
        return None

    async def poll(self, batch: str) -> BatchStatus:
        """Retrieve the batch."""
        state = await self._state(batch)
        status = str(state.get("status"))
        counts = state.get("request_counts")
        done = f", {counts.get('completed')} of {counts.get('total')} done" if isinstance(counts, dict) else ""
        kind, reason = _MISSING.get(status, ("bad_response", "its results hold no line for it"))
        return BatchStatus(status in _FINISHED, clean(f"{status}{done}"), no_answer(kind, reason))

    async def results(
        self, batch: str, requests: Mapping[str, Request]
    ) -> AsyncGenerator[tuple[str, Response | CallError], None]:
        """Read both files of a finished batch, or why the vendor refused it."""
        state = await self._state(batch)
        # The batch's own endpoint says how its answers are read: the project's may have changed since.
        options = replace(self._options, api="responses" if state.get("endpoint") == "/v1/responses" else "chat")
        for name in ("output_file_id", "error_file_id"):
            file = state.get(name)
            if isinstance(file, str) and file:
                send = self._client.files.with_streaming_response.content(file)
                async with aclosing(self._exchanges.lines(send)) as lines:
                    async for line in lines:
                        key = str(line.get("custom_id"))
                        request = requests.get(key)
                        yield key, _UNKNOWN if request is None else _reply(line, post(request, options=options))
        for key, failure in _refused(state, list(requests)):
            yield key, failure

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _state(self, batch: str) -> dict[str, Any]:
        return await self._exchanges.object(self._client.batches.with_streaming_response.retrieve(batch))


def _reply(line: Mapping[str, Any], sent: Post) -> Response | CallError:
    error, response = line.get("error"), line.get("response")
    if not isinstance(response, dict):
        code = str(error.get("code")) if isinstance(error, dict) else ""
        told = error_body(error).message
        return no_answer(_ENTRY_KINDS.get(code, "server"), told or code or "no reason is told")
    status = response.get("status_code")
    if not isinstance(status, int) or status >= 300:
        return entry_failure(status if isinstance(status, int) else 500, response.get("body"))
    headers = {"x-request-id": str(response["request_id"])} if response.get("request_id") else {}
    try:
        return sent.understand(Received(json.dumps(response.get("body")).encode(), headers))
    except CallError as failure:
        return failure


def _refused(state: Mapping[str, Any], keys: Sequence[str]) -> list[tuple[str, CallError]]:
    """What a batch that failed as a whole says: of single lines if it names them, else of every request."""
    errors = state.get("errors")
    told = errors.get("data") if isinstance(errors, dict) else None
    if state.get("status") != "failed" or not isinstance(told, list):
        return []
    rows = [row for row in told if isinstance(row, dict)]
    named = {row["line"]: row for row in rows if isinstance(row.get("line"), int) and 1 <= row["line"] <= len(keys)}
    if named:
        return [(keys[line - 1], _refusal(row)) for line, row in named.items()]
    return [(key, _refusal(rows[0])) for key in keys] if rows else []


def _refusal(row: Mapping[str, Any]) -> CallError:
    failure = entry_failure(400, row)
    kind = _REFUSALS.get(str(row.get("code")), failure.kind)
    return CallError(f"the batch was refused: {error_body(row).message or row.get('code')}", kind=kind)


def _marker(batch: Mapping[str, Any]) -> object:
    metadata = batch.get("metadata")
    return metadata.get(MARKER) if isinstance(metadata, dict) else None


def _created(batch: Mapping[str, Any]) -> float:
    created = batch.get("created_at")
    return float(created) if isinstance(created, (int, float)) else time.time()


def _text(data: Mapping[str, Any], name: str) -> str:
    value = data.get(name)
    if not isinstance(value, str) or not value:
        raise CallError(f"the batch API's reply has no {name}", kind="bad_response")
    return value
