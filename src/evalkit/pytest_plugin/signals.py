"""SIGTERM and SIGHUP, which pytest does not handle and CI and closed terminals send, end a session as orderly as Ctrl-C."""

from __future__ import annotations

import signal
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


_NUMBERS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


class Stops:
    """While open, SIGTERM and SIGHUP call ``note`` with their number; the first one also raises KeyboardInterrupt in the main thread.

    Not ``pytest.exit``: its exception derives from Exception, which code on the stack may catch. Later signals, and all of them after
    :meth:`let_finish`, are only noted: what is being written then takes a moment and is worth it. A signal that the process
    was started to ignore (``nohup``) stays ignored.
    """

    def __init__(self, note: Callable[[int], None]) -> None:
        self._note = note
        self._raises = True
        self._before: dict[int, object] = {}

    def open(self) -> None:
        """Handle the signals from now on; in a thread that cannot, leave them."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in _NUMBERS:
            if signal.getsignal(number) != signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._stop)

    def let_finish(self) -> None:
        """What still comes is only noted."""
        self._raises = False

    def close(self) -> None:
        """Handle the signals as before."""
        while self._before:
            number, handler = self._before.popitem()
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal() returned

    def _stop(self, number: int, frame: object) -> None:
        del frame
        self._note(number)
        if self._raises:
            self._raises = False
            raise KeyboardInterrupt


def stop_worker(node: Any) -> None:  # noqa: ANN401 - xdist's type
    """Send SIGTERM to a worker of xdist that is a process of this machine.

    A worker that waits for an answer hears nothing of the controller's end; xdist would kill it after ten seconds.
    """
    process = getattr(getattr(node.gateway, "_io", None), "popen", None)  # execnet has no public name for it
    if process is not None:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
