"""What took long to work out, kept until the store changes."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

T = TypeVar("T")


class Kept:
    """The last ``most`` values by key. Thread-safe; two threads that ask for one key at once may both work it out."""

    def __init__(self, most: int = 64) -> None:
        self._most = most
        self._values: OrderedDict[Hashable, Any] = OrderedDict()
        self._door = Lock()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The value of ``key``, made now unless it is known. The key must name everything that the value depends on."""
        with self._door:
            if key in self._values:
                self._values.move_to_end(key)
                found: T = self._values[key]
                return found
        value = make()
        with self._door:
            self._values[key] = value
            while len(self._values) > self._most:
                self._values.popitem(last=False)
        return value
