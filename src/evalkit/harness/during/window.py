"""How far ahead of the test that pytest waits for the engine may buy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")

AHEAD = 4
"""Tests in flight per unit of concurrency. With 1 a slow answer at the head starves the rest (2.4 times the wall time, measured)."""

AHEAD_OF_DECISION = 2
"""The same where a decision may end the suite: what is in flight by then is paid for nothing."""


class Window(Generic[T]):
    """Submits tests in order, at most ``limit`` of them not yet consumed.

    ``slow_start`` (for ``-x`` and ``--maxfail``) begins with two and grows by one per passed test, as TCP does, so that an early
    failure wastes next to nothing. The pointer only moves forward: the whole run costs O(1) per test.
    """

    def __init__(self, tests: Sequence[T], submit: Callable[[T], None], *, limit: int, slow_start: bool) -> None:
        self._tests = tests
        self._submit = submit
        self._limit = limit
        self._size = min(2, limit) if slow_start else limit
        self._next = 0
        self._submitted: set[int] = set()

    def want(self, test: T) -> None:
        """``test`` is about to run: submit it if that has not happened, then top the window up."""
        self._send(test)
        while self._next < len(self._tests) and len(self._submitted) < self._size:
            self._send(self._tests[self._next])
            self._next += 1

    def done(self, test: T, *, passed: bool) -> None:
        """``test`` has been consumed; a pass lets a slowly started window grow."""
        self._submitted.discard(id(test))
        if passed:
            self._size = min(self._limit, self._size + 1)

    def _send(self, test: T) -> None:
        if id(test) not in self._submitted:
            self._submitted.add(id(test))
            self._submit(test)
