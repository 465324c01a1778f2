"""What took long to work out, kept until the store changes, and worked out once however many ask."""

from __future__ import annotations

from collections import OrderedDict
from concurrent.futures import Future
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

T = TypeVar("T")


class Kept:
    """The last ``most`` values by key. Thread-safe: whoever asks for what is being made waits for it."""

    def __init__(self, most: int = 64) -> None:
        self._most = most
        self._values: OrderedDict[Hashable, Future[Any]] = OrderedDict()
        self._door = Lock()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The value of ``key``, made now unless it is known; what ``make`` raises is not kept.

        The key must name everything that the value depends on.
        """
        made: Future[T] = Future()
        with self._door:
            found = self._values.setdefault(key, made)
            self._values.move_to_end(key)
            while len(self._values) > self._most:
                self._values.popitem(last=False)
        if found is made:
            try:
                made.set_result(make())
            except BaseException as error:
                made.set_exception(error)
                with self._door:
                    self._values.pop(key, None)
                raise
        value: T = found.result()
        return value
