"""One thread that appends to one file and syncs in groups: many callers share the price of one fdatasync."""

from __future__ import annotations

import os
import time
from concurrent.futures import Future
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING

from evalkit.errors import StoreError, Where

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_GROUP = 512
_LINGER_S = 0.02
"""Seconds that what nobody waits for may lie in memory: a thread that wakes for every line costs more than the line."""
_SYNC_EVERY_S = 0.005
"""Seconds between two syncs at least: calls that end within them share one. No model answers as fast as that, a sync costs CPU."""
_sync = getattr(os, "fdatasync", os.fsync)  # macOS has no fdatasync


@dataclass(frozen=True, slots=True)
class _Item:
    """Something to append: ``make`` returns its bytes (called on the writer thread), ``done`` tells whoever waits for the sync."""

    make: Callable[[], bytes]
    done: Future[None] | None


class GroupWriter:
    """Appends to the open file ``fd``. Any failure is final: every later and pending :meth:`put` gets the StoreError."""

    def __init__(self, fd: int, path: Path) -> None:
        self._fd = fd
        self._path = path
        self._pid = os.getpid()
        self._queue: SimpleQueue[_Item | None] = SimpleQueue()
        self._hurry = Event()
        self._written = _resolved()
        self._failure: str | None = None
        self._closed = False
        self._door = Lock()  # nothing may enter the queue behind the closing mark
        self._thread = Thread(target=self._run, name="evalkit-journal", daemon=True)
        self._thread.start()

    def put(self, make: Callable[[], bytes], *, durable: bool, soon: bool = False) -> Future[None]:
        """Append what ``make`` returns, in order of calls; never blocks. ``durable``: the future resolves after the sync.

        Otherwise it is resolved already, and the line reaches the file within a moment, at once with ``soon``. Raises StoreError when
        called after :meth:`close` or in a forked child.
        """
        if os.getpid() != self._pid:
            raise self._error("this process was forked from the one that opened it", "open a journal in each process")
        if self._failure is not None:
            failed = _running()
            failed.set_exception(self._failed())
            return failed
        done = _running() if durable else None
        with self._door:
            if self._closed:
                raise self._error("it is closed", "nothing can be added to a finished run")
            self._queue.put(_Item(make, done))
        if durable or soon:
            self._hurry.set()
        return done or self._written

    @property
    def closed(self) -> bool:
        """Whether :meth:`close` was called."""
        return self._closed

    def close(self) -> None:
        """Write and sync all that is pending, then close the file; a second time does nothing. Raises StoreError if a write failed."""
        if self._closed or os.getpid() != self._pid:
            return
        with self._door:
            self._closed = True
            self._queue.put(_Item(bytes, _running()))
            self._queue.put(None)
        self._hurry.set()
        self._thread.join()
        os.close(self._fd)
        self.check()

    def check(self) -> None:
        """Raise StoreError if something could not be written."""
        if self._failure is not None:
            raise self._failed()

    def _run(self) -> None:
        more, synced = True, -_SYNC_EVERY_S
        while more:
            time.sleep(max(0.0, synced + _SYNC_EVERY_S - time.monotonic()))
            self._hurry.clear()
            batch, more = self._take()
            waiters = [item.done for item in batch if item.done is not None]
            try:
                self._commit(batch, sync=bool(waiters))
            except Exception as error:  # noqa: BLE001 - a writer that dies silently would hang every caller
                self._failure = self._failure or _reason(error)
            if waiters:
                synced = time.monotonic()
            for done in waiters:
                if self._failure is not None:
                    done.set_exception(self._failed())
                else:
                    done.set_result(None)
            if more and not waiters:
                self._hurry.wait(_LINGER_S)

    def _take(self) -> tuple[list[_Item], bool]:
        batch: list[_Item] = []
        item = self._queue.get()
        try:
            while item is not None and len(batch) < _GROUP:
                batch.append(item)
                item = self._queue.get_nowait()
        except Empty:
            return batch, True
        if item is not None:
            batch.append(item)
        return batch, item is not None

    def _commit(self, batch: list[_Item], *, sync: bool) -> None:
        if self._failure is not None or not batch:
            return
        made: list[bytes] = []
        try:
            made.extend(item.make() for item in batch)
        finally:  # what stands before an item that cannot be written may be paid for
            _write_all(self._fd, b"".join(made))
            if sync:
                _sync(self._fd)

    def _failed(self) -> StoreError:
        return self._error(
            self._failure or "unknown", "free space or fix permissions, then run again: only what is missing is paid"
        )

    def _error(self, reason: str, hint: str) -> StoreError:
        return StoreError(f"the journal cannot be written: {reason}", hint=hint, where=Where(str(self._path)))


def _running() -> Future[None]:
    done: Future[None] = Future()
    done.set_running_or_notify_cancel()  # a cancelled waiter must not stop the writer
    return done


def _resolved() -> Future[None]:
    done: Future[None] = Future()
    done.set_result(None)
    return done


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return f"{type(error).__name__}: {error}"
