"""The queue in front of one account: who goes next, and when."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import TYPE_CHECKING

from evalkit.engine.breaker import Breaker
from evalkit.engine.limits import Held
from evalkit.engine.retry import backoff, told_wait
from evalkit.errors import CallError

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from evalkit.engine.events import EventName
    from evalkit.engine.limits import AccountLimits, Ticket
    from evalkit.engine.policy import Policy
    from evalkit.model.calls import Request, Response

_ABOUT_THE_PROVIDER = frozenset({"overloaded", "server", "connection", "timeout", "bad_response"})
_PATIENCE = (
    0.1  # of the time since the first refusal: a server that tells everybody "wait 0 s" is not asked without end
)
_FEWEST_REFUSALS = 8  # fewer in all that time may be bad luck between long pauses
_FEWEST_FAILURES = 32  # of attempts that fail by chance with 55%, so many in a row come once in 2e8


@dataclass(order=True, slots=True)
class Waiter:
    """A call in the queue: lower ``priority`` goes first, then who came first."""

    priority: int
    number: int
    request: Request = field(compare=False)
    ready: asyncio.Future[Ticket] = field(compare=False)
    reason: str = field(default="", compare=False)


class Lane:
    """Lets the calls of one account through, as its limits and its circuit breakers allow. Lives on one event loop.

    ``tell`` hears of waiting, of changed limits and of a stop; None if nobody listens. Calls of a model that is held back do not hold
    back another model's, unless what holds them is the account's. Each model has a breaker of its own, for one may be down while the others
    answer; a model that cannot even be connected to, and a 429 for everything, speak of the account.
    """

    def __init__(
        self,
        account: str,
        limits: AccountLimits,
        *,
        policy: Policy,
        random: Random,
        tell: Callable[[EventName, str, Request | None, str], None] | None,
    ) -> None:
        self.account = account
        self._limits = limits
        self._policy = policy
        self._random = random
        self._tell = tell
        self._loop = asyncio.get_running_loop()
        self._queues: dict[str, list[Waiter]] = {}
        self._waiting = 0
        self._timer: asyncio.TimerHandle | None = None
        self._breakers: dict[str, Breaker] = {}
        self._refused_from: float | None = None
        self._stopped: CallError | None = None
        self._stopped_models: dict[str, CallError] = {}

    @property
    def stopped(self) -> CallError | None:
        """Why the account is given up, or None."""
        return self._stopped

    def in_a_row(self, request: Request) -> int:
        """Failures since the last answer, over all calls to the model of ``request``."""
        return self._breaker(request.model).failures

    def now(self) -> float:
        """The loop's time in seconds, by which waits and deadlines are counted."""
        return self._loop.time()

    async def enter(self, request: Request, *, priority: int, number: int, left_s: float | None) -> Ticket:
        """Wait for the right to send ``request``; ``number`` is its turn among equals.

        Raises CallError if the account or the model is given up, TimeoutError if ``left_s`` seconds were not enough.
        """
        stopped = self._stopped or self._stopped_models.get(request.model)
        if stopped is not None:
            raise stopped
        held = self._held(request)
        if held is None and not self._waiting:
            return self._take(request)
        waiter = Waiter(priority, number, request, self._loop.create_future())
        heappush(self._queues.setdefault(request.model, []), waiter)
        self._waiting += 1
        self._explain(waiter, held)
        self._dispatch()
        timer = None if left_s is None else self._loop.call_later(left_s, _late, waiter.ready)
        try:
            return await waiter.ready
        except asyncio.CancelledError:
            self._withdraw(waiter)
            raise
        finally:
            if timer is not None:
                timer.cancel()

    def leave(self, ticket: Ticket) -> None:
        """Give the slot of ``ticket`` back; a second time does nothing. A ticket without an outcome was cancelled."""
        if ticket.probe:
            self._breaker(ticket.model).abandoned()
        self._limits.leave(ticket)
        self._dispatch()

    def answered(self, ticket: Ticket, response: Response) -> None:
        """The provider answered: settle the estimate and learn. The slot stays taken until :meth:`leave`."""
        self._breaker(ticket.model).answered()
        self._refused_from = None
        ticket.probe = False
        self._news(self._limits.answered(ticket, response.usage, response.limits, self._loop.time()))
        if self._waiting:
            self._dispatch()

    def failed(self, ticket: Ticket, error: CallError, *, pause: bool) -> None:
        """The attempt failed. ``pause``: a 429 that the account as a whole waits for. Frees the slot."""
        now = self._loop.time()
        if error.kind == "rate_limited" and pause:
            until = now + self._pause_s(ticket, error, now)
            self._news(self._limits.refused(ticket, error.limits, until=until, now=now))
            self._breaker(ticket.model).answered()
            self._refused(error, now)
        elif error.kind in _ABOUT_THE_PROVIDER or error.kind == "rate_limited":
            self._count(ticket, error, now)
        else:
            self._breaker(ticket.model).answered()
            self._refused_from = None
            self._news(self._limits.declined(ticket, error.limits, now))
        ticket.probe = False
        self.leave(ticket)

    def _count(self, ticket: Ticket, error: CallError, now: float) -> None:
        self._news(self._limits.learn(ticket, error.limits, now))
        breaker = self._breaker(ticket.model)
        if not breaker.failed(error, probe=ticket.probe, now=now):
            return
        if breaker.stopped is None:
            self._news(f"{ticket.model} is tested by single requests after {breaker.failures} failures in a row")
        elif error.kind == "connection":
            self._stop(error, breaker.stopped)
        else:
            self._stop(error, breaker.stopped, model=ticket.model)

    def _refused(self, error: CallError, now: float) -> None:
        """Give the account up if it answered nobody for as long as a call may take: each call after this one would wait as long.

        One that waits for a turn has no deadline, so that without this 1000 cases at a used-up account would take days.
        """
        self._refused_from = now if self._refused_from is None else self._refused_from
        patience = max(self._policy.deadline_s, self._policy.max_retry_after_s)
        refusals, seconds = self._limits.refusals, now - self._refused_from
        if self._stopped is None and refusals >= _FEWEST_REFUSALS and seconds >= patience:
            self._stop(
                error,
                f"nothing but refusals ({refusals}) for {seconds:.0f} s, so no more calls are made; "
                f"the last one: {error.kind}: {error.message}",
            )

    def _stop(self, error: CallError, why: str, *, model: str | None = None) -> None:
        """Give ``model`` up, or without one the account."""
        stopped = CallError(f"{model or self.account}: {why}", kind=error.kind, status=error.status, hint=error.hint)
        if model is None:
            self._stopped = stopped
        else:
            self._stopped_models[model] = stopped
        if self._tell is not None:
            self._tell("provider.stopped", self.account, None, f"{error.kind}: {stopped.message}")
        self._dismiss(stopped, [*self._queues] if model is None else [model])

    def _breaker(self, model: str) -> Breaker:
        if model not in self._breakers:
            self._breakers[model] = Breaker(max(_FEWEST_FAILURES, self._policy.concurrency))
        return self._breakers[model]

    def _pause_s(self, ticket: Ticket, error: CallError, now: float) -> float:
        """How long the account waits after a 429: what it says, but the longer the longer it has refused everybody."""
        refusing_s = 0.0 if self._refused_from is None else now - self._refused_from
        least = min(self._policy.max_backoff_s, refusing_s * _PATIENCE)
        if error.retry_after_s is not None:
            return max(least, told_wait(error.retry_after_s, self._random))
        if self._limits.explained(ticket, error.limits):
            return least  # the limits say when the next one may go
        return backoff(self._limits.refusals, self._policy, self._random)

    def _held(self, request: Request) -> Held | None:
        now = self._loop.time()
        breaker = self._breaker(request.model)
        wait = breaker.wait_s(now) if breaker.open else 0.0
        if wait > 0:
            return Held(wait, "an outage")
        return self._limits.held(request, now)

    def _take(self, request: Request) -> Ticket:
        ticket = self._limits.take(request, self._loop.time())
        breaker = self._breaker(request.model)
        if breaker.open:
            ticket.probe = breaker.sent()
        return ticket

    def _dispatch(self) -> None:
        """Let through whoever may go, in order; then set the clock for the next one that only has to wait."""
        if not self._waiting:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        soonest = math.inf
        while self._waiting:
            wait = self._let_one_through()
            if wait is not None:
                soonest = wait
                break
        if soonest < math.inf:
            self._timer = self._loop.call_later(soonest, self._dispatch)

    def _let_one_through(self) -> float | None:
        """Let the first that may go through and return None; or return the seconds until it is worth asking again."""
        soonest = math.inf
        for waiter in sorted(self._heads()):
            held = self._held(waiter.request)
            if held is None:
                heappop(self._queues[waiter.request.model])
                self._waiting -= 1
                waiter.ready.set_result(self._take(waiter.request))
                return None
            soonest = min(soonest, held.wait_s)
            self._explain(waiter, held)
        return soonest

    def _explain(self, waiter: Waiter, held: Held | None) -> None:
        if self._tell is not None and (held is None or waiter.reason != held.reason):
            waiter.reason = held.reason if held is not None else "earlier calls"
            self._tell("call.waiting", self.account, waiter.request, waiter.reason)

    def _heads(self) -> list[Waiter]:
        heads = []
        for queue in self._queues.values():
            while queue and queue[0].ready.done():
                heappop(queue)
                self._waiting -= 1
            if queue:
                heads.append(queue[0])
        return heads

    def _withdraw(self, waiter: Waiter) -> None:
        """The call was cancelled: a ticket that it got at the same moment goes to somebody else."""
        if waiter.ready.done() and not waiter.ready.cancelled() and waiter.ready.exception() is None:
            self.leave(waiter.ready.result())

    def _dismiss(self, error: CallError, models: list[str]) -> None:
        for model in models:
            queue = self._queues.pop(model, [])
            self._waiting -= len(queue)
            for waiter in queue:
                if not waiter.ready.done():
                    waiter.ready.set_exception(error)

    def _news(self, news: str | None) -> None:
        if news is not None and self._tell is not None:
            self._tell("limit.changed", self.account, None, news)


def _late(ready: asyncio.Future[Ticket]) -> None:
    if not ready.done():
        ready.set_exception(TimeoutError())
