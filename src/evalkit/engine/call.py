"""One request, settled once: cache, ceiling, concurrency, retry, ledger. Identical requests share one answer."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field, replace
from random import Random
from typing import TYPE_CHECKING

from evalkit.engine.budget import Budget
from evalkit.engine.retry import wait_before_retry
from evalkit.errors import FATAL, CallError
from evalkit.model.calls import Attempt, Call, CallFailure, Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from evalkit.engine.policy import Policy, Route
    from evalkit.engine.ports import Ledger, ResponseCache
    from evalkit.model.calls import Reply, Request, Usage
    from evalkit.providers.base import Provider


@dataclass(frozen=True, slots=True)
class Pricing:
    """What a call costs, as two pure functions; either returns None when a price or the usage is unknown."""

    cost_usd: Callable[[str, Usage], float | None]
    worst_case_usd: Callable[[Request], float | None]


@dataclass(slots=True)
class _Line:
    """An open provider and the slots in front of it."""

    provider: Provider
    slots: asyncio.Semaphore


@dataclass(slots=True)
class _Tries:
    """The tries of one call so far."""

    started: float
    attempts: list[Attempt] = field(default_factory=list)


class Caller:
    """Answers requests. Lives on one event loop; every method must be called there.

    ``route`` tells how requests to a provider are answered. ``halted`` is the first fatal failure (a bad key, an unknown model,
    exhausted credit): later calls that it concerns fail at once with the same message instead of asking 5000 times.
    """

    def __init__(
        self,
        *,
        route: Callable[[str], Route],
        ledger: Ledger,
        cache: ResponseCache | None,
        policy: Policy,
        pricing: Pricing,
        random: Random | None = None,
    ) -> None:
        self._route = route
        self._ledger = ledger
        self._cache = cache
        self._policy = policy
        self._pricing = pricing
        self._random = random or Random()  # noqa: S311 - jitter, not cryptography
        self._budget = Budget(policy.max_cost_usd)
        self._lines: dict[str, _Line] = {}
        self._flights: dict[str, asyncio.Task[Call]] = {}
        self._halts: dict[str, CallFailure] = {}
        self._closing = False
        self.halted: CallFailure | None = None

    async def call(self, request: Request) -> Call:
        """Return the settled call for ``request``. A failure is a value; only a broken ledger (StoreError) raises."""
        if self._closing:
            raise asyncio.CancelledError
        flight = self._flights.get(request.key)
        if flight is None:
            flight = asyncio.create_task(self._settled(request))
            self._flights[request.key] = flight
            flight.add_done_callback(lambda done: self._landed(request.key, done))
            return await asyncio.shield(flight)
        call = replace(await asyncio.shield(flight), source="shared", attempts=())
        await asyncio.wrap_future(self._ledger.settle(call))
        return call

    def _landed(self, key: str, flight: asyncio.Task[Call]) -> None:
        if flight.cancelled() or flight.exception() is not None or not isinstance(flight.result().reply, Response):
            self._flights.pop(key, None)  # a failure is shared by those who wait for it, not by those who ask later

    async def aclose(self) -> None:
        """Cancel what is in flight, start nothing more, and close every provider."""
        self._closing = True
        running = [task for task in self._flights.values() if not task.done()]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        for line in self._lines.values():
            await line.provider.aclose()

    async def _settled(self, request: Request) -> Call:
        route = self._route(request.provider)
        if route.cached and self._cache is not None:
            response = self._cache.get(request.key)
            if response is not None:
                return await self._written(self._call(request, response, replace(route, source="cache"), []))
        return await self._tried(request, route)

    async def _written(self, call: Call) -> Call:
        await asyncio.wrap_future(self._ledger.settle(call))
        return call

    async def _tried(self, request: Request, route: Route) -> Call:
        tries = _Tries(started=time.monotonic())
        reply: Reply
        try:
            line = self._line(request.provider, route)
        except CallError as error:
            return await self._written(self._call(request, self._failed(request, error, tries), route, []))
        async with line.slots:
            # Asked only now: a call may have waited here while another one learned that the key is wrong.
            halt = self._halt_of(request)
            if halt is not None:
                return await self._written(self._call(request, replace(halt, attempts=0), route, []))
            tries.started = time.monotonic()
            try:
                reply = await self._until_done(request, route, line.provider, tries)
            except CallError as error:
                reply = self._failed(request, error, tries)
            # The slot is held until the answer is on disk, so that a kill can cost no more calls than there are slots.
            return await self._written(self._call(request, reply, route, tries.attempts))

    def _failed(self, request: Request, error: CallError, tries: _Tries) -> CallFailure:
        failure = CallFailure(error.kind, error.message, len(tries.attempts), error.hint)
        self._halt(request, failure)
        return failure

    async def _until_done(self, request: Request, route: Route, provider: Provider, tries: _Tries) -> Response:
        wait = 0.0
        while True:
            left = self._policy.deadline_s - (time.monotonic() - tries.started)
            try:
                return await self._attempt(request, route, provider, tries, wait_s=wait, left_s=left)
            except CallError as error:
                left = self._policy.deadline_s - (time.monotonic() - tries.started)
                next_wait = wait_before_retry(
                    error, attempt=len(tries.attempts), left_s=left, policy=self._policy, random=self._random
                )
                if next_wait is None or self._halt_of(request) is not None:
                    raise
                wait = next_wait
            await asyncio.sleep(wait)

    async def _attempt(
        self, request: Request, route: Route, provider: Provider, tries: _Tries, *, wait_s: float, left_s: float
    ) -> Response:
        if route.source == "live":
            return await self._attempt_paid(request, provider, tries, wait_s=wait_s, left_s=left_s)
        return await self._sent(request, provider, tries, wait_s=wait_s, left_s=left_s)

    async def _attempt_paid(
        self, request: Request, provider: Provider, tries: _Tries, *, wait_s: float, left_s: float
    ) -> Response:
        worst = self._pricing.worst_case_usd(request)
        await self._budget.reserve(worst)
        paid: float | None = None
        try:
            self._ledger.intend(request)
            response = await self._sent(request, provider, tries, wait_s=wait_s, left_s=left_s)
            paid = self._pricing.cost_usd(request.model, response.usage)
        except CallError as error:
            paid = None if error.kind in {"timeout", "bad_response", "connection"} else 0.0
            raise
        finally:
            await self._budget.settle(reserved_usd=worst, paid_usd=paid)
        return response

    async def _sent(
        self, request: Request, provider: Provider, tries: _Tries, *, wait_s: float, left_s: float
    ) -> Response:
        number, started_at, began = len(tries.attempts) + 1, time.time(), time.monotonic()

        def note(error: CallError | None) -> None:
            tries.attempts.append(
                Attempt(
                    number,
                    started_at,
                    time.monotonic() - began,
                    wait_s,
                    error.status if error else None,
                    error.kind if error else None,
                    error.message if error else "",
                )
            )

        try:
            async with asyncio.timeout(left_s):
                response = await provider.complete(request)
        except TimeoutError:
            late = CallError(f"no answer within the deadline of {self._policy.deadline_s:g} s", kind="timeout")
            note(late)
            raise late from None
        except CallError as error:
            note(error)
            raise
        note(None)
        return response

    def _line(self, name: str, route: Route) -> _Line:
        line = self._lines.get(name)
        if line is None:
            line = _Line(route.open(), asyncio.Semaphore(self._policy.concurrency))
            self._lines[name] = line
        return line

    def _halt_of(self, request: Request) -> CallFailure | None:
        return self._halts.get(request.provider) or self._halts.get(request.model)

    def _halt(self, request: Request, failure: CallFailure) -> None:
        if failure.kind not in FATAL:
            return
        scope = request.model if failure.kind == "model_not_found" else request.provider
        self._halts.setdefault(scope, failure)
        self.halted = self.halted or failure

    def _call(self, request: Request, reply: Reply, route: Route, attempts: list[Attempt]) -> Call:
        cost = self._pricing.cost_usd(request.model, reply.usage) if isinstance(reply, Response) else None
        return Call(request, reply, route.source, tuple(attempts), cost, time.time())
