"""What takes long and will be asked for: made by the thread that has read a new run, before anybody waits for it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from evalkit.errors import ConfigError
from evalkit.harness.comparing.sides import Named
from evalkit.server.comparing import compared_view
from evalkit.server.figures import newest_runs, run_about, run_figures
from evalkit.server.histories import make_history

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalkit.server.site import Site

MOST_SUITES = 10
"""Suites of the newest runs whose history is made ahead."""
MOST_VARIANTS = 5
"""Variants of the newest run that are set beside its first."""
LISTED = 50
"""Runs on the first page of the list."""
COUNTED = 200
"""Runs that are counted before anything else is made: any two of them are compared at once."""
_RUNS = "select run_id from runs order by started_at desc nulls last, run_id desc limit $limit"
_NEWEST = """
select suite from suites s join runs r on r.run_id = s.run_id where r.complete and not r.partial
group by suite order by max(r.started_at) desc limit $limit
"""


def make_ahead(site: Site) -> None:
    """Look up the labelled answers, count the newest runs, make their figures, the comparisons that their pages lead to, and the histories of their suites. Raises StoreError."""
    site.store.keeps_said()
    site.store.count_ahead(limit=COUNTED)
    for (run_id,) in site.store.tuples(_RUNS, limit=COUNTED):
        run_about(site, run_id)
    runs = newest_runs(site, limit=LISTED)
    for run in runs:
        run_figures(site, run.run_id)
    for a, b in _next_comparisons(site, [Named(run.run_id, None, run.complete) for run in runs[:2]]):
        with suppress(ConfigError):  # they have nothing in common: the page will say so
            compared_view(site, a, b)
    for row in site.store.rows(_NEWEST, limit=MOST_SUITES):
        make_history(site, row["suite"])


def _next_comparisons(site: Site, newest: list[Named]) -> Iterator[tuple[Named, Named]]:
    if len(newest) == 2:
        yield newest[1], newest[0]
    for one in newest[:1]:
        found = run_figures(site, one.run_id)
        variants = found.variants[: MOST_VARIANTS + 1] if found else []
        for other in variants[1:]:
            if other.suite_path == variants[0].suite_path:
                first, second = variants[0].label, other.label
                yield Named(one.run_id, first, one.complete), Named(one.run_id, second, one.complete)
