"""Batch mode: what is not cached is collected, handed in at the end of the session, and taken in by a later one.

A run in this mode is one pass. It first takes in what has come back, so that those answers are in the cache; a request that is still
missing is queued and fails as ``pending``; the queue is handed in when the session ends. What a judge asks about a new answer is such a
request too, so it goes into the next round. When nothing is missing any more, the pass is an ordinary run.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import aclosing
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any, TypeVar

from evalkit.errors import FATAL, RETRYABLE, CallError
from evalkit.harness.batch.queue import Ceilings, Waiting, given_up
from evalkit.harness.batch.submitting import Submitter, counted, patiently
from evalkit.metrics.cost import DEFAULT_OUTPUT_TOKENS, Prices
from evalkit.metrics.tokens import input_estimate
from evalkit.model.calls import Attempt, Call, CallFailure, Usage
from evalkit.providers.batch import open_batch_api
from evalkit.store.batches import BATCHES_FOLDER, Batch, BatchLog

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from evalkit.config import Config
    from evalkit.engine.policy import Policy
    from evalkit.engine.ports import Ledger, ResponseCache
    from evalkit.model.calls import Request, Response
    from evalkit.providers.base import Provider
    from evalkit.providers.batch import BatchApi, BatchStatus
    from evalkit.providers.redact import Redactor
    from evalkit.store.batches import Command

T = TypeVar("T")

UNCLEAR_S = 60.0
"""Seconds after which a vendor that lists no batch with our marker has none: a list may lag behind."""


class Batching:
    """The batches of a project in one session. Lives on one event loop, apart from :meth:`remember`, :meth:`close` and :attr:`notes`.

    ``ledger`` takes the answers, ``cache`` says which are there already, ``taken`` hears of each that was not. ``hide`` takes personal data out of
    requests before they are written. Raises StoreError (StoreLockedError) if
    the log of batches cannot be used.
    """

    def __init__(
        self,
        config: Config,
        *,
        ledger: Ledger,
        cache: ResponseCache,
        policy: Policy,
        redactor: Redactor,
        taken: Callable[[Call], None] = lambda _: None,
        hide: Callable[[str, dict[str, Any]], dict[str, Any]] = lambda _, record: record,
    ) -> None:
        self._config = config
        self._ledger = ledger
        self._cache = cache
        self._policy = policy
        self._redactor = redactor
        self._taken = taken
        self._prices = Prices(config.prices)
        self._random = Random()  # noqa: S311 - jitter, not cryptography
        self._apis: dict[str, BatchApi] = {}
        self._open: dict[str, Batch] = {}
        self._queue: dict[str, Waiting] = {}
        self._log = BatchLog(config.folder("reports") / BATCHES_FOLDER, redact=redactor.json, hide=hide)
        self._submitter = Submitter(self._log, api=self.api, policy=policy, random=self._random, redactor=redactor)
        self._said: list[str] = []

    @property
    def notes(self) -> tuple[str, ...]:
        """What came in and what went out, for the user."""
        return (*self._said, *self._submitter.notes)

    def remember(self, command: Command) -> None:
        """Note the command that ``evalkit run --resume`` repeats. Raises StoreError."""
        self._log.note_command(command)

    def pending(self, request: Request) -> CallError:
        """Return why ``request`` has no answer now. It is queued if no open batch holds it and another batch may help."""
        batch = self._open.get(request.key)
        if batch is not None:
            return CallError(
                f"its answer is in the batch {batch.id or batch.marker}, which is not taken in", kind="pending"
            )
        failures = self._log.failures(request.key)
        last = given_up(failures)
        if last is not None:
            return CallError(
                f"{last.message} (given up after {len(failures)} batches)",
                kind=last.kind,
                hint="ask it directly: evalkit run --mode cache",
                should_retry=False,
            )
        try:
            self._queue.setdefault(request.key, self._waiting(request))
        except CallError as error:
            return error
        return CallError("it goes into the next batch", kind="pending")

    def api(self, provider: str) -> BatchApi:
        """The open batch API of a provider. Raises CallError if its kind has none, or its key is not set."""
        if provider not in self._apis:
            self._apis[provider] = open_batch_api(provider, self._config)
        return self._apis[provider]

    async def take_in(self) -> None:
        """Look at every open batch once, and journal the answers of those that are finished.

        Raises CallError for what no batch of the provider can escape (a bad key), StoreError for a log or journal that cannot be used.
        """
        for batch in self._log.open:
            try:
                await self._look(batch)
            except CallError as error:
                if error.kind in FATAL:
                    raise self._told(error, batch) from error
                self._note(
                    f"the batch {batch.id or batch.marker} of {batch.provider} could not be looked at: {error.message}"
                )
        for batch in self._log.open:
            self._open |= dict.fromkeys(self._log.requests(batch), batch)
            # What a batch in the dark holds must not be handed in a second time.

    async def hand_in(self) -> None:
        """Hand in what is queued, as far as the ceilings allow. Raises StoreError; what a vendor says goes into the notes."""
        await self._submitter.hand_in(self._queue.values(), Ceilings.of(self._config))

    @property
    def unsent(self) -> Mapping[str, str]:
        """Why a request is in no batch, or may be in none, by its key: what could not be handed in."""
        return self._submitter.unsent

    def collector(self, provider: str) -> Provider:
        """What stands for a live provider in this mode. Raises CallError if it cannot hand in batches."""
        self.api(provider)
        return Collector(self)

    def close(self) -> None:
        """Let the log go, for the next session."""
        self._log.close()

    async def aclose(self) -> None:
        """Close the connections."""
        for api in self._apis.values():
            await api.aclose()

    # -- taking in ----------------------------------------------------------------------------------------------

    async def _look(self, batch: Batch) -> None:
        api = self.api(batch.provider)
        if batch.id is None:
            found = await self._found(api, batch)
            if found is None:
                self._give_up(batch)
                return
            self._log.submitted(batch.marker, found, found=True)
            batch = replace(batch, id=found, found=True)
        name = batch.id or ""
        status = await self._tried(lambda: api.poll(name))
        if status.finished:
            await self._take(api, batch, status)
        else:
            self._note(
                f"waiting for the batch {name} of {batch.provider}, {counted(batch.size, 'request')}: {status.said}"
            )

    async def _found(self, api: BatchApi, batch: Batch) -> str | None:
        """The vendor's id of a batch whose own was lost, among those that were never taken for one of ours."""
        return await self._tried(lambda: api.find(batch.marker, since=batch.at, size=batch.size, known=self._log.ids))

    def _give_up(self, batch: Batch) -> None:
        if time.time() - batch.at < UNCLEAR_S:
            self._note(
                f"{batch.provider} does not list the batch {batch.marker} (yet); it is looked for again next time"
            )
            return
        self._log.dropped(batch.marker, "the provider lists no such batch")

    async def _take(self, api: BatchApi, batch: Batch, status: BatchStatus) -> None:
        """Journal the answers of a finished batch, then close it: a kill in between costs a second download."""
        requests = self._log.requests(batch)
        failures: dict[str, CallFailure] = {}
        seen: set[str] = set()
        strangers = answered = 0
        written = []
        async with aclosing(api.results(batch.id or "", requests)) as results:
            async for key, reply in results:
                request = requests.get(key)
                if request is None or key in seen:
                    strangers += request is None
                    continue
                seen.add(key)
                if isinstance(reply, CallError):
                    failures[key] = CallFailure(reply.kind, self._redactor.text(reply.message), 1, reply.hint)
                    continue
                if reply.finish == "unknown":  # not served from the cache, so it would be asked for again and again
                    failures[key] = CallFailure("bad_response", "the answer ended for a reason nobody knows", 1)
                answered += reply.finish != "unknown"
                if self._cache.get(key) is None:  # taken in before, by a session that was killed before it could say so
                    call = self._call(request, reply, batch)
                    self._taken(call)
                    written.append(self._ledger.settle(call))
        for future in written:
            await asyncio.wrap_future(future)
        if batch.found and strangers and not seen:
            await self._look_further(api, batch)
            return
        for key in requests.keys() - seen:
            failures[key] = CallFailure(status.missing.kind, status.missing.message, 1)
        self._log.closed(batch.marker, answered=answered, failures=failures)
        self._note(_taken(batch, answered, failures, strangers))

    async def _look_further(self, api: BatchApi, batch: Batch) -> None:
        """What was taken for ``batch`` is somebody else's: ours may still be listed, and would be paid twice if it were handed in again."""
        other = await self._found(api, batch)
        if other is None:
            self._log.dropped(batch.marker, f"{batch.id} is somebody else's")
            return
        self._log.submitted(batch.marker, other, found=True)
        await self._look(replace(batch, id=other, found=True))

    def _call(self, request: Request, response: Response, batch: Batch) -> Call:
        cost = self._prices.cost_usd(request.model, response.usage, batch=True)
        return Call(request, response, "live", (Attempt(1, batch.at, 0.0),), cost, time.time())

    # -- handing in ---------------------------------------------------------------------------------------------

    def _waiting(self, request: Request) -> Waiting:
        api = self.api(request.provider)
        worst = _worst(request)
        return Waiting(
            request=request,
            entry=api.entry(request),
            provider=request.provider,
            group=api.group(request),
            worst_usd=self._prices.cost_usd(request.model, worst, batch=True),
            tokens=(worst.input_tokens or 0) + (worst.output_tokens or 0),
        )

    async def _tried(self, work: Callable[[], Awaitable[T]]) -> T:
        return await patiently(work, RETRYABLE, policy=self._policy, random=self._random)

    def _told(self, error: CallError, batch: Batch) -> CallError:
        return CallError(
            f"the batch {batch.id or batch.marker} of {batch.provider} cannot be looked at: {self._redactor.text(error.message)}",
            kind=error.kind,
            hint=error.hint or "use the account that it was handed in with",
        )

    def _note(self, text: str) -> None:
        self._said.append(self._redactor.text(text))


class Collector:
    """Stands where a live provider would: every request that reaches it is pending. Satisfies ``Provider``."""

    def __init__(self, batching: Batching) -> None:
        self._batching = batching

    async def complete(self, request: Request) -> Response:
        """Queue the request. Raises CallError, ``pending`` unless there is no hope."""
        raise self._batching.pending(request)

    async def aclose(self) -> None:
        """Nothing is open."""


def _worst(request: Request) -> Usage:
    most = request.params.get("max_output_tokens")
    output = most if isinstance(most, int) else DEFAULT_OUTPUT_TOKENS
    return Usage(input_tokens=input_estimate(request), output_tokens=output if request.kind == "chat" else 0)


def _taken(batch: Batch, answered: int, failures: Mapping[str, CallFailure], strangers: int) -> str:
    parts = [f"{counted(answered, 'answer')} came in from the batch {batch.id} of {batch.provider}"]
    if failures:
        kinds = Counter(failure.kind for failure in failures.values())
        parts.append(f"{len(failures)} failed ({', '.join(f'{kind} {n}' for kind, n in sorted(kinds.items()))})")
    if strangers:
        parts.append(f"{strangers} that nobody asked for were left out")
    return "; ".join(parts)
