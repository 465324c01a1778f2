"""One thread that reads new journals into the server's database while pages are answered."""

from __future__ import annotations

import logging
from threading import Event, Thread
from typing import TYPE_CHECKING

from evalkit.errors import StoreError
from evalkit.server.ahead import make_ahead

if TYPE_CHECKING:
    from evalkit.server.site import Site

PAUSE_S = 1.0
"""Seconds between two looks at the journals."""
OLDER = 5
"""Older runs that are counted between two looks."""

WHO = "the thread that reads the journals"
_LOG = logging.getLogger("uvicorn.error")


class Refresher:
    """Refreshes the store of ``site`` until it is stopped. What goes wrong is logged once, and tried again."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._stop = Event()
        self._said = ""
        self._thread = Thread(target=self._run, name="evalkit-refresh", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the run that is being read."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        with self._site.troubles.told(WHO):
            while not self._stop.is_set():
                more = False
                try:
                    more = self._look()
                except (StoreError, OSError) as error:
                    self._say(str(error))
                    self._site.troubles.say(WHO, "the journals cannot be read; it is tried again every second")
                else:
                    self._site.troubles.say(WHO, "")
                self._stop.wait(0.0 if more else PAUSE_S)

    def _look(self) -> bool:
        """Read what is new; whether there are older runs that could be counted meanwhile."""
        found = self._site.store.refresh()
        self._say("; ".join(found.damage))
        if found.read or found.forgotten or not self._site.ready.is_set():
            self._site.ready.set()
            if found.forgotten:
                self._site.histories.clear()  # nothing of a deleted run is shown again
            make_ahead(self._site)
        return self._site.store.count_ahead(limit=OLDER)

    def _say(self, problem: str) -> None:
        if problem and problem != self._said:
            _LOG.warning("%s", problem.encode("ascii", "backslashreplace").decode())
        self._said = problem
