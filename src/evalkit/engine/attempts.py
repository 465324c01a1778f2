"""One request, tried until it is answered or hopeless: its turn, its ceiling, its deadline, its retries."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from evalkit.engine.retry import Failures, explained, wait_before_retry
from evalkit.errors import CallError
from evalkit.model.calls import Attempt

if TYPE_CHECKING:
    from random import Random

    from evalkit.engine.budget import Budget
    from evalkit.engine.halts import Halts
    from evalkit.engine.lane import Lane
    from evalkit.engine.limits import Ticket
    from evalkit.engine.policy import Policy
    from evalkit.engine.ports import Ledger
    from evalkit.engine.watched import Watched
    from evalkit.model.calls import Request, Response, Source
    from evalkit.providers.base import Provider

_PERHAPS_BILLED = frozenset({"timeout", "bad_response", "connection"})


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a request is answered: an open provider, the queue in front of its account, and where its answers come from."""

    provider: Provider
    lane: Lane
    source: Source

    @property
    def paid(self) -> bool:
        """Whether its answers cost money."""
        return self.source == "live"


@dataclass(slots=True)
class Tries:
    """The tries of one call so far. ``number`` is its turn among calls of the same ``priority``; ``ticket`` the slot it holds.

    ``sent_at`` is when it first left: the deadline counts from then, so that waiting for a turn burns none of it.
    """

    request: Request
    priority: int
    number: int
    sent_at: float | None = None
    failed_at: float | None = None
    attempts: list[Attempt] = field(default_factory=list)
    met: Failures = field(default_factory=Failures)
    last: CallError | None = None
    ticket: Ticket | None = None


class Sender:
    """Sends requests under one policy. Lives on one event loop."""

    def __init__(
        self, *, policy: Policy, budget: Budget, ledger: Ledger, halts: Halts, random: Random, watched: Watched
    ) -> None:
        self._policy = policy
        self._budget = budget
        self._ledger = ledger
        self._halts = halts
        self._random = random
        self._watched = watched

    async def send(self, tries: Tries, desk: Desk) -> Response:
        """Return the answer. ``tries.ticket`` is then still held: the caller gives it back when the answer is on disk.

        Raises the last CallError when there will be none.
        """
        while True:
            self._give_up_if_halted(tries)
            tries.ticket = await self._turn(tries, desk)
            self._give_up_if_halted(tries)  # another call may have learned meanwhile that the key is wrong
            try:
                response = await self._attempt(tries, desk)
            except CallError as error:
                wait = self._failed(tries, desk, error)
                if wait is None:
                    raise explained(error, left_s=self._left_s(tries, desk), policy=self._policy) from None
            else:
                desk.lane.answered(tries.ticket, response)
                return response
            if wait:
                await asyncio.sleep(wait)

    def _give_up_if_halted(self, tries: Tries) -> None:
        halt = self._halts.of(tries.request)
        if halt is not None:
            raise CallError(halt.message, kind=halt.kind, hint=halt.hint)

    async def _turn(self, tries: Tries, desk: Desk) -> Ticket:
        left_s = None if tries.sent_at is None else self._left_s(tries, desk)
        try:
            return await desk.lane.enter(tries.request, priority=tries.priority, number=tries.number, left_s=left_s)
        except TimeoutError:
            last = tries.last
            raise CallError(
                f"the deadline of {self._policy.deadline_s:g} s ran out before the next try; the last failure: "
                f"{last.message if last else 'none'}",
                kind=last.kind if last else "timeout",
                hint=last.hint if last else None,
            ) from None

    def _failed(self, tries: Tries, desk: Desk, error: CallError) -> float | None:
        """Say what the failure means for the account and for the call; the wait before the next try, or None."""
        tries.met.add(error.kind)
        tries.last = error
        tries.failed_at = desk.lane.now()
        wait = wait_before_retry(
            error,
            met=tries.met,
            in_a_row=desk.lane.in_a_row(tries.request) + 1,
            left_s=self._left_s(tries, desk),
            policy=self._policy,
            random=self._random,
        )
        if self._halts.of(tries.request) is not None:
            wait = None
        if tries.ticket is not None and desk.source != "replay":  # what was recorded says nothing of the account
            desk.lane.failed(tries.ticket, error, pause=wait is not None)
        self._watched.failed(desk.lane.account, tries.request, error, attempt=len(tries.attempts), wait_s=wait)
        return wait

    async def _attempt(self, tries: Tries, desk: Desk) -> Response:
        if not desk.paid:
            return await self._timed(tries, desk)
        reserved = await self._budget.reserve(tries.request)
        usage, billed = None, True
        try:
            self._give_up_if_halted(tries)  # the budget may have let it wait for the very call that learned it
            self._ledger.intend(tries.request)
            response = await self._timed(tries, desk)
            usage = response.usage
        except CallError as error:
            billed = error.kind in _PERHAPS_BILLED
            raise
        finally:
            self._budget.settle(reserved, model=tries.request.model, usage=usage, billed=billed)
        return response

    async def _timed(self, tries: Tries, desk: Desk) -> Response:
        began, started_at = desk.lane.now(), time.time()
        number = len(tries.attempts) + 1
        wait_s = 0.0 if tries.failed_at is None else began - tries.failed_at
        tries.sent_at = began if tries.sent_at is None else tries.sent_at
        self._watched.sent(desk.lane.account, tries.request, number)
        failure: CallError | None = None
        try:
            async with asyncio.timeout(self._left_s(tries, desk)):
                return await desk.provider.complete(tries.request)
        except TimeoutError:
            failure = CallError(f"no answer within the deadline of {self._policy.deadline_s:g} s", kind="timeout")
            raise failure from None
        except CallError as error:
            failure = error
            raise
        finally:
            tries.attempts.append(
                Attempt(
                    number,
                    started_at,
                    desk.lane.now() - began,
                    wait_s,
                    failure.status if failure else None,
                    failure.kind if failure else None,
                    failure.message if failure else "",
                )
            )

    def _left_s(self, tries: Tries, desk: Desk) -> float:
        used = 0.0 if tries.sent_at is None else desk.lane.now() - tries.sent_at
        return self._policy.deadline_s - used
