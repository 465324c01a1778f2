"""Ceilings of tokens and calls, what the engine tells while it works, and what it keeps in memory."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING

import pytest
from fakes.engine import ask_all, caller_for, question
from fakes.virtual_time import LimitedServer, run

from evalkit.engine.policy import Policy
from evalkit.errors import CallError
from evalkit.model.calls import CallFailure, Response, Usage

if TYPE_CHECKING:
    from evalkit.engine.events import Event
    from evalkit.model.calls import Call


def split(calls: list[Call]) -> tuple[int, list[CallFailure]]:
    return sum(isinstance(call.reply, Response) for call in calls), [
        call.reply for call in calls if isinstance(call.reply, CallFailure)
    ]


def test_a_ceiling_of_calls_stops_cleanly() -> None:
    """``--max-calls 10``: exactly ten requests leave, and the rest say what to do."""
    server = LimitedServer(latency_s=0.1)
    calls = run(ask_all(caller_for({"fake": server}, policy=Policy(max_calls=10)), 50))
    answered, refused = split(calls)
    assert (answered, len(server.requests)) == (10, 10)
    assert {failure.kind for failure in refused} == {"budget"}
    assert len({failure.message for failure in refused}) == 1
    assert "--max-calls" in (refused[0].hint or "")


def test_retries_are_calls_too() -> None:
    """Ten calls are ten requests at the provider, whatever came of them."""
    server = LimitedServer(fault=lambda n, _r: CallError("x", kind="server") if n % 2 else None)
    answered, _ = split(run(ask_all(caller_for({"fake": server}, policy=Policy(max_calls=10)), 50)))
    assert len(server.requests) == 10
    assert answered == 5


@pytest.mark.parametrize("at_once", [1, 50])
def test_a_ceiling_of_tokens_is_never_passed_and_well_used(at_once: int) -> None:
    """The worst case is set aside and the real usage counted: no call passes the ceiling, and cheap answers make room."""
    server = LimitedServer(latency_s=0.1, usage=Usage(60, 40))

    async def story() -> list[Call]:
        caller = caller_for({"fake": server}, policy=Policy(max_tokens=2000))
        window = asyncio.Semaphore(at_once)

        async def one(number: int) -> Call:
            async with window:
                return await caller.call(question(f"{number} {'x' * 200}", max_output_tokens=100))

        return list(await asyncio.gather(*(one(number) for number in range(60))))

    answered, refused = split(run(story()))
    assert 17 <= answered <= 20
    assert {failure.kind for failure in refused} == {"budget"}
    assert "--max-tokens" in (refused[0].hint or "")
    assert "tokens" in refused[0].message


def test_an_answer_that_may_have_been_billed_counts_as_its_worst_case() -> None:
    """Of a connection that broke nobody knows what was used."""
    server = LimitedServer(fault=lambda n, _r: CallError("gone", kind="connection") if n == 0 else None)
    policy = Policy(max_tokens=1000)

    async def story() -> Call:
        return await caller_for({"fake": server}, policy=policy).call(question("a", max_output_tokens=600))

    answered, refused = split([run(story())])
    assert (answered, len(server.requests)) == (0, 1)
    assert refused[0].kind == "budget"


def test_an_observer_hears_the_whole_story_in_order() -> None:
    """Waiting with its reason, every attempt, every failure with the pause after it, the settled call, what was learned."""
    heard: list[Event] = []
    server = LimitedServer(
        rpm=60, latency_s=0.1, fault=lambda n, _r: CallError("boom", kind="server") if n == 0 else None
    )

    async def story() -> list[Call]:
        return await ask_all(caller_for({"fake": server}, observe=heard.append), 8)

    calls = run(story())
    first = [event for event in heard if event.request == calls[0].request]
    assert [event.name for event in first][:2] == ["call.sent", "call.failed"]
    assert first[0].attempt == 1
    assert first[1].reason == "server: boom"
    assert (first[1].wait_s or 0) > 0
    assert first[-1].name == "call.settled"
    assert first[-1].call == calls[0]
    assert {event.account for event in heard} == {"fake"}
    assert sum(event.name == "call.settled" for event in heard) == 8
    assert sum(event.name == "call.sent" for event in heard) == len(server.requests)
    assert "requests/min: 60" in " ".join(event.reason for event in heard if event.name == "limit.changed")
    assert "requests/min" in {event.reason for event in heard if event.name == "call.waiting"}


@pytest.mark.parametrize("kind", ["auth", "connection"])
def test_a_provider_that_is_given_up_is_told_once(kind: str) -> None:
    """A bad key or a dead provider: one event, however many calls were in flight."""
    heard: list[Event] = []
    server = LimitedServer(latency_s=0.1, fault=lambda _n, _r: CallError("no", kind=kind))  # type: ignore[arg-type]

    async def story() -> None:
        await ask_all(caller_for({"fake": server}, observe=heard.append), 100)

    run(story())
    assert sum(event.name == "provider.stopped" for event in heard) == 1
    assert len(server.requests) < (8 if kind == "auth" else 40)


def test_of_an_answer_only_the_response_is_kept() -> None:
    """At 50,000 cases the engine may not hold requests and attempts; an identical request is answered once all the same."""
    server = LimitedServer()

    async def story() -> Call:
        caller = caller_for({"fake": server})
        asked = question("a")
        call = await caller.call(asked)
        kept = {type(value).__name__ for held in (caller._answers, caller._flights) for value in held.values()}
        assert kept == {"Response"}
        del call
        gc.collect()
        assert {type(holder).__name__ for holder in gc.get_referrers(asked)} <= {"coroutine", "frame"}, (
            "only this story"
        )
        return await caller.call(question("a"))

    again = run(story())
    assert again.source == "shared"
    assert len(server.requests) == 1


def test_who_waits_for_a_cancelled_twin_asks_again() -> None:
    """Two tests ask the same and the first one is given up: the second still gets its answer."""
    server = LimitedServer(latency_s=1.0)

    async def story() -> Call:
        caller = caller_for({"fake": server})
        first = asyncio.create_task(caller.call(question("a")))
        second = asyncio.create_task(caller.call(question("a")))
        await asyncio.sleep(0.5)
        first.cancel()
        return await second

    assert isinstance(run(story()).reply, Response)
    assert len(server.requests) == 2


def test_cancelled_calls_leave_their_place_in_the_queue() -> None:
    """Calls that are given up while they wait for a limit take no slot with them."""
    server = LimitedServer(latency_s=1.0)

    async def story() -> list[Call]:
        caller = caller_for({"fake": server}, policy=Policy(concurrency=1))
        doomed = [asyncio.create_task(caller.call(question(f"doomed {n}"))) for n in range(5)]
        await asyncio.sleep(0.1)
        for task in doomed:
            task.cancel()
        return await ask_all(caller, 3)

    assert all(isinstance(call.reply, Response) for call in run(story()))
    assert len(server.requests) == 4


def test_who_waits_for_room_below_a_ceiling_hears_of_a_stop_before_it_sends() -> None:
    """31 calls wait for the budget while one learns that the credit is exhausted: none of them is sent."""
    server = LimitedServer(latency_s=0.1, fault=lambda n, _r: CallError("no", kind="quota") if n > 60 else None)

    async def story() -> list[Call]:
        return await ask_all(caller_for({"fake": server}, policy=Policy(max_cost_usd=0.65)), 200)

    answered, failed = split(run(story()))
    assert answered == 61
    assert {failure.kind for failure in failed} == {"quota"}
    assert len(server.requests) <= 61 + 3
