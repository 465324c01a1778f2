"""Who answers a trial: its model, a fallback, the canned answer, or nobody."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from test_call import GOOD, Ledger, Model, ask
from test_trial import Curious, built, trial

from evalkit.engine.budget import Pricing
from evalkit.engine.call import Caller
from evalkit.engine.policy import Policy, Route
from evalkit.engine.trial import answer, judge
from evalkit.errors import CallError
from evalkit.model.calls import Response

if TYPE_CHECKING:
    from evalkit.engine.trial import Answered

AUTH, DOWN = CallError("wrong key", kind="auth"), CallError("it is down", kind="bad_request")


def callers(ledger: Ledger | None = None, **models: Model) -> Caller:
    return Caller(
        route=lambda name: Route(lambda: models[name], "live", cached=False),
        ledger=ledger or Ledger(),
        cache=None,
        policy=Policy(backoff_s=0.0),
        pricing=Pricing(lambda _model, _usage: 0.01, lambda _request: 0.02),
        random=Random(7),
    )


def answered(caller: Caller, *, spares: tuple[str, ...] = (), canned: str | None = None) -> Answered:
    fallbacks = tuple(replace(ask("hello"), model=f"{name}/model") for name in spares)
    one = replace(trial(), fallbacks=fallbacks, canned=canned)
    return asyncio.run(answer(one, [built(Curious(("kind?",)))], caller))


def result(one: Answered) -> Any:
    return judge(one, [built(Curious(("kind?",)))])


def test_the_first_that_answers_serves_and_is_named() -> None:
    """The second fallback's answer counts and is judged; what failed before is kept; the third is not asked."""
    ledger, never = Ledger(), Model(GOOD)
    caller = callers(ledger, fake=Model(DOWN, GOOD), one=Model(DOWN), two=Model(GOOD), three=never)
    found = result(answered(caller, spares=("one", "two", "three"), canned="Sorry."))
    assert (found.served, found.status, found.call.request.model) == ("two/model", "pass", "two/model")
    assert [call.request.model for call in found.tried] == ["fake/model", "one/model"]
    assert never.calls == []
    assert len(ledger.settled) == 4, "three tries and the judge's question are on disk"
    assert found.measurement().served == "two/model"
    assert found.measurement().model == "fake/model"


def test_without_a_failure_nobody_else_is_asked() -> None:
    """The primary's answer is the primary's."""
    spare = Model(GOOD)
    found = result(answered(callers(fake=Model(GOOD), one=spare), spares=("one",), canned="Sorry."))
    assert (found.served, found.tried, spare.calls) == ("primary", (), [])


def test_the_canned_answer_serves_last_and_costs_nothing() -> None:
    """It is an answer like any other, without tokens, time or price."""
    found = result(answered(callers(fake=Model(DOWN, GOOD), one=Model(DOWN)), spares=("one",), canned="Sorry."))
    assert isinstance(found.reply, Response)
    assert (found.reply.text, found.served, found.call.paid_usd, found.reply.latency_s) == (
        "Sorry.",
        "canned answer",
        0.0,
        0.0,
    )
    assert len(found.tried) == 2
    assert found.trial.request == found.call.request


def test_when_nobody_answers_the_first_failure_counts() -> None:
    """The row says what the variant's model said; the others' failures are beside it."""
    found = result(
        answered(callers(fake=Model(CallError("first", kind="bad_request")), one=Model(DOWN)), spares=("one",))
    )
    assert (found.status, found.reply.message, found.measurement().served) == ("error", "first", None)
    assert [call.reply.message for call in found.tried] == ["it is down"]


@pytest.mark.parametrize("kind", ["budget", "cancelled", "replay_miss", "pending"])
def test_who_was_not_asked_is_not_replaced(kind: Any) -> None:
    """A ceiling, a missing recording or a running batch is no silence of the model."""
    spare = Model(GOOD)
    found = result(
        answered(callers(fake=Model(CallError("no", kind=kind)), one=spare), spares=("one",), canned="Sorry.")
    )
    assert (found.status, found.reply.kind, spare.calls) == ("error", kind, [])


def test_a_bad_key_does_not_stop_a_run_that_something_else_serves() -> None:
    """The primary is asked once and then given up; the run goes on until a call has nothing behind it."""
    primary = Model(AUTH)
    caller = callers(fake=primary, one=Model(GOOD))

    async def story() -> None:
        spare = (replace(ask("hello"), model="one/model"),)
        for number in range(3):
            one = replace(trial(), request=ask(f"q{number}"), fallbacks=spare)
            assert (await answer(one, [], caller)).served == "one/model"
        assert primary.calls == ["q0"]
        assert caller.halted is None
        await answer(replace(trial(), request=ask("alone")), [], caller)
        assert caller.halted is not None
        assert (caller.halted.kind, primary.calls) == ("auth", ["q0"])

    asyncio.run(story())


def test_a_bad_key_of_the_last_one_stops_the_run() -> None:
    """Nothing is left that could serve."""
    caller = callers(fake=Model(DOWN), one=Model(AUTH))
    answered(caller, spares=("one",))
    assert caller.halted is not None
    caller = callers(fake=Model(DOWN), one=Model(AUTH))
    found = result(answered(caller, spares=("one",), canned="Sorry."))
    assert caller.halted is not None
    assert found.status == "error", "a canned answer would hide that a key is wrong"


def test_calls_carry_the_trials_priority() -> None:
    """With one slot, a trial of priority 0 that came last overtakes those that wait."""

    async def story() -> list[str]:
        model = Model(GOOD)
        caller = Caller(
            route=lambda _name: Route(lambda: model, "live", cached=False),
            ledger=Ledger(),
            cache=None,
            policy=Policy(concurrency=1),
            pricing=Pricing(lambda _model, _usage: 0.01, lambda _request: 0.02),
        )
        later = [replace(trial(), request=ask(f"later {number}")) for number in range(4)]
        first = replace(trial(), request=ask("first"), priority=0)
        await asyncio.gather(*(answer(one, [], caller) for one in (*later, first)))
        return model.calls

    assert asyncio.run(story()).index("first") <= 1
