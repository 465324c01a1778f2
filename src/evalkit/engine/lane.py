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
    """Lets the calls of one account through, as its limits and its circuit breaker allow. Lives on one event loop.

    ``tell`` hears of waiting, of changed limits and of a stop; None if nobody listens. Calls of a model that is held back do not hold
    back another model's, unless what holds them is the account's.
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
        self._breaker = Breaker(max(_FEWEST_FAILURES, policy.concurrency))
        self._last: CallError | None = None

    @property
    def stopped(self) -> CallError | None:
        """Why the account is given up, or None."""
        return self._last if self._breaker.stopped is not None else None

    @property
    def in_a_row(self) -> int:
        """Failures since the last answer, over all calls."""
        return self._breaker.failures

    def now(self) -> float:
        """The loop's time in seconds, by which waits and deadlines are counted."""
        return self._loop.time()

    async def enter(self, request: Request, *, priority: int, number: int, left_s: float | None) -> Ticket:
        """Wait for the right to send ``request``; ``number`` is its turn among equals.

        Raises CallError if the account is given up, TimeoutError if ``left_s`` seconds were not enough.
        """
        if self.stopped is not None:
            raise self.stopped
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
            self._breaker.abandoned()
        self._limits.leave(ticket)
        self._dispatch()

    def answered(self, ticket: Ticket, response: Response) -> None:
        """The provider answered: settle the estimate and learn. The slot stays taken until :meth:`leave`."""
        self._breaker.answered()
        ticket.probe = False
        self._news(self._limits.answered(ticket, response.usage, response.limits, self._loop.time()))
        if self._waiting:
            self._dispatch()

    def failed(self, ticket: Ticket, error: CallError, *, pause: bool) -> None:
        """The attempt failed. ``pause``: a 429 that the account as a whole waits for. Frees the slot."""
        now = self._loop.time()
        if error.kind == "rate_limited" and pause:
            self._news(self._limits.refused(ticket, error.limits, until=now + self._pause_s(error), now=now))
            self._breaker.answered()
        elif error.kind in _ABOUT_THE_PROVIDER or error.kind == "rate_limited":
            self._count(ticket, error, now)
        else:
            self._breaker.answered()
            self._news(self._limits.declined(ticket, error.limits, now))
        ticket.probe = False
        self.leave(ticket)

    def _count(self, ticket: Ticket, error: CallError, now: float) -> None:
        self._news(self._limits.learn(ticket, error.limits, now))
        if not self._breaker.failed(error, probe=ticket.probe, now=now):
            return
        why = self._breaker.stopped
        if why is None:
            self._news(f"{self.account} is tested by single requests after {self._breaker.failures} failures in a row")
            return
        self._last = CallError(f"{self.account}: {why}", kind=error.kind, status=error.status, hint=error.hint)
        if self._tell is not None:
            self._tell("provider.stopped", self.account, None, f"{self._last.kind}: {self._last.message}")
        self._dismiss(self._last)

    def _pause_s(self, error: CallError) -> float:
        if error.retry_after_s is not None:
            return told_wait(error.retry_after_s, self._random)
        if error.limits is not None:
            return 0.0  # the limits say when the next one may go
        return backoff(self._limits.refusals, self._policy, self._random)

    def _held(self, request: Request) -> Held | None:
        now = self._loop.time()
        wait = self._breaker.wait_s(now) if self._breaker.open else 0.0
        if wait > 0:
            return Held(wait, "an outage")
        return self._limits.held(request, now)

    def _take(self, request: Request) -> Ticket:
        ticket = self._limits.take(request, self._loop.time())
        if self._breaker.open:
            ticket.probe = self._breaker.sent()
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

    def _dismiss(self, error: CallError) -> None:
        for queue in self._queues.values():
            for waiter in queue:
                if not waiter.ready.done():
                    waiter.ready.set_exception(error)
        self._queues.clear()
        self._waiting = 0

    def _news(self, news: str | None) -> None:
        if news is not None and self._tell is not None:
            self._tell("limit.changed", self.account, None, news)


def _late(ready: asyncio.Future[Ticket]) -> None:
    if not ready.done():
        ready.set_exception(TimeoutError())
