"""One request, settled once: shared, cached, or sent; then written down. Identical requests share one answer."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any

from evalkit.engine.attempts import Desk, Sender, Tries
from evalkit.engine.budget import Budget
from evalkit.engine.events import unobserved
from evalkit.engine.halts import Halts
from evalkit.engine.lane import Lane
from evalkit.engine.limits import AccountLimits
from evalkit.engine.watched import Watched
from evalkit.errors import CallError
from evalkit.model.calls import Call, CallFailure, Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from evalkit.engine.budget import Pricing
    from evalkit.engine.events import Observer
    from evalkit.engine.policy import Policy, Route
    from evalkit.engine.ports import Ledger, ResponseCache
    from evalkit.model.calls import Attempt, Reply, Request, Source
    from evalkit.providers.base import Provider

_READ_AGAIN = frozenset({"cache", "replay"})


class Caller:
    """Answers requests. Lives on one event loop; every method must be called there.

    ``route`` tells how requests to a provider are answered; ``observe`` hears every :class:`evalkit.engine.events.Event`. ``halted``
    is the first failure that stops the run (a bad key, an unknown model, exhausted credit, or every account given up): later calls that
    it concerns fail at once with the same words instead of asking 5000 times.

    Of what was answered only the response is kept, so that an identical request of the same run is never paid twice; answers from the
    cache or a recording are not even kept, because they can be read again for nothing.
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
        observe: Observer = unobserved,
    ) -> None:
        self._find_route = route
        self._ledger = ledger
        self._cache = cache
        self._policy = policy
        self._pricing = pricing
        self._random = random or Random()  # noqa: S311 - jitter, not cryptography
        self._watched = Watched(observe)
        self._halts = Halts()
        self._sender = Sender(
            policy=policy,
            budget=Budget(policy, pricing),
            ledger=ledger,
            halts=self._halts,
            random=self._random,
            watched=self._watched,
        )
        self._routes: dict[str, Route] = {}
        self._providers: dict[str, Provider] = {}
        self._lanes: dict[str, Lane] = {}
        self._answers: dict[str, Response] = {}
        self._flights: dict[str, asyncio.Future[Call | None] | None] = {}
        self._running: set[asyncio.Task[Any] | None] = set()
        self._number = 0
        self._closing = False

    @property
    def halted(self) -> CallFailure | None:
        """The failure that stops the run, or None."""
        return self._halts.first

    async def call(self, request: Request, *, priority: int = 0, replaceable: bool = False) -> Call:
        """Return the settled call for ``request``; of those that wait for a limit, a lower ``priority`` goes first.

        ``replaceable``: something else will be asked if there is no answer, so that no failure of this call stops the run. A failure is
        a value; only a broken ledger (StoreError) raises.
        """
        call = await self._shared(request, priority)
        if not replaceable and isinstance(call.reply, CallFailure):
            self.stop_if_hopeless(request)
        return call

    async def _shared(self, request: Request, priority: int) -> Call:
        key = request.key
        while not self._closing:
            response = self._answers.get(key)
            if response is not None:
                return await self._written(self._made(request, response, "shared", ()))
            if key not in self._flights:
                return await self._owned(request, priority)
            call = await self._landing(key)
            if call is not None:
                return await self._written(replace(call, source="shared", attempts=()))
        raise asyncio.CancelledError

    async def aclose(self) -> tuple[str, ...]:
        """Cancel what is in flight, start nothing more, and close every provider.

        Returns what went wrong with the providers: no answer depends on it.
        """
        self._closing = True
        running = [task for task in self._running if task not in {None, asyncio.current_task()}]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        closing = (provider.aclose() for provider in self._providers.values())
        outcomes = await asyncio.gather(*closing, return_exceptions=True)
        return tuple(
            f"the provider {name} could not be closed: {type(outcome).__name__}: {outcome}"
            for name, outcome in zip(self._providers, outcomes, strict=True)
            if isinstance(outcome, Exception)
        )

    def _landing(self, key: str) -> asyncio.Future[Call | None]:
        """What an identical request that is under way will be told: its call, or None if it was cancelled."""
        flight = self._flights[key]
        if flight is None:
            flight = self._flights[key] = asyncio.get_running_loop().create_future()
        return asyncio.shield(flight)

    async def _owned(self, request: Request, priority: int) -> Call:
        task = asyncio.current_task()
        self._flights[request.key] = None
        self._running.add(task)
        call: Call | None = None
        try:
            call = await self._settled(request, priority)
        finally:
            self._running.discard(task)
            flight = self._flights.pop(request.key)
            if flight is not None and not flight.done():
                flight.set_result(call)
        return call

    async def _settled(self, request: Request, priority: int) -> Call:
        route = self._routes.get(request.provider)
        if route is None:
            route = self._routes[request.provider] = self._find_route(request.provider)
        if route.cached and self._cache is not None:
            response = self._cache.get(request.key)
            if response is not None:
                return await self._written(self._made(request, response, "cache", ()))
        return await self._sent(request, route, priority)

    async def _sent(self, request: Request, route: Route, priority: int) -> Call:
        self._number += 1
        tries = Tries(request, priority, self._number)
        lane = self._lane(request.provider, route)
        try:
            response = await self._answered(tries, route, lane)
            # The slot is held until the answer is on disk, so that a kill can cost no more calls than there are slots.
            return await self._kept(self._made(request, response, route.source, tuple(tries.attempts)))
        except CallError as error:
            failure = CallFailure(error.kind, error.message, len(tries.attempts), error.hint)
            if route.source != "replay":  # what was recorded says nothing of the next call
                failure = self._learned(request, failure, lane)
            return await self._written(self._made(request, failure, route.source, tuple(tries.attempts)))
        finally:
            if tries.ticket is not None:
                lane.leave(tries.ticket)

    async def _answered(self, tries: Tries, route: Route, lane: Lane) -> Response:
        response = await self._sender.send(tries, Desk(self._provider(tries.request, route), lane, route.source))
        return response if response.limits is None else replace(response, limits=None)

    async def _kept(self, call: Call) -> Call:
        await self._written(call)
        if call.source not in _READ_AGAIN and isinstance(call.reply, Response):
            self._answers[call.request.key] = call.reply
        return call

    async def _written(self, call: Call) -> Call:
        on_disk = self._ledger.settle(call)
        if on_disk.done():
            on_disk.result()
        else:
            await asyncio.wrap_future(on_disk)
        route = self._routes[call.request.provider]
        self._watched.settled(route.account or call.request.provider, call)
        return call

    def _learned(self, request: Request, failure: CallFailure, lane: Lane) -> CallFailure:
        failure, new = self._halts.note(request, failure)
        if new:
            self._watched("provider.stopped", lane.account, None, f"{failure.kind}: {failure.message}")
        return failure

    def stop_if_hopeless(self, request: Request) -> None:
        """The run stops if no request like ``request`` can be answered, or if every account was given up."""
        self._halts.stop(self._halts.of(request))
        dead = [lane.stopped for lane in self._lanes.values()]
        if dead and None not in dead and dead[0] is not None:
            self._halts.stop(CallFailure(dead[0].kind, dead[0].message, 0, dead[0].hint))

    def _provider(self, request: Request, route: Route) -> Provider:
        provider = self._providers.get(request.provider)
        if provider is None:
            provider = self._providers[request.provider] = route.open()
        return provider

    def _lane(self, provider: str, route: Route) -> Lane:
        account = route.account or provider
        lane = self._lanes.get(account)
        if lane is None:
            limits = AccountLimits(
                concurrency=self._policy.concurrency,
                fixed=self._policy.limits.get(account, {}),
                now=asyncio.get_running_loop().time(),
                workers=self._policy.workers,
            )
            lane = Lane(account, limits, policy=self._policy, random=self._random, tell=self._watched.tell)
            self._lanes[account] = lane
        return lane

    def _made(self, request: Request, reply: Reply, source: Source, attempts: tuple[Attempt, ...]) -> Call:
        cost = self._pricing.cost_usd(request.model, reply.usage) if isinstance(reply, Response) else None
        return Call(request, reply, source, attempts, cost, time.time())
