"""One asyncio loop on one background thread, so that ordinary pytest items can wait for answers that arrive together."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from concurrent.futures import Future

T = TypeVar("T")


class BackgroundLoop:
    """Runs coroutines for threads that have no loop. Start-up is lazy: no thread exists until the first submit."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Run ``work`` on the loop and return a future that any thread may wait for."""
        return asyncio.run_coroutine_threadsafe(work, self._running())

    def close(self, last: Coroutine[Any, Any, object], *, grace_s: float) -> None:
        """Run ``last`` (clean-up), cancel everything else, stop the thread. Waits at most ``grace_s`` seconds for each."""
        if self._loop is None or self._thread is None or self._loop.is_closed():  # closed: a task raised SystemExit
            last.close()
            return
        try:
            self.submit(_bounded(last, grace_s)).result(grace_s + 1)
        except TimeoutError:
            pass  # a connection that will not close must not keep the session from ending
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(grace_s)
            self._loop = self._thread = None

    def _running(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=_serve, args=(self._loop,), name="evalkit-engine", daemon=True)
            self._thread.start()
        return self._loop


async def _bounded(work: Coroutine[Any, Any, object], seconds: float) -> None:
    async with asyncio.timeout(seconds):
        await work


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:  # also when a task raised SystemExit, which asyncio lets through: nobody may wait for ever
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.close()
