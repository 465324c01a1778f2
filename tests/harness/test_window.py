"""The window of tests in flight: how much is bought ahead, and how little is wasted."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from evalkit.harness.during.window import Window


class Thing:
    """A test with an identity."""


def drive(things: list[Thing], window: Window[Thing], *, passed: bool = True) -> None:
    for thing in things:
        window.want(thing)
        window.done(thing, passed=passed)


@given(count=st.integers(0, 60), limit=st.integers(1, 20), slow=st.booleans())
def test_every_test_is_submitted_once_and_in_order(count: int, limit: int, slow: bool) -> None:
    """Whatever the size, each test is bought exactly once, in the order in which pytest runs them."""
    things, sent = [Thing() for _ in range(count)], []
    drive(things, Window(things, sent.append, limit=limit, slow_start=slow))
    assert sent == things


def test_the_window_is_full_from_the_start() -> None:
    """Without -x the first test finds ``limit`` tests in flight."""
    things, sent = [Thing() for _ in range(10)], []
    Window(things, sent.append, limit=4, slow_start=False).want(things[0])
    assert sent == things[:4]


def test_a_slow_start_buys_two_and_grows_with_success() -> None:
    """With -x a failure at the first test has cost one extra call; passes open the window one by one."""
    things, sent = [Thing() for _ in range(10)], []
    window = Window(things, sent.append, limit=8, slow_start=True)
    window.want(things[0])
    assert len(sent) == 2
    window.done(things[0], passed=True)
    window.want(things[1])
    assert len(sent) == 4


def test_a_failure_does_not_open_a_slow_window() -> None:
    """Failures leave the size as it is."""
    things, sent = [Thing() for _ in range(10)], []
    window = Window(things, sent.append, limit=8, slow_start=True)
    drive(things[:3], window, passed=False)
    assert len(sent) == 4


def test_a_test_that_is_wanted_out_of_order_is_submitted_at_once() -> None:
    """A plugin may shuffle: the wanted test never waits for the pointer."""
    things, sent = [Thing() for _ in range(10)], []
    window = Window(things, sent.append, limit=2, slow_start=False)
    window.want(things[9])
    assert things[9] in sent
