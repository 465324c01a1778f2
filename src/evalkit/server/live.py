"""Runs that go on right now: one thread reads their journals, any number of pages are told."""

from __future__ import annotations

import logging
from threading import Event, Thread
from typing import TYPE_CHECKING

from evalkit.errors import StoreError
from evalkit.store.journal.following import Follower, LiveRun
from evalkit.store.mirror import is_going_on

if TYPE_CHECKING:
    from pathlib import Path

    from evalkit.server.troubles import Troubles
    from evalkit.store.mirror import Mirror

PAUSE_S = 0.4
"""Seconds between two looks at the journals."""

_LOG = logging.getLogger("uvicorn.error")


class Live:
    """The runs that are growing, and those that have just ended until the store has them. Read :meth:`runs` from any thread."""

    def __init__(self, journals: Path, store: Mirror, troubles: Troubles) -> None:
        self._troubles = troubles
        self._journals = journals
        self._store = store
        self._followers: dict[str, Follower] = {}
        self._runs: dict[str, LiveRun] = {}
        self._stop = Event()
        self._thread = Thread(target=self._watch, name="evalkit-live", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """End, and wait for it."""
        self._stop.set()
        self._thread.join()

    def runs(self) -> list[LiveRun]:
        """Every run in progress, the newest first."""
        return sorted(self._runs.values(), key=lambda run: run.run_id, reverse=True)

    def run(self, run_id: str) -> LiveRun | None:
        """One run in progress; None if it is not."""
        return self._runs.get(run_id)

    def look(self) -> None:
        """Read what every growing run has written since the last look. Raises StoreError."""
        growing = self._store.growing
        for run_id in growing:
            follower = self._followers.setdefault(run_id, Follower(self._journals / run_id))
            if follower.read() or run_id not in self._runs:
                self._runs = {**self._runs, run_id: follower.state(quiet=False)}
        for run_id in [one for one in self._followers if one not in growing]:
            self._settle(run_id)

    def _settle(self, run_id: str) -> None:
        """The store has read the run: it has ended or was killed, or it was silent for a while and may go on.

        A run that was killed soon after a silence stays until the store has what it wrote in between, and any run until its last trials
        were told.
        """
        follower, folder = self._followers[run_id], self._journals / run_id
        follower.read()
        state = follower.state(quiet=True)
        over = state.ended or is_going_on(folder) is False
        told = self._runs.get(run_id) == state
        if not folder.is_dir() or (over and told and self._store.is_read(run_id)):
            del self._followers[run_id]
            self._runs = {key: run for key, run in self._runs.items() if key != run_id}
        elif not told:
            self._runs = {**self._runs, run_id: state}

    def _watch(self) -> None:
        with self._troubles.told("the thread that follows runs in progress"):
            while not self._stop.wait(PAUSE_S):
                try:
                    self.look()
                except (StoreError, OSError) as error:
                    _LOG.warning("%s", str(error).encode("ascii", "backslashreplace").decode())
