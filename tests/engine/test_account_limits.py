"""Rate limits of an account, in virtual time against a server that enforces them: learned, kept, shared, and nobody else's."""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING

import pytest
from fakes.engine import ask_all, caller_for, question
from fakes.virtual_time import LimitedServer, run

from evalkit.engine.limits import AccountLimits
from evalkit.engine.policy import Policy
from evalkit.errors import CallError
from evalkit.model.calls import CallFailure, Response, Usage
from evalkit.rates import RateLimits, RateWindow

if TYPE_CHECKING:
    from evalkit.model.calls import Call, Request


def now() -> float:
    return asyncio.get_running_loop().time()


def measured(server: LimitedServer, count: int, policy: Policy | None = None) -> tuple[list[Call], float]:
    """Ask ``count`` questions; the calls, and the virtual seconds they took."""

    async def story() -> tuple[list[Call], float]:
        began = now()
        calls = await ask_all(caller_for({"fake": server}, policy=policy), count)
        return calls, now() - began

    return run(story())


@pytest.mark.parametrize("latency_s", [0.0, 0.2, 2.0])
@pytest.mark.parametrize(("limits", "count", "ideal_s"), [
    ({"rpm": 300}, 200, 39),
    ({"rpm": 1200}, 800, 39),
    ({"tpm": 30_000}, 200, 39),
    ({"rpm": 300, "tpm": 120_000}, 200, 39),
    ({"rpm": 60}, 40, 40),
])  # fmt: skip
def test_a_hard_limit_is_learned_and_used(
    limits: dict[str, float], count: int, ideal_s: float, latency_s: float
) -> None:
    """Every case passes, fewer than 3% of the requests are refused, and at least 90% of the limit is used."""
    server = LimitedServer(**limits, latency_s=latency_s)  # type: ignore[arg-type]
    calls, took_s = measured(server, count, Policy(concurrency=128))
    assert all(isinstance(call.reply, Response) for call in calls)
    assert server.refused < 0.03 * len(server.requests) or server.refused <= 3  # the first few, under a tiny limit
    assert took_s - latency_s <= (ideal_s + latency_s) / 0.9


@pytest.mark.parametrize("latency_s", [0.2, 1.0, 2.0])
def test_the_refusal_that_tells_the_limit_costs_no_pace(latency_s: float) -> None:
    """Nobody kept to a limit before it was told, so the first 429 of a slow model is no reason to stay below it."""
    server = LimitedServer(rpm=300, latency_s=latency_s)
    _, took_s = measured(server, 100)
    assert server.refused <= 2
    assert took_s - latency_s <= 19 / 0.93


def test_what_was_refused_before_the_limit_was_known_is_not_waited_for() -> None:
    """Of four that leave at once one is answered and tells the limit, three are refused: the next goes when the provider says, at full pace."""
    limits = AccountLimits(concurrency=32, fixed={}, now=0.0)
    request = question("hi")
    told = RateLimits(requests=RateWindow(60, 0, 1.0))
    first, *others = [limits.take(request, 0.0) for _ in range(4)]
    assert limits.answered(first, Usage(1, 1), told, 0.1) == "requests/min: 60"
    assert [limits.refused(ticket, told, until=1.2, now=0.2) for ticket in others] == [None] * 3
    for ticket in (first, *others):
        limits.leave(ticket)
    assert limits.held(request, 1.1) is not None
    assert limits.held(request, 1.2 + 1.05) is None
    later = limits.take(request, 2.3)
    assert limits.refused(later, told, until=3.3, now=2.4) == "requests/min: down to 52", "who kept to it is heard"


def test_a_limit_that_lets_a_whole_minute_go_at_once_is_used_so() -> None:
    """OpenAI's buckets hold a minute's worth: nothing is paced while they are full."""
    _, took_s = measured(LimitedServer(rpm=1000, burst_s=60, latency_s=0.1), 500)
    assert took_s < 3


def test_without_limits_the_first_reply_opens_the_way() -> None:
    """The careful start costs about one reply's time, not a ramp."""
    server = LimitedServer(latency_s=0.2)
    _, took_s = measured(server, 5000, Policy(concurrency=128))
    assert server.peak == 128
    assert took_s <= 1.1 * 5000 / 128 * 0.2


def test_a_slow_model_is_not_asked_four_at_a_time() -> None:
    """Before the first reply of a model that thinks for 20 s, more requests follow the first ones."""
    _, took_s = measured(LimitedServer(latency_s=20), 32)
    assert took_s < 22


def test_a_busy_loop_does_not_catch_up_at_once() -> None:
    """While an SDK is imported nothing is heard: only then the careful start may go on, at its own pace."""

    class Importing(LimitedServer):
        async def complete(self, request: Request) -> Response:
            if not self.requests:
                asyncio.get_running_loop()._virtual.now += 3.0  # type: ignore[attr-defined]
            return await super().complete(request)

    server = Importing(rpm=300, latency_s=0.1)
    measured(server, 40)
    assert server.refused <= 1


@pytest.mark.parametrize("latency_s", [0.0, 0.3])
def test_a_limit_that_the_user_sets_needs_no_header(latency_s: float) -> None:
    """``[tool.evalkit.limits]`` is kept from the first request on, also when the server tells nothing."""
    policy = Policy(limits={"fake": {"requests_per_minute": 300}})
    server = LimitedServer(rpm=300, headers=False, latency_s=latency_s)
    _, took_s = measured(server, 200, policy)
    assert server.refused == 0
    assert took_s <= 40 / 0.9


def test_a_limit_that_the_user_sets_is_not_widened_by_headers() -> None:
    """Part of the account belongs to somebody else."""
    _, took_s = measured(LimitedServer(rpm=6000, burst_s=60), 100, Policy(limits={"fake": {"requests_per_minute": 60}}))
    assert took_s > 95


def test_set_limits_of_tokens_are_kept_by_what_answers_really_use() -> None:
    """An estimate that was too high is given back: the limit is used, not the estimate."""
    policy = Policy(limits={"fake": {"tokens_per_minute": 30_000, "output_tokens_per_minute": 1e9}})
    server = LimitedServer(tpm=30_000, headers=False, usage=Usage(60, 40), latency_s=0.1)
    _, took_s = measured(server, 200, policy)
    assert server.refused == 0
    assert took_s <= 40 / 0.9


def test_concurrency_may_be_set_for_one_account() -> None:
    """Two at a time for the small server, whatever the run's concurrency."""
    server = LimitedServer(latency_s=1.0)
    measured(server, 20, Policy(concurrency=32, limits={"fake": {"concurrency": 2}}))
    assert server.peak == 2


@pytest.mark.parametrize("tells_wait", [True, False])
def test_a_provider_that_tells_no_limits_loses_no_case(tells_wait: bool) -> None:
    """Without any header the pace is guessed from what it accepts; with or without ``Retry-After`` every case passes."""
    server = LimitedServer(rpm=300, headers=False, tells_wait=tells_wait, latency_s=0.2)
    calls, took_s = measured(server, 200)
    assert all(isinstance(call.reply, Response) for call in calls)
    assert server.refused < 50
    assert took_s < 120


def test_a_told_wait_pauses_the_whole_account() -> None:
    """One 429 that says 10 s: nothing else is sent to this account before, and then not all in the same moment."""

    def fault(number: int, _request: Request) -> CallError | None:
        return CallError("slow down", kind="rate_limited", status=429, retry_after_s=10) if number == 20 else None

    server = LimitedServer(latency_s=0.1, fault=fault)

    async def story() -> None:
        await ask_all(caller_for({"fake": server}, policy=Policy(concurrency=8)), 60, at_once=8)

    run(story())
    refused_at = server.requests[20][0] + 0.1
    assert not [at for at, _ in server.requests if refused_at < at < refused_at + 10]
    assert len(server.answered_at) == 60


@pytest.mark.parametrize(("latency_s", "workers"), [(0.0, 2), (0.5, 2), (0.5, 4)])
def test_workers_of_one_run_share_what_their_account_may(latency_s: float, workers: int) -> None:
    """Each process keeps to its part of the limit that it is told: together few refusals, and nearly all of the limit."""

    async def story() -> float:
        began = now()
        policy = Policy(workers=workers)
        callers = [caller_for({"fake": server}, policy=policy) for _ in range(workers)]
        await asyncio.gather(*(ask_all(caller, 200 // workers) for caller in callers))
        return now() - began

    server = LimitedServer(rpm=300, latency_s=latency_s)
    took_s = run(story())
    assert server.refused < 0.03 * len(server.requests)
    assert took_s - latency_s <= 39 / 0.9


def test_one_throttled_account_never_delays_another() -> None:
    """300 cases of a free account are done while the other account is still being throttled."""
    slow, free = LimitedServer(rpm=60), LimitedServer(latency_s=0.1)

    async def story() -> tuple[float, float]:
        caller, began = caller_for({"slow": slow, "free": free}), now()

        async def timed(model: str, count: int) -> float:
            await ask_all(caller, count, model=model)
            return now() - began

        return tuple(await asyncio.gather(timed("slow/m", 60), timed("free/m", 300)))  # type: ignore[return-value]

    slow_s, free_s = run(story())
    assert slow_s > 50
    assert free_s < 2


def test_models_of_one_account_share_its_limit() -> None:
    """Two names for one account: together they stay within it."""
    server = LimitedServer(rpm=300, latency_s=0.1)

    async def story() -> float:
        caller = caller_for({"a": server, "b": server}, accounts={"a": "team", "b": "team"})
        began = now()
        await asyncio.gather(ask_all(caller, 100, model="a/small"), ask_all(caller, 100, model="b/large"))
        return now() - began

    took_s = run(story())
    assert server.refused <= 6
    assert 38 < took_s < 44


def test_a_model_with_limits_of_its_own_does_not_hold_back_another() -> None:
    """One account, two models that are told different limits: the one with the larger limit goes on."""
    small, large = LimitedServer(rpm=60, latency_s=0.1), LimitedServer(rpm=6000, burst_s=60, latency_s=0.1)

    async def story() -> tuple[float, float]:
        caller = caller_for(
            {"a": small, "b": large}, accounts={"a": "team", "b": "team"}, policy=Policy(concurrency=64)
        )
        began = now()

        async def timed(model: str, count: int) -> float:
            await ask_all(caller, count, model=model, at_once=20)
            return now() - began

        return tuple(await asyncio.gather(timed("a/small", 40), timed("b/large", 300)))  # type: ignore[return-value]

    small_s, large_s = run(story())
    assert small_s > 30
    assert large_s < 8


def test_urgent_calls_go_first() -> None:
    """Of those that wait for a limit a lower priority goes first, and among equals who came first."""
    server = LimitedServer(rpm=60)

    async def story() -> None:
        caller = caller_for({"fake": server}, policy=Policy(limits={"fake": {"requests_per_minute": 60}}))
        asked = [caller.call(question(f"late {n}"), priority=5) for n in range(5)]
        asked += [caller.call(question(f"urgent {n}"), priority=-1) for n in range(5)]
        await asyncio.gather(*asked)

    run(story())
    order = [text for _, text in server.requests]
    assert order == ["late 0", *(f"urgent {n}" for n in range(5)), *(f"late {n}" for n in range(1, 5))]


def test_the_order_holds_over_all_models_of_an_account() -> None:
    """One slot for two models: the urgent call of the second model goes before the other calls of the first."""
    server = LimitedServer(latency_s=1.0)

    async def story() -> None:
        caller = caller_for({"fake": server}, policy=Policy(concurrency=1))
        asked = [caller.call(question(f"late {n}", model="fake/a")) for n in range(3)]
        asked.append(caller.call(question("urgent", model="fake/b"), priority=-1))
        await asyncio.gather(*asked)

    run(story())
    assert [text for _, text in server.requests] == ["late 0", "urgent", "late 1", "late 2"]


def test_waiting_for_a_turn_burns_no_deadline() -> None:
    """The last of 60 calls under one request per second waits a minute for its turn, with a deadline of 5 s."""
    calls, _ = measured(LimitedServer(rpm=60), 60, Policy(deadline_s=5))
    assert all(isinstance(call.reply, Response) for call in calls)


def test_a_call_that_is_refused_for_ever_ends_at_its_deadline() -> None:
    """Rate limits are bounded by time alone: the failure says so, and nothing hangs."""
    always = LimitedServer(fault=lambda _n, _r: CallError("slow down", kind="rate_limited", retry_after_s=4.0))
    calls, took_s = measured(always, 3, Policy(deadline_s=30))
    assert 20 < took_s < 35
    for call in calls:
        assert isinstance(call.reply, CallFailure)
        assert call.reply.kind == "rate_limited"


def test_two_runs_on_one_account_do_not_come_back_in_step() -> None:
    """Two processes that were told the same wait spread out by a random share of it."""

    async def story(seed: int) -> float:
        server = LimitedServer(
            fault=lambda n, _r: CallError("x", kind="rate_limited", retry_after_s=10.0) if not n else None
        )
        caller = caller_for({"fake": server})
        caller._random.seed(seed)
        await caller.call(question("a"))
        return server.requests[1][0] - server.requests[0][0]

    gaps = [run(story(seed)) for seed in range(10)]
    assert len(set(gaps)) == 10
    assert all(10 <= gap <= 11.2 for gap in gaps)


def test_requests_refused_at_random_lose_no_case_and_no_hour() -> None:
    """20% of the requests get a 429 that says 3 s, and no other header: the account pauses, but its pace is kept."""
    dice = Random(3)

    def fault(_number: int, _request: Request) -> CallError | None:
        return CallError("x", kind="rate_limited", retry_after_s=3.0) if dice.random() < 0.2 else None

    calls, took_s = measured(LimitedServer(fault=fault, latency_s=0.1), 200)
    assert all(isinstance(call.reply, Response) for call in calls)
    assert took_s < 60


@pytest.mark.parametrize(
    ("told", "usage"),
    [
        (RateLimits(requests=RateWindow(0.000001, 0, None)), Usage(60, 40)),
        (RateLimits(tokens=RateWindow(1, 0, 1e6)), Usage(60, 40)),
        (RateLimits(tokens=RateWindow(100_000, 90_000, 5)), Usage(60, 2**53 - 1)),
    ],
)
def test_no_reply_can_hold_the_run_for_ever(told: RateLimits, usage: Usage) -> None:
    """A limit next to nothing, or an answer that claims to have used more tokens than there are, costs a minute per call at most."""

    class Absurd(LimitedServer):
        def _told(self) -> RateLimits:
            return told

    calls, took_s = measured(Absurd(usage=usage), 10)
    assert all(isinstance(call.reply, Response) for call in calls)
    assert took_s <= 10 * 150
