"""What stories about the engine share: a ledger in memory, a caller around given providers, many questions at once."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from random import Random
from typing import TYPE_CHECKING, Any

from evalkit.engine.budget import Pricing
from evalkit.engine.call import Caller
from evalkit.engine.events import unobserved
from evalkit.engine.policy import Policy, Route
from evalkit.model.calls import Message, Request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalkit.engine.events import Observer
    from evalkit.model.calls import Call


class MemoryLedger:
    """Everything is on disk at once."""

    def intend(self, request: Request) -> None:
        """Not noted."""

    def settle(self, call: Call) -> Future[None]:
        done: Future[None] = Future()
        done.set_result(None)
        return done


def caller_for(
    providers: Mapping[str, Any],
    *,
    policy: Policy | None = None,
    accounts: Mapping[str, str] | None = None,
    observe: Observer = unobserved,
) -> Caller:
    """A caller for live ``providers`` by name; ``accounts`` maps a provider's name to its account."""
    return Caller(
        route=lambda name: Route(lambda: providers[name], "live", cached=False, account=(accounts or {}).get(name)),
        ledger=MemoryLedger(),
        cache=None,
        policy=policy or Policy(),
        pricing=Pricing(lambda _model, _usage: 0.01, lambda _request: 0.02),
        random=Random(7),
        observe=observe,
    )


def question(text: str, *, model: str = "fake/model", **params: Any) -> Request:
    return Request(model, (Message("user", text),), params=params)


async def ask_all(caller: Caller, count: int, *, model: str = "fake/model", at_once: int = 128) -> list[Call]:
    """Ask ``count`` different questions, ``at_once`` of them unsettled at any time."""
    window = asyncio.Semaphore(at_once)

    async def one(number: int) -> Call:
        async with window:
            return await caller.call(question(f"{number} of {model} {'x' * 200}", model=model))

    return list(await asyncio.gather(*(one(number) for number in range(count))))
