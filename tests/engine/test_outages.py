"""What a dead, a sick and a recovering provider cost, in virtual time and against a real server."""

from __future__ import annotations

import asyncio
import os
from random import Random
from typing import TYPE_CHECKING

import pytest
from fakes.engine import ask_all, caller_for, question
from fakes.llm_server import LLMServer, Reply, chat, error
from fakes.virtual_time import LimitedServer, run

from evalkit.engine.breaker import Breaker
from evalkit.engine.policy import Policy
from evalkit.errors import CallError
from evalkit.model.calls import CallFailure, Response
from evalkit.providers.base import ProviderSettings
from evalkit.providers.openai.provider import OpenAI
from evalkit.rates import RateLimits, RateWindow

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fakes.llm_server import Asked

    from evalkit.errors import FailureKind
    from evalkit.model.calls import Call, Request

DEAD = CallError("refused", kind="connection")


def now() -> float:
    return asyncio.get_running_loop().time()


def answers(server: LimitedServer, count: int, policy: Policy | None = None) -> tuple[list[Call], float]:
    async def story() -> tuple[list[Call], float]:
        began = now()
        calls = await ask_all(caller_for({"fake": server}, policy=policy), count)
        return calls, now() - began

    return run(story())


@pytest.mark.parametrize("kind", ["connection", "server", "overloaded", "bad_response"])
@pytest.mark.parametrize("concurrency", [1, 32, 128])
def test_a_dead_provider_costs_a_bounded_number_of_requests_and_seconds(kind: FailureKind, concurrency: int) -> None:
    """1000 cases at a provider that always fails: at most 3 times the concurrency (or 40) is sent, and it ends in half a minute."""
    server = LimitedServer(fault=lambda _n, _r: CallError("no", kind=kind), latency_s=0.05)
    calls, took_s = answers(server, 1000, Policy(concurrency=concurrency))
    assert len(server.requests) <= max(40, 3 * concurrency)
    assert took_s < 30
    late = {call.reply.message for call in calls if isinstance(call.reply, CallFailure) and not call.attempts}
    assert len(late) == 1
    assert "failures in a row" in late.pop()
    assert all(isinstance(call.reply, CallFailure) and call.reply.kind == kind for call in calls)


def test_an_address_that_nobody_listens_at_is_given_up_soon() -> None:
    """A single case at a wrong address ends in seconds; one dropped connection after an answer counts as any other failure."""
    wrong = LimitedServer(fault=lambda _n, _r: DEAD)
    _, took_s = answers(wrong, 1)
    assert len(wrong.requests) == 12 + 3
    assert took_s < 20
    moody = LimitedServer(fault=lambda number, _r: DEAD if number % 20 else None)
    calls, _ = answers(moody, 2, Policy(concurrency=1))
    assert all(isinstance(call.reply, Response) for call in calls)


@pytest.mark.parametrize("outage_s", [0.5, 3.0, 6.0])
def test_a_short_outage_is_survived(outage_s: float) -> None:
    """The provider is gone for some seconds in the middle of a run: a probe finds it back, and every case passes."""
    began: list[float] = []

    def fault(number: int, _request: Request) -> CallError | None:
        began.extend([now()] * (number == 100))
        return DEAD if began and now() - began[0] < outage_s else None

    calls, _ = answers(LimitedServer(fault=fault, latency_s=0.05), 300)
    assert all(isinstance(call.reply, Response) for call in calls)


def test_a_sick_provider_loses_no_case() -> None:
    """20% 500, 20% dropped, 10% malformed, 5% overloaded: 3000 cases pass, and it does not take long."""
    dice = Random(11)
    shares: dict[FailureKind, float] = {"server": 0.2, "connection": 0.2, "bad_response": 0.1, "overloaded": 0.05}

    def fault(_number: int, _request: Request) -> CallError | None:
        kind = dice.choices([*shares, None], [*shares.values(), 0.45])[0]  # type: ignore[list-item]
        return CallError("x", kind=kind) if kind else None

    server = LimitedServer(fault=fault, latency_s=0.1)
    calls, took_s = answers(server, 3000)
    assert all(isinstance(call.reply, Response) for call in calls)
    assert took_s < 120


def test_a_dead_account_does_not_stop_another() -> None:
    """Only when every account is given up the run stops."""
    dead, alive = LimitedServer(fault=lambda _n, _r: DEAD), LimitedServer(latency_s=0.1)

    async def story() -> tuple[list[Call], CallFailure | None, CallFailure | None]:
        caller = caller_for({"dead": dead, "alive": alive})
        bad, good = await asyncio.gather(ask_all(caller, 100, model="dead/m"), ask_all(caller, 100, model="alive/m"))
        alone = caller_for({"dead": dead})
        await ask_all(alone, 100, model="dead/m")
        assert all(isinstance(call.reply, CallFailure) for call in bad)
        return good, caller.halted, alone.halted

    good, halted, alone = run(story())
    assert all(isinstance(call.reply, Response) for call in good)
    assert halted is None
    assert alone is not None
    assert "dead: 15 failures" in alone.message


def test_refusals_that_nobody_can_wait_for_count_as_failures() -> None:
    """``Retry-After: 3600`` to everybody is an outage; to one case it is that case's error alone."""
    everybody = LimitedServer(fault=lambda _n, _r: CallError("later", kind="rate_limited", retry_after_s=3600))
    calls, took_s = answers(everybody, 500)
    assert len(everybody.requests) <= 40
    assert took_s < 30
    assert isinstance(calls[0].reply, CallFailure)
    assert "asks to wait 3600 s" in calls[0].reply.message

    one = LimitedServer(
        fault=lambda n, _r: CallError("later", kind="rate_limited", retry_after_s=3600) if n == 7 else None
    )
    calls, took_s = answers(one, 50)
    assert sum(isinstance(call.reply, CallFailure) for call in calls) == 1
    assert took_s < 1


def test_a_cancelled_probe_lets_another_one_go() -> None:
    """A test that is given up while it probes must not leave the circuit half open for ever."""
    breaker = Breaker(threshold=2)
    for _ in range(2):
        breaker.failed(DEAD, probe=False, now=0.0)
    assert breaker.wait_s(0.5) == pytest.approx(0.5)
    assert breaker.wait_s(1.0) == 0
    assert breaker.sent()
    assert breaker.wait_s(2.0) == float("inf")
    breaker.abandoned()
    assert breaker.wait_s(2.0) == 0


def test_failures_of_requests_that_left_before_it_opened_are_no_failed_probes() -> None:
    """Of 128 in flight all fail: that is one outage, not three failed probes."""
    breaker = Breaker(threshold=4)
    for _ in range(100):
        breaker.failed(DEAD, probe=False, now=0.0)
    assert breaker.open
    assert breaker.stopped is None
    for at in (1.0, 3.0):
        breaker.failed(DEAD, probe=True, now=at)
        assert breaker.stopped is None
    breaker.failed(DEAD, probe=True, now=7.0)
    assert "103 failures in a row" in (breaker.stopped or "")


def test_an_answer_closes_it_again() -> None:
    """One answer, also to a request that left long ago, ends the outage."""
    breaker = Breaker(threshold=1)
    breaker.failed(DEAD, probe=False, now=0.0)
    assert breaker.open
    breaker.answered()
    assert breaker.wait_s(0.1) == 0
    assert breaker.failures == 0


def openai(url: str, root: Path, timeout_s: float) -> Callable[[], object]:
    return lambda: OpenAI.open(
        ProviderSettings("openai", root, {"base_url": f"{url}/v1"}, timeout_s=timeout_s, max_connections=8)
    )


def test_each_fault_of_a_real_server_is_survived_or_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The official client against drops, cuts, drips, cut JSON, 408/409/5xx/529, waits in three notations, and hopeless ones."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-1234567890")
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    tries: dict[str, int] = {}
    once = {
        "drop": Reply(drop="before"),
        "cut": Reply(chat("hello"), drop="midway"),
        "drip": Reply(chat("hello"), drip_s=0.2),
        "silence": Reply(chat("hello"), drop="never"),
        "json": Reply(b'{"choices": ['),
        "html": Reply(b"<html>", headers={"content-type": "text/html"}),
        "seconds": error(429, headers={"retry-after": "0.2"}),
        "millis": error(429, headers={"retry-after-ms": "100"}),
        "date": error(429, headers={"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}),
        **{str(status): error(status) for status in (408, 409, 500, 502, 503, 529)},
    }
    hopeless = {
        "hour": error(429, headers={"retry-after": "3600"}),
        "never": error(500, headers={"x-should-retry": "false"}),
        "wrong": error(400),
    }

    def script(asked: Asked) -> Reply | str:
        fault = asked.question.partition(" ")[0]
        tries[fault] = tries.get(fault, 0) + 1
        if fault in hopeless:
            return hopeless[fault]
        return once[fault] if tries[fault] == 1 else "hello"

    async def story(url: str) -> list[Call]:
        provider = openai(url, tmp_path, 0.6)()
        caller = caller_for({"openai": provider}, policy=Policy(concurrency=32, deadline_s=20, backoff_s=0.05))
        faults = [*once, *hopeless]
        calls = await asyncio.gather(*(caller.call(question(f"{name} fault", model="openai/m")) for name in faults))
        await caller.aclose()
        return list(calls)

    with LLMServer(script) as server:
        calls = dict(zip([*once, *hopeless], asyncio.run(story(server.url)), strict=True))
    for name in once:
        assert isinstance(calls[name].reply, Response), (name, calls[name].reply)
        assert tries[name] >= 2, name
        assert len(calls[name].attempts) == tries[name]
    for name in hopeless:
        assert isinstance(calls[name].reply, CallFailure), name
        assert tries[name] == 1, name
    assert "3600 s" in calls["hour"].reply.message  # type: ignore[union-attr]


@pytest.mark.parametrize("retry_after_s", [None, 0.0, 30.0])
@pytest.mark.parametrize("told", [None, RateLimits(requests=RateWindow(10_000, 9_999, 0.006))])
def test_an_account_that_only_refuses_is_given_up(retry_after_s: float | None, told: RateLimits | None) -> None:
    """1000 cases at an account that answers everybody 429: no storm, and not one deadline per case but one in all."""
    refusal = CallError("used up", kind="rate_limited", retry_after_s=retry_after_s, limits=told)
    server = LimitedServer(fault=lambda _n, _r: refusal, latency_s=0.05)
    calls, took_s = answers(server, 1000)
    assert all(isinstance(call.reply, CallFailure) and call.reply.kind == "rate_limited" for call in calls)
    assert took_s < 1.2 * Policy().deadline_s
    assert len(server.requests) < 500
    late = {call.reply.message for call in calls if isinstance(call.reply, CallFailure) and not call.attempts}
    assert len(late) == 1
    assert "nothing but refusals" in late.pop()


def test_a_provider_that_will_not_close_is_told_and_costs_nothing() -> None:
    """Its answers are there already: what goes wrong afterwards is said, and the others are closed all the same."""
    closed: list[str] = []

    class Stubborn(LimitedServer):
        async def aclose(self) -> None:
            raise RuntimeError("will not close")

    class Tidy(LimitedServer):
        async def aclose(self) -> None:
            closed.append("tidy")

    async def story() -> tuple[str, ...]:
        caller = caller_for({"stubborn": Stubborn(), "tidy": Tidy()})
        await ask_all(caller, 1, model="stubborn/m")
        await ask_all(caller, 1, model="tidy/m")
        return await caller.aclose()

    assert run(story()) == ("the provider stubborn could not be closed: RuntimeError: will not close",)
    assert closed == ["tidy"]


def test_a_dead_model_does_not_take_another_of_its_account_with_it() -> None:
    """One model that fails every time is given up; the healthy one beside it, and the one that is asked after it, answer every case."""

    def fault(_number: int, request: Request) -> CallError | None:
        return CallError("no", kind="server") if request.model == "fake/dead" else None

    server = LimitedServer(fault=fault, latency_s=0.05)

    async def story() -> tuple[list[Call], list[Call], list[Call]]:
        caller = caller_for({"fake": server})
        dead, beside = await asyncio.gather(
            ask_all(caller, 200, model="fake/dead"), ask_all(caller, 200, model="fake/healthy")
        )
        return dead, beside, await ask_all(caller, 50, model="fake/later")

    dead, beside, later = run(story())
    assert all(isinstance(call.reply, CallFailure) and call.reply.kind == "server" for call in dead)
    assert all(isinstance(call.reply, Response) for call in [*beside, *later])
    assert sum("of fake/dead" in text for _at, text in server.requests) < 100
