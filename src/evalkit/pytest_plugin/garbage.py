"""How often Python looks for cyclic garbage while a session holds suites.

A session with suites makes many objects that live to its end, and next to no cycles. Looking through all of them again and again was a quarter
of its CPU time (1000 cases from the cache: 2.3 s with Python's defaults, 1.7 s without any collection).
"""

from __future__ import annotations

import gc
import sys

import pytest

_EVERY = (50_000, 20, 20)
"""Young objects between two collections, then collections per older generation. Bounds what cycles may hold at some 10 MB."""

_BEFORE: pytest.StashKey[tuple[int, int, int]] = pytest.StashKey()
_FROZE: pytest.StashKey[bool] = pytest.StashKey()
_LEFT: pytest.StashKey[bool] = pytest.StashKey()


def collect_rarely(config: pytest.Config) -> None:
    """Collect less often from now on, until :func:`restore`."""
    config.stash.setdefault(_BEFORE, gc.get_threshold())
    gc.set_threshold(*_EVERY)


def set_aside(config: pytest.Config) -> None:
    """Take everything that lives now for permanent: later collections pass it by, until :func:`restore`."""
    # DuckDB's module complains on the terminal if it is not collected when the interpreter ends.
    if "_duckdb" in sys.modules:
        return
    # What others froze is not this session's to thaw: nothing is added to it.
    if config.stash.get(_FROZE, False) or not gc.get_freeze_count():
        config.stash[_FROZE] = True
        gc.freeze()


def leave_aside(config: pytest.Config) -> None:
    """As :func:`set_aside`, beyond the session: most processes end with it, and searching all of it once more took a tenth of their time.

    A process that goes on keeps one session's cycles.
    """
    config.stash[_LEFT] = True
    set_aside(config)


def restore(config: pytest.Config) -> None:
    """Undo :func:`collect_rarely` and :func:`set_aside`; nothing happens in a session without suites."""
    before = config.stash.get(_BEFORE, None)
    if before is None:
        return
    gc.set_threshold(*before)
    if config.stash.get(_FROZE, False) and not config.stash.get(_LEFT, False):
        gc.unfreeze()
