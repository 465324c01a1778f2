"""Any two runs, or variants of runs, compared out of the store, with the same statistics as everywhere."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from evalkit.compare.compare import Wanted
from evalkit.harness.comparing.runs import compare_counted
from evalkit.harness.comparing.sides import Compared, Named, compare_sides
from evalkit.model.results import RunInfo
from evalkit.report.page.comparison_view import ComparisonView, PromptChange, comparison_view
from evalkit.report.page.prompt_diff import diff_prompts
from evalkit.report.values import CallCounts, RunReport
from evalkit.server.figures import run_about, run_prompts
from evalkit.store.counting.measured import measurements

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalkit.compare.values import Comparison, Side
    from evalkit.model.results import GateOutcome
    from evalkit.server.site import Site

FEW_FLIPS = 50
"""Flipped cases of a kind that are listed at first."""
MOST_FLIPS = 5000
"""Flipped cases of a kind that a page lists at most."""


@dataclass(frozen=True, slots=True)
class ComparedView:
    """Two sides as the page shows them; ``notes`` say what was not compared."""

    views: tuple[ComparisonView, ...]
    notes: tuple[str, ...]


def choose(site: Site, text: str) -> Named | None:
    """The side that ``text`` names: ``RUN``, or ``RUN:VARIANT`` by name or label; None if there is no such run. Raises StoreError."""
    run_id, colon, name = text.partition(":")
    about = run_about(site, run_id)
    return None if about is None else Named(run_id, name if colon else None, about.complete)


def compared(site: Site, a: Named, b: Named) -> Compared:
    """The comparisons, one per suite and cell; kept until the store changes.

    Raises ConfigError for an unknown variant, or if the sides have nothing in common.
    """
    return site.kept.get(("compared", a, b, site.store.generation), lambda: _compared(site, a, b))


def _compared(site: Site, a: Named, b: Named) -> Compared:
    with site.store.paired(a.run_id, b.run_id) as runs:
        if not runs.doubtful:
            return compare_counted(runs, a, b, Wanted())
        gates = runs.gates()
    left, right = (one.among(measurements(site.store, one.run_id)) for one in (a, b))
    return compare_sides(left, replace(right, gates=gates))


def paths_of(site: Site, *run_ids: str) -> dict[tuple[str, str], str]:
    """The suite file of each suite and label of some runs. Raises StoreError."""
    return {key: path for run_id in run_ids for key, (path, _) in _sources(site, run_id).items()}


def compared_view(site: Site, a: Named, b: Named, *, most: int = FEW_FLIPS) -> ComparedView:
    """The same for the page, with at most so many flips of a kind, and with what changed in the prompts. Raises ConfigError."""
    key = ("compared view", a, b, most, site.store.generation)
    return site.kept.get(key, lambda: _compared_view(site, a, b, most))


def _compared_view(site: Site, a: Named, b: Named, most: int) -> ComparedView:
    found = compared(site, a, b)
    views = (
        comparison_view(_bare_report(a.run_id, found.comparisons, comparison.gates), index, most=most)
        for index, comparison in enumerate(found.comparisons)
    )
    return ComparedView(
        tuple(replace(view, prompts=_prompt_change(site, a, b, view.comparison)) for view in views), found.notes
    )


def _prompt_change(site: Site, a: Named, b: Named, comparison: Comparison) -> PromptChange | None:
    (path_a, digest_a), (path_b, digest_b) = (
        _source(site, a, comparison, comparison.a),
        _source(site, b, comparison, comparison.b),
    )
    if digest_a == digest_b:
        return None
    before = run_prompts(site, a.run_id).get((path_a, comparison.a.label))
    after = run_prompts(site, b.run_id).get((path_b, comparison.b.label))
    return None if before is None or after is None else PromptChange(before, after, diff_prompts(before, after))


def _source(site: Site, named: Named, comparison: Comparison, side: Side) -> tuple[str, str]:
    return _sources(site, named.run_id).get((comparison.suite, side.label), ("", ""))


def _sources(site: Site, run_id: str) -> Mapping[tuple[str, str], tuple[str, str]]:
    about = run_about(site, run_id)
    return about.sources if about else {}


def _bare_report(run_id: str, comparisons: tuple[Comparison, ...], gates: tuple[GateOutcome, ...]) -> RunReport:
    """Comparisons, and the gates about one of them, as the report's code wants them, with nothing else in it."""
    return RunReport(
        run=RunInfo(run_id, "", "live", "", ""),
        results=(),
        prompts=(),
        gates=gates,
        comparisons=comparisons,
        variants=(),
        calls=CallCounts(0, 0, 0, 0, 0, 0, 0.0),
        verdict="",
        outcome="unmeasured",
    )
