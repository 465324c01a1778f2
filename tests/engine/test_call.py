"""One request, settled once: what the engine promises about calls, whatever the provider does."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from random import Random
from typing import TYPE_CHECKING

import pytest

from evalkit.engine.budget import Pricing
from evalkit.engine.call import Caller
from evalkit.engine.policy import Policy, Route
from evalkit.errors import CallError, StoreError
from evalkit.model.calls import CallFailure, Message, Request, Response, Usage

if TYPE_CHECKING:
    from collections.abc import Callable

    from evalkit.model.calls import Call, Source


class Ledger:
    """Keeps what is settled, as the journal would."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.intents: list[str] = []
        self.settled: list[Call] = []
        self._failure = failure

    def intend(self, request: Request) -> None:
        self.intents.append(request.key)

    def settle(self, call: Call) -> Future[None]:
        done: Future[None] = Future()
        if self._failure is not None:
            done.set_exception(self._failure)
        else:
            self.settled.append(call)
            done.set_result(None)
        return done


class Model:
    """A provider that plays a list of replies and errors for each prompt, then repeats the last one."""

    def __init__(self, *plays: Response | CallError, gate: asyncio.Event | None = None) -> None:
        self.plays = plays
        self.calls: list[str] = []
        self.in_flight = 0
        self.peak = 0
        self.closed = False
        self._gate = gate

    async def complete(self, request: Request) -> Response:
        text = request.messages[0].content
        turn = self.calls.count(text)
        self.calls.append(text)
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)
        await (self._gate.wait() if self._gate else asyncio.sleep(0))
        self.in_flight -= 1
        play = self.plays[min(turn, len(self.plays) - 1)]
        if isinstance(play, CallError):
            raise play
        return play

    async def aclose(self) -> None:
        self.closed = True


def ask(text: str, *, repeat: int = 0) -> Request:
    return Request(model="fake/model", messages=(Message("user", text),), repeat=repeat)


def caller_of(
    model: Model,
    *,
    ledger: Ledger | None = None,
    cache: dict[str, Response] | None = None,
    source: Source = "live",
    policy: Policy | None = None,
    cost: Callable[[str, Usage], float | None] = lambda _model, _usage: 0.01,
    worst: float | None = 0.02,
) -> Caller:
    return Caller(
        route=lambda _name: Route(lambda: model, source, cached=cache is not None),
        ledger=ledger or Ledger(),
        cache=cache,
        policy=policy or Policy(backoff_s=0.0),
        pricing=Pricing(cost, lambda _request: worst),
        random=Random(7),
    )


GOOD = Response("hello", usage=Usage(3, 1))


def test_an_answer_is_in_the_ledger_before_anybody_hears_of_it() -> None:
    """The intent is noted before the call, the settled call before ``call`` returns."""
    ledger, model = Ledger(), Model(GOOD)
    call = asyncio.run(caller_of(model, ledger=ledger).call(ask("a")))
    assert ledger.intents == [ask("a").key]
    assert ledger.settled == [call]
    assert (call.reply, call.source, call.cost_usd, call.paid_usd) == (GOOD, "live", 0.01, 0.01)
    assert [attempt.failure for attempt in call.attempts] == [None]


def test_identical_requests_are_answered_once() -> None:
    """Two askers of the same request share one call; only one of them paid. Another repeat is another request."""

    async def story() -> tuple[list[Call], Model]:
        model = Model(GOOD)
        caller = caller_of(model)
        calls = await asyncio.gather(caller.call(ask("a")), caller.call(ask("a")), caller.call(ask("a", repeat=1)))
        return list(calls), model

    calls, model = asyncio.run(story())
    assert model.calls == ["a", "a"]
    assert sorted(call.source for call in calls) == ["live", "live", "shared"]
    assert sum(call.paid_usd or 0 for call in calls) == pytest.approx(0.02)


def test_what_can_succeed_is_tried_again_and_every_attempt_is_kept() -> None:
    """Two failures that pass by, then an answer: three attempts, each with its reason."""
    model = Model(CallError("busy", kind="overloaded", status=529), CallError("gone", kind="connection"), GOOD)
    call = asyncio.run(caller_of(model).call(ask("a")))
    assert call.reply == GOOD
    assert [(attempt.number, attempt.status, attempt.failure) for attempt in call.attempts] == [
        (1, 529, "overloaded"),
        (2, None, "connection"),
        (3, None, None),
    ]


@pytest.mark.parametrize(("kind", "tries"), [("server", 21), ("bad_response", 6), ("bad_request", 1), ("too_long", 1)])
def test_retries_are_bounded_by_what_can_succeed(kind: str, tries: int) -> None:
    """A failure that stays is a value with its kind and the number of attempts; a malformed 200 gets five more tries."""
    model = Model(CallError("no", kind=kind))  # type: ignore[arg-type]
    call = asyncio.run(caller_of(model).call(ask("a")))
    assert isinstance(call.reply, CallFailure)
    assert (call.reply.kind, call.reply.attempts, len(model.calls)) == (kind, tries, tries)
    assert call.cost_usd is None


def test_a_told_wait_beyond_the_deadline_fails_at_once() -> None:
    """Retry-After: 3600 is not slept through."""
    model = Model(CallError("later", kind="rate_limited", retry_after_s=3600))
    call = asyncio.run(caller_of(model, policy=Policy(deadline_s=5)).call(ask("a")))
    assert isinstance(call.reply, CallFailure)
    assert call.reply.kind == "rate_limited"
    assert len(model.calls) == 1


def test_a_call_never_outlives_its_deadline() -> None:
    """A provider that never answers becomes a timeout, not a hanging run."""

    async def story() -> Call:
        model = Model(GOOD, gate=asyncio.Event())
        return await caller_of(model, policy=Policy(deadline_s=0.05, retries=3, backoff_s=0)).call(ask("a"))

    call = asyncio.run(story())
    assert isinstance(call.reply, CallFailure)
    assert call.reply.kind == "timeout"


def test_a_bad_key_stops_asking_once() -> None:
    """After a fatal failure later calls fail with the same words and without a request."""

    async def story() -> tuple[Call, Call, Model, Caller]:
        model = Model(CallError("wrong key", kind="auth", status=401, hint="set it"))
        caller = caller_of(model)
        first = await caller.call(ask("a"))
        return first, await caller.call(ask("b")), model, caller

    first, second, model, caller = asyncio.run(story())
    assert model.calls == ["a"]
    assert caller.halted == first.reply
    assert isinstance(second.reply, CallFailure)
    assert (second.reply.kind, second.reply.message, second.reply.attempts) == ("auth", "wrong key", 0)


def test_the_cache_is_asked_first_and_costs_nothing() -> None:
    """A cached answer makes no intent and no payment, and says where it came from."""
    ledger, model = Ledger(), Model(GOOD)
    call = asyncio.run(caller_of(model, ledger=ledger, cache={ask("a").key: GOOD}).call(ask("a")))
    assert (call.source, call.paid_usd, call.cost_usd) == ("cache", 0.0, 0.01)
    assert (model.calls, ledger.intents) == ([], [])


def test_the_ceiling_holds_even_for_calls_in_flight() -> None:
    """With a ceiling of three calls that cost their worst case, three of ten are sent; the rest say why."""

    async def story() -> tuple[list[Call], Model]:
        model = Model(GOOD)
        caller = caller_of(model, policy=Policy(max_cost_usd=0.06), worst=0.02, cost=lambda _m, _u: 0.02)
        return list(await asyncio.gather(*(caller.call(ask(str(n))) for n in range(10)))), model

    calls, model = asyncio.run(story())
    refused = [call.reply for call in calls if isinstance(call.reply, CallFailure)]
    assert len(model.calls) == 3
    assert {reply.kind for reply in refused} == {"budget"}
    assert "--max-cost" in (refused[0].hint or "")


def test_every_attempt_counts_against_the_ceiling() -> None:
    """A malformed 200 may have been billed: its retry is paid too, and the ceiling stops it."""
    model = Model(CallError("html", kind="bad_response"))
    call = asyncio.run(caller_of(model, policy=Policy(max_cost_usd=0.03, backoff_s=0), worst=0.02).call(ask("a")))
    assert len(model.calls) == 1
    assert isinstance(call.reply, CallFailure)
    assert call.reply.kind == "budget"


def test_a_call_waits_for_what_others_did_not_need() -> None:
    """All twenty are asked at once under a ceiling of one worst case; each costs next to nothing, so each gets its turn."""

    async def story() -> list[Call]:
        caller = caller_of(Model(GOOD), policy=Policy(max_cost_usd=0.03), worst=0.02, cost=lambda _m, _u: 0.0001)
        return list(await asyncio.gather(*(caller.call(ask(str(n))) for n in range(20))))

    calls = asyncio.run(story())
    assert all(isinstance(call.reply, Response) for call in calls)
    assert sum(call.paid_usd or 0 for call in calls) == pytest.approx(0.002)


def test_calls_that_only_wait_reserve_nothing() -> None:
    """Twenty cheap calls, two at a time, fit under a ceiling of three worst cases."""

    async def story() -> list[Call]:
        policy = Policy(max_cost_usd=0.06, concurrency=2)
        caller = caller_of(Model(GOOD), policy=policy, worst=0.02, cost=lambda _m, _u: 0.001)
        return list(await asyncio.gather(*(caller.call(ask(str(n))) for n in range(20))))

    assert all(isinstance(call.reply, Response) for call in asyncio.run(story()))


def test_a_failure_is_shared_by_those_who_wait_but_not_remembered() -> None:
    """Who asks again later (a re-run of a test) gets a new try."""

    async def story() -> tuple[list[Call], Call, Model]:
        model = Model(CallError("odd", kind="bad_request"), GOOD)
        caller = caller_of(model)
        together = await asyncio.gather(caller.call(ask("a")), caller.call(ask("a")))
        return list(together), await caller.call(ask("a")), model

    together, later, model = asyncio.run(story())
    assert all(isinstance(call.reply, CallFailure) for call in together)
    assert later.reply == GOOD
    assert len(model.calls) == 2


def test_one_providers_bad_key_does_not_end_anothers_retries() -> None:
    """Each provider is halted by its own failures only."""

    async def story() -> tuple[Call, Call]:
        models = {"a": Model(CallError("no", kind="auth")), "b": Model(CallError("busy", kind="overloaded"), GOOD)}
        caller = Caller(
            route=lambda name: Route(lambda: models[name], "live", cached=False),
            ledger=Ledger(),
            cache=None,
            policy=Policy(backoff_s=0),
            pricing=Pricing(lambda _m, _u: 0.0, lambda _r: 0.0),
        )
        first = await caller.call(Request("a/m", (Message("user", "x"),)))
        return first, await caller.call(Request("b/m", (Message("user", "x"),)))

    bad, good = asyncio.run(story())
    assert isinstance(bad.reply, CallFailure)
    assert good.reply == GOOD


def test_nothing_starts_after_closing() -> None:
    """A judge that would be asked after Ctrl-C is not paid."""

    async def story() -> Model:
        model = Model(GOOD)
        caller = caller_of(model)
        await caller.aclose()
        with pytest.raises(asyncio.CancelledError):
            await caller.call(ask("late"))
        return model

    assert asyncio.run(story()).calls == []


def test_a_ceiling_with_an_unknown_price_refuses_to_guess() -> None:
    """Unknown is never 0: without a price a ceiling cannot be kept, so nothing is sent."""
    model = Model(GOOD)
    call = asyncio.run(caller_of(model, policy=Policy(max_cost_usd=1), worst=None).call(ask("a")))
    assert model.calls == []
    assert isinstance(call.reply, CallFailure)
    assert "price" in call.reply.message


def test_an_unknown_price_is_unknown_not_zero() -> None:
    """Without a ceiling the call is made, and its cost is None."""
    call = asyncio.run(caller_of(Model(GOOD), cost=lambda _m, _u: None, worst=None).call(ask("a")))
    assert (call.cost_usd, call.paid_usd) == (None, None)


def test_no_more_calls_are_in_flight_than_allowed() -> None:
    """Concurrency is bounded per provider."""

    async def story() -> Model:
        model = Model(GOOD)
        caller = caller_of(model, policy=Policy(concurrency=3))
        await asyncio.gather(*(caller.call(ask(str(n))) for n in range(20)))
        return model

    model = asyncio.run(story())
    assert (len(model.calls), model.peak) == (20, 3)


def test_a_ledger_that_cannot_write_ends_the_call() -> None:
    """An answer that could not be stored is not handed out."""
    with pytest.raises(StoreError, match="disk full"):
        asyncio.run(caller_of(Model(GOOD), ledger=Ledger(StoreError("disk full"))).call(ask("a")))


def test_closing_cancels_what_is_in_flight_and_closes_the_provider() -> None:
    """Ctrl-C must not wait for a model that is still thinking."""

    async def story() -> Model:
        model = Model(GOOD, gate=asyncio.Event())
        caller = caller_of(model)
        asking = asyncio.create_task(caller.call(ask("a")))
        while not model.calls:
            await asyncio.sleep(0)
        await caller.aclose()
        with pytest.raises(asyncio.CancelledError):
            await asking
        return model

    assert asyncio.run(story()).closed


def test_replayed_answers_leave_no_intent_to_pay() -> None:
    """Only live calls can be billed, so only they announce themselves."""
    ledger = Ledger()
    call = asyncio.run(caller_of(Model(GOOD), ledger=ledger, source="replay").call(ask("a")))
    assert (call.source, call.paid_usd, ledger.intents) == ("replay", 0.0, [])
