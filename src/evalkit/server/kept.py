"""What took long to work out, kept until the store changes, and worked out once however many ask."""

from __future__ import annotations

from collections import OrderedDict
from concurrent.futures import Future
from contextlib import suppress
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, TypeVar

from evalkit.errors import EvalkitError

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
        found, ours = self._found(key)
        if ours:
            self._make(key, found, make)
        value: T = found.result()
        return value

    def soon(self, key: Hashable, make: Callable[[], T], *, wait_s: float) -> T:
        """The same, made by a thread of its own. Raises TimeoutError if that takes longer than ``wait_s``: ask again."""
        found, ours = self._found(key)
        if ours:
            Thread(target=self._make_alone, args=(key, found, make), name="evalkit-making", daemon=True).start()
        value: T = found.result(timeout=wait_s)
        return value

    def _found(self, key: Hashable) -> tuple[Future[Any], bool]:
        """What is kept or being made under ``key``, and whether it is the caller's to make."""
        made: Future[Any] = Future()
        with self._door:
            found = self._values.setdefault(key, made)
            self._values.move_to_end(key)
            while len(self._values) > self._most:
                self._values.popitem(last=False)
        return found, found is made

    def _make(self, key: Hashable, made: Future[Any], make: Callable[[], object]) -> None:
        try:
            made.set_result(make())
        except BaseException as error:
            with self._door:
                self._values.pop(key, None)
            made.set_exception(error)
            raise

    def _make_alone(self, key: Hashable, made: Future[Any], make: Callable[[], object]) -> None:
        with suppress(EvalkitError):  # whoever waits for it is told
            self._make(key, made, make)
