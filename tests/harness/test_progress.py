"""How far a run is: events folded into numbers, numbers into one line."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from evalkit.engine.events import Event
from evalkit.harness.watching.progress import Gathered, Progress, Tracker, advance, line, told
from evalkit.model.calls import Call, CallFailure, Message, Request, Response

GOOD = Response("hi")
LOST = CallFailure("timeout", "late", 5)


def request(number: int) -> Request:
    return Request("openai/m", (Message("user", str(number)),))


def event(name: Any, number: int = 0, *, at: float = 100.0, **fields: Any) -> Event:
    return Event(name, at, "openai", request(number), **fields)


def settled(number: int, *, source: Any = "live", cost: float | None = 0.25, reply: Any = GOOD) -> Event:
    return event("call.settled", number, call=Call(request(number), reply, source, (), cost))


def answered(number: int, *, at: float = 100.0, reply: Any = GOOD) -> Event:
    return event("trial.answered", number, at=at, call=Call(request(number), reply, "live"))


def test_a_call_is_waiting_then_in_flight_then_gone() -> None:
    """Each call is counted in one place at a time, and what it waits for is named with the account."""
    start = Progress(total=2)
    waiting = advance(start, [event("call.waiting", 1, reason="requests/min"), event("call.sent", 2)])
    assert (waiting.in_flight, waiting.waiting) == (1, {"requests/min of openai": 1})
    both = advance(waiting, [event("call.sent", 1, attempt=1)])
    assert (both.in_flight, both.waiting) == (2, {})
    retrying = advance(both, [event("call.failed", 1, wait_s=0.5, reason="server: boom")])
    assert (retrying.in_flight, retrying.waiting, retrying.retries) == (1, {"a retry": 1}, 1)
    over = advance(retrying, [event("call.failed", 1), settled(2), settled(1, reply=LOST, cost=None)])
    assert (over.in_flight, dict(over.calls), over.retries) == (0, {}, 1)


def test_what_is_paid_what_is_free_and_what_nobody_knows() -> None:
    """Only live answers cost; an unknown price is said to be unknown and never counted as nothing."""
    free = advance(Progress(total=9), [settled(1, source="cache"), settled(2, source="replay")])
    assert (free.paid_usd, free.cached, free.live) == (0.0, 2, 0)
    assert "$" not in line(free, 200)
    paid = advance(free, [settled(3), settled(4), settled(5, source="shared")])
    assert paid.paid_usd == 0.5
    assert "$0.50" in line(paid, 200)
    assert "at least $0.50" in line(advance(paid, [settled(6, cost=None)]), 200)
    assert "cost unknown" in line(advance(free, [settled(6, cost=None)]), 200)
    assert "cost unknown" not in line(advance(free, [settled(6, cost=None, reply=LOST)]), 200)


def test_what_several_processes_tell_is_added_up() -> None:
    """Every count is the sum, the total is everybody's, waits of one reason are counted together; who tells again replaces what he told."""
    everybody = Gathered()
    assert not everybody.begun
    one = advance(
        Progress(total=9), [event("call.waiting", 1, reason="requests/min"), event("call.sent", 2), answered(3)]
    )
    two = advance(
        Progress(total=9), [event("call.waiting", 4, reason="requests/min"), settled(5), event("call.sent", 6)]
    )
    everybody.hear("gw0", told(advance(one, [answered(7)])))
    everybody.hear("gw0", told(one))
    everybody.hear("gw1", told(two))
    now = everybody.progress()
    assert (everybody.begun, now.total, now.done, now.in_flight, now.live, now.paid_usd) == (True, 9, 1, 2, 1, 0.25)
    assert now.waiting == {"requests/min of openai": 2}
    assert line(now, 200).startswith("evalkit: 1/9 done, 2 in flight, 2 waiting on requests/min of openai")
    assert all(type(value) in {int, float, dict} for value in told(two).values()), "it must cross a process boundary"


def test_trials_are_done_whether_they_have_an_answer_or_not() -> None:
    """A trial without an answer counts as done, and is also shown."""
    after = advance(Progress(total=3), [answered(1), answered(2, reply=LOST)])
    assert (after.done, after.unanswered) == (2, 1)
    assert line(after, 200) == "evalkit: 2/3 done, 1 without an answer"


def test_the_time_left_is_that_of_the_recent_rate() -> None:
    """400 fast answers from the cache, then one per second: what counts is one per second."""
    at_once = [answered(number) for number in range(400)]
    slowly = [answered(number, at=100.0 + number) for number in range(1, 61)]
    after = advance(Progress(total=580), [*at_once, *slowly])
    assert after.left_s is not None
    assert 110 < after.left_s < 130
    assert line(after, 200).endswith("about 2 min left")
    fast = advance(Progress(total=2000), [answered(number, at=100 + number / 100) for number in range(1, 1001)])
    assert fast.left_s is not None
    assert 9 < fast.left_s < 11
    assert advance(Progress(total=2), [answered(1)]).left_s is None


def test_the_whole_line() -> None:
    """Everything at once, in one order; too long for a narrow terminal, it is cut."""
    full = Progress(400, 120, 2, 3, 30, 90, 0, 0.42, {"a": "", "b": "tokens/min of x"}, ((0.0, 0),), 60.0)
    text = line(full, 200)
    assert text == (
        "evalkit: 120/400 done, 1 in flight, 1 waiting on tokens/min of x, 3 retries, 2 without an answer, 90 not paid, "
        "$0.420, about 2 min left"
    )
    assert line(full, 20) == "evalkit: 120/400 do…"


def test_a_reason_cannot_steer_the_terminal() -> None:
    """Whatever an account is called, the line stays one line of visible characters."""
    hostile = advance(Progress(total=1), [event("call.waiting", 1, reason="x\n\x1b[2J")])
    assert "\x1b" not in line(hostile, 200)
    assert "\n" not in line(hostile, 200)


NAMES = ["call.waiting", "call.sent", "call.failed", "call.settled", "limit.changed", "trial.answered"]
EVENTS = st.lists(st.tuples(st.sampled_from(NAMES), st.integers(0, 5), st.integers(0, 90)), max_size=200)


@given(EVENTS, st.integers(0, 200))
def test_it_does_not_matter_in_how_many_batches_events_are_heard(rows: list[tuple[Any, int, int]], cut: int) -> None:
    """One batch, two, or the tracker's own: the same progress; nothing is counted twice or lost."""
    call = Call(request(0), GOOD, "live", (), 0.25)
    events = [event(name, number, at=float(at), call=call) for name, number, at in rows]
    whole = advance(Progress(total=9), events)
    assert advance(advance(Progress(total=9), events[:cut]), events[cut:]) == whole
    tracker = Tracker(9)
    for one in events:
        tracker.hear(one)
    assert tracker.progress() == whole
    assert whole.done == sum(name == "trial.answered" for name, _, _ in rows)
    assert whole.in_flight + sum(whole.waiting.values()) <= 6
