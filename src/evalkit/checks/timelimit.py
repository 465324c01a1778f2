"""Calling code that is not evalkit's own: whatever it raises, and however long it takes, the caller goes on."""

from __future__ import annotations

import ctypes
from collections import Counter
from contextvars import copy_context
from dataclasses import dataclass, field
from threading import Lock, Thread
from typing import TYPE_CHECKING, Generic, TypeVar

from evalkit.checks.faults import fault_of
from evalkit.errors import CheckError

if TYPE_CHECKING:
    from collections.abc import Callable

    from evalkit.checks.faults import Fault

T = TypeVar("T")

CHECK_TIMEOUT_S = 10.0
_PATIENCE = 3
"""How often a check may run out of time before it is not called any more: each time costs the whole limit, and a thread."""


class Broken(Exception):  # noqa: N818 - what the foreign code raised is the error; this carries its description
    """Foreign code raised; ``fault`` says what and where. A CheckError that it raises on purpose is not wrapped."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.reason)
        self.fault = fault


@dataclass(slots=True)
class TimeLimit:
    """How long one call of a foreign check may take, and which checks have run out of time how often. Thread-safe."""

    seconds: float = CHECK_TIMEOUT_S
    _overruns: Counter[str] = field(default_factory=Counter)
    _lock: Lock = field(default_factory=Lock)

    def run(self, name: str, function: Callable[[], T]) -> T:
        """Call ``function`` on a thread of its own and return what it returns.

        Raises Broken if it raises anything but a CheckError, and CheckError if it does that, takes too long, or took too long too
        often before. A thread cannot be killed: one that ran out of time is asked to end and left behind.
        """
        if self._overruns[name] >= _PATIENCE:
            raise CheckError(
                f"the check is not called any more: it took longer than {self.seconds:g} s {_PATIENCE} times"
            )
        done = _Done[T](function)
        thread = Thread(target=copy_context().run, args=(done.work,), name=f"check {name}", daemon=True)
        thread.start()
        thread.join(self.seconds)
        if not thread.is_alive():
            return done.outcome()
        with self._lock:
            self._overruns[name] += 1
        _interrupt(thread)
        raise CheckError(f"the check did not answer within {self.seconds:g} s")


class _Done(Generic[T]):
    """What a function did, handed from the thread that ran it to the one that waits."""

    def __init__(self, function: Callable[[], T]) -> None:
        self._function = function
        self._returned: list[T] = []
        self._refused: CheckError | None = None
        self._fault: Fault | None = None

    def work(self) -> None:
        """Run the function. Raises nothing: SystemExit, too, is one check's end and not the program's."""
        try:
            self._returned.append(self._function())
        except CheckError as error:
            self._refused = error
        except BaseException as error:  # noqa: BLE001 - the check runner
            self._fault = fault_of(error)

    def outcome(self) -> T:
        """What was returned, or else raise what was raised."""
        if self._refused is not None:
            raise self._refused
        if self._fault is not None:
            raise Broken(self._fault)
        return self._returned[0]


def _interrupt(thread: Thread) -> None:
    """Ask an abandoned thread to end, so that it does not eat the time of others. Python code obeys, a call into C when it returns."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(SystemExit))
