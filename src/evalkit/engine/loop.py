"""One asyncio loop on one background thread, so that ordinary pytest items can wait for answers that arrive together."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")


class BackgroundLoop:
    """Runs coroutines for threads that have no loop. Start-up is lazy: no thread exists until the first submit."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._ending = threading.Lock()

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Run ``work`` on the loop and return a future that any thread may wait for: a cancelled one once a task raised SystemExit."""
        with self._ending:
            loop = self._running()
            if not loop.is_closed():
                return asyncio.run_coroutine_threadsafe(work, loop)
        work.close()
        future: Future[T] = Future()
        future.cancel()
        return future

    def close(self, last: Coroutine[Any, Any, object], *, grace_s: float) -> None:
        """Run ``last`` (clean-up), cancel everything else, stop the thread. Waits at most ``grace_s`` seconds for each."""
        if self._loop is None or self._thread is None:
            last.close()
            return
        try:
            self.submit(_bounded(last, grace_s)).result(grace_s + 1)
        except CancelledError:  # a task raised SystemExit
            last.close()
        except TimeoutError:
            pass  # a connection that will not close must not keep the session from ending
        finally:
            with self._ending:
                if not self._loop.is_closed():
                    self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(grace_s)
            self._loop = self._thread = None

    def _running(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            serve = (self._loop, self._ending)
            self._thread = threading.Thread(target=_serve, args=serve, name="evalkit-engine", daemon=True)
            self._thread.start()
        return self._loop


async def _bounded(work: Coroutine[Any, Any, object], seconds: float) -> None:
    async with asyncio.timeout(seconds):
        await work


def _serve(loop: asyncio.AbstractEventLoop, ending: threading.Lock) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:  # also when a task raised SystemExit, which asyncio lets through: nobody may wait for ever
        with ending:  # what is submitted from here on would wait for ever, too
            rest = loop.create_task(_cancel_others())
            while not rest.done():
                with suppress(SystemExit):  # of another task
                    loop.run_until_complete(rest)
            loop.close()


async def _cancel_others() -> None:
    """Cancel every other task, also those that were submitted and have not begun, and wait for their ends."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
