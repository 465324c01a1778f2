"""SIGTERM, which pytest does not handle and CI uses to cancel, ends a session as orderly as Ctrl-C."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def orderly_stop(note: Callable[[int], None]) -> Iterator[None]:
    """While open, a SIGTERM calls ``note`` with the signal's number and raises KeyboardInterrupt in the main thread.

    Not ``pytest.exit``: its exception derives from Exception, which code on the stack may catch.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: object) -> None:
        del frame
        note(number)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
