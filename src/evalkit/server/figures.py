"""Figures of stored runs, counted once: they do not change until a run is read again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalkit.harness.labels.calibrating import calibrations_of
from evalkit.harness.labels.preferring import preferences_of
from evalkit.store.browse.questions import list_runs, run_page
from evalkit.store.counting.measured import prompts_of
from evalkit.store.labels.counted import labelled_counts
from evalkit.store.labels.items import checks_of, preferred

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalkit.harness.labels.preferring import Preferred
    from evalkit.model.results import PromptRecord
    from evalkit.report.calibration import Calibration
    from evalkit.server.site import Site
    from evalkit.store.browse.browsed import RunLine, RunPage

_ABOUT = """
select r.complete, s.suite, v.label, any_value(s.suite_path), any_value(v.prompt_digest)
from runs r left join suites s on s.run_id = $run left join variants v on v.run_id = $run and v.suite_path = s.suite_path
where r.run_id = $run group by all
"""


@dataclass(frozen=True, slots=True)
class About:
    """A run in short: whether it came to its end, and of each suite and label the suite's file and the digest of the prompt."""

    complete: bool
    sources: Mapping[tuple[str, str], tuple[str, str]]


def newest_runs(site: Site, *, limit: int, before: str | None = None) -> list[RunLine]:
    """See :func:`evalkit.store.browse.questions.list_runs`. Raises StoreError."""
    key = ("runs", limit, before, site.store.generation)
    return site.figures.get(key, lambda: list_runs(site.store, limit=limit, before=before))


def run_figures(site: Site, run_id: str) -> RunPage | None:
    """See :func:`evalkit.store.browse.questions.run_page`. Raises StoreError."""
    return site.figures.get(("run", run_id, site.store.version(run_id)), lambda: run_page(site.store, run_id))


def run_about(site: Site, run_id: str) -> About | None:
    """What every comparison says of a run; None if it is not stored. Raises StoreError."""

    def make() -> About | None:
        rows = site.store.tuples(_ABOUT, run=run_id)
        sources = {(suite, label): (path, digest) for _, suite, label, path, digest in rows if label is not None}
        return About(bool(rows[0][0]), sources) if rows else None

    return site.figures.get(("about", run_id, site.store.version(run_id)), make)


def run_prompts(site: Site, run_id: str) -> dict[tuple[str, str], PromptRecord]:
    """See :func:`evalkit.store.counting.measured.prompts_of`. Raises StoreError."""
    return site.figures.get(("prompts", run_id, site.store.version(run_id)), lambda: prompts_of(site.store, run_id))


def run_checks(site: Site, run_id: str) -> list[str]:
    """See :func:`evalkit.store.labels.items.checks_of`. Raises StoreError."""
    return site.figures.get(("checks", run_id, site.store.version(run_id)), lambda: checks_of(site.store, run_id))


def run_agreement(site: Site, run_id: str) -> tuple[tuple[Calibration, ...], list[Preferred]]:
    """The checks of a run beside what people say of the same answers in any run, and what they prefer. Raises StoreError."""

    def make() -> tuple[tuple[Calibration, ...], list[Preferred]]:
        cases = labelled_counts(site.store.tuples, run_id, kept=site.store.keeps_said())
        return calibrations_of(cases), preferences_of(preferred(site.store, run_id))

    return site.figures.get(("agreement", run_id, site.store.generation, site.store.words), make)
