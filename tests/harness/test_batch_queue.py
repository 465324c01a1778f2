"""Which request goes into which batch: pure decisions, over any queue."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from evalkit.harness.batch.queue import Ceilings, Waiting, affordable, chunks, given_up, sum_usd
from evalkit.model.calls import CallFailure, Message, Request
from evalkit.providers.batch import BatchLimits, Entry
from evalkit.store.batches import Batch


def waiting(number: int, *, group: str = "g", size: int = 1, usd: float | None = 1.0, inputs: int = 1) -> Waiting:
    request = Request("openai/m", (Message("user", str(number)),))
    return Waiting(request, Entry(request.key, {}, size, inputs), "openai", group, usd, 10)


QUEUES = st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 50), st.integers(1, 5)), max_size=60)


@given(QUEUES, st.integers(1, 7), st.integers(1, 120), st.integers(1, 12))
def test_batches_hold_everything_once_within_the_limits(queue, requests, size, inputs) -> None:
    """Nothing is lost or doubled, groups never mix, order is kept within a group, and only a single entry may be above a limit."""
    everything = [waiting(i, group=g, size=s, inputs=n) for i, (g, s, n) in enumerate(queue)]
    cut = list(chunks(everything, BatchLimits(requests, size, inputs)))
    assert sorted(one.entry.key for chunk in cut for one in chunk) == sorted(one.entry.key for one in everything)
    for group in "abc":
        mine = [one for chunk in cut for one in chunk if one.group == group]
        assert mine == [one for one in everything if one.group == group]
    for chunk in cut:
        assert len({one.group for one in chunk}) == 1
        assert len(chunk) <= requests
        assert len(chunk) == 1 or sum(one.entry.size for one in chunk) <= size
        assert len(chunk) == 1 or sum(one.entry.inputs for one in chunk) <= inputs


@given(st.lists(st.one_of(st.none(), st.floats(0, 2)), max_size=30), st.floats(0, 10), st.floats(0, 10))
def test_what_is_handed_in_fits_beside_what_is_open(prices, ceiling, already) -> None:
    """The worst cases of open batches and of the chosen requests never pass the ceiling; an unknown price fits under none."""
    queue = [waiting(i, usd=usd) for i, usd in enumerate(prices)]
    open_batches = [Batch("m", "openai", "g", 1, 0.0, worst_usd=already, tokens=10)]
    chosen = affordable(queue, open_batches, Ceilings(ceiling, None, None))
    assert chosen == queue[: len(chosen)]
    assert None not in [one.worst_usd for one in chosen]
    assert not chosen or already + sum(one.worst_usd or 0.0 for one in chosen) <= ceiling + 1e-9
    assert affordable(queue, open_batches, Ceilings(None, None, None)) == queue


def test_tokens_and_calls_are_ceilings_too() -> None:
    """Each alone stops the queue."""
    queue = [waiting(i) for i in range(5)]
    assert len(affordable(queue, [], Ceilings(None, 30, None))) == 3
    assert len(affordable(queue, [], Ceilings(None, None, 2))) == 2


def test_an_unknown_price_makes_the_sum_unknown() -> None:
    """Unknown is not zero."""
    assert sum_usd([waiting(1), waiting(2)]) == 2.0
    assert sum_usd([waiting(1), waiting(2, usd=None)]) is None


def test_three_batches_are_enough_and_some_failures_need_only_one() -> None:
    """What may pass is tried thrice; what is wrong in itself is not."""
    expired, wrong = CallFailure("timeout", "it expired first", 1), CallFailure("bad_request", "no such tool", 1)
    assert given_up([]) is None
    assert given_up([expired, expired]) is None
    assert given_up([expired, expired, expired]) == expired
    assert given_up([wrong]) == wrong
