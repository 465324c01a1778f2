"""Suites over time, kept until the store changes: with a million trials one takes seconds, so it is made before anybody asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalkit.harness.history import history_of
from evalkit.report.history_page import render_history
from evalkit.store.history import history_rows

if TYPE_CHECKING:
    from evalkit.report.history import SuiteHistory
    from evalkit.server.site import Site

MOST_SUITES = 10
"""Suites of the newest runs whose history is made ahead."""
_NEWEST = """
select suite from suites s join runs r on r.run_id = s.run_id where r.complete and not r.partial
group by suite order by max(r.started_at) desc limit $limit
"""


def suite_history(site: Site, suite: str) -> SuiteHistory | None:
    """Everything that is stored about a suite; None if no whole run measured it. Raises StoreError."""

    def make() -> SuiteHistory | None:
        rows = history_rows(site.store.tuples, suite)
        return history_of(suite, rows) if rows.points else None

    return site.kept.get(("history", suite, site.store.generation), make)


def history_page(site: Site, suite: str) -> str | None:
    """The page that ``evalkit history --html`` writes; None if no whole run measured the suite. Raises StoreError."""

    def make() -> str | None:
        found = suite_history(site, suite)
        return None if found is None else render_history(found)

    return site.kept.get(("history page", suite, site.store.generation), make)


def make_ahead(site: Site) -> None:
    """Make the pages of the suites that ran last. Raises StoreError."""
    for row in site.store.rows(_NEWEST, limit=MOST_SUITES):
        history_page(site, row["suite"])
