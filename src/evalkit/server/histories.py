"""Suites over time: with a million trials one takes seconds, so it is made before anybody asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalkit.harness.comparing.history import history_of
from evalkit.report.page.history_page import render_history
from evalkit.server.rendering import run_address
from evalkit.store.history import history_rows, suites_with_history

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from datetime import datetime

    from evalkit.report.history import SuiteHistory
    from evalkit.server.site import Site

MOMENT_S = 0.05
"""Seconds that a page is waited for before the reader is told that it is being made."""


def suite_history(site: Site, suite: str) -> SuiteHistory | None:
    """Everything that is stored about a suite; None if no whole run measured it. Raises StoreError."""

    def make() -> SuiteHistory | None:
        with site.store.session() as ask:
            rows = history_rows(ask, suite)
        return history_of(suite, rows) if rows.points else None

    return site.kept.get(("history", suite, site.store.generation), make)


def suites(site: Site) -> list[tuple[str, int, datetime]]:
    """Every suite that has a history: name, whole runs, start of the newest. Raises StoreError."""
    return site.kept.get(("suites", site.store.generation), lambda: suites_with_history(site.store.tuples))


def history_page(site: Site, suite: str) -> str | None:
    """The page that ``evalkit history --html`` writes; None if no whole run measured the suite.

    While a page is made ahead for a run that was read a moment ago, the one before it is answered. Raises TimeoutError if there is none and it
    takes more than a moment to make: it is being made. Raises StoreError.
    """
    if not any(suite == name for name, *_ in suites(site)):
        return None
    ready = site.histories.get(suite)
    return ready if ready is not None else site.kept.soon(*_making(site, suite), wait_s=MOMENT_S)


def make_history(site: Site, suite: str) -> None:
    """Make the page of a suite, and from then on answer with it. Raises StoreError."""
    text = site.kept.get(*_making(site, suite))
    if text is not None:
        site.histories[suite] = text


def _making(site: Site, suite: str) -> tuple[Hashable, Callable[[], str | None]]:
    """What the page of a suite is kept under, and how it is made."""

    def make() -> str | None:
        found = suite_history(site, suite)
        if found is None:
            return None
        links = {point.run_id: run_address(point.run_id) for point in found.points}
        return render_history(found, home="/", links=links)

    return ("history page", suite, site.store.generation), make
