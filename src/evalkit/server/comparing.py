"""Any two runs, or variants of runs, compared out of the store, with the same statistics as everywhere."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from evalkit.harness.sides import Chosen, Compared, compare_sides
from evalkit.model.results import RunInfo
from evalkit.report.comparison_view import ComparisonView, PromptChange, comparison_view
from evalkit.report.prompt_diff import diff_prompts
from evalkit.report.values import CallCounts, RunReport
from evalkit.store.browse import run_line
from evalkit.store.measured import measurements, prompts_of

if TYPE_CHECKING:
    from evalkit.compare.values import Comparison, Side
    from evalkit.model.results import Measurement, PromptRecord
    from evalkit.server.site import Site


@dataclass(frozen=True, slots=True)
class ComparedView:
    """Two sides as the page shows them; ``notes`` say what was not compared."""

    views: tuple[ComparisonView, ...]
    notes: tuple[str, ...]


def choose(site: Site, text: str) -> Chosen[Measurement] | None:
    """The side that ``text`` names: ``RUN``, or ``RUN:VARIANT`` by name or label; None if it is not stored. Raises StoreError."""
    run_id, colon, name = text.partition(":")
    run = run_line(site.store, run_id)
    if run is None:
        return None
    rows: tuple[Measurement, ...] = site.kept.get(
        ("rows", run_id, site.store.generation), lambda: measurements(site.store, run_id)
    )
    if colon:
        rows = tuple(row for row in rows if name in {row.variant, row.label})
    return Chosen(run_id, name if colon else None, rows, complete=run.complete) if rows else None


def compared(site: Site, a: Chosen[Measurement], b: Chosen[Measurement], *, checks: bool = False) -> Compared:
    """The comparisons, one per suite and cell; kept until the store changes. Raises ConfigError if the sides have nothing in common."""
    key = ("compared", a.run_id, a.variant, b.run_id, b.variant, checks, site.store.generation)
    return site.kept.get(key, lambda: compare_sides(a, b, checks=checks))


def compared_view(site: Site, a: Chosen[Measurement], b: Chosen[Measurement]) -> ComparedView:
    """The same for the page, with what changed in the prompts. Raises ConfigError."""
    found = compared(site, a, b)
    report = _bare_report(a.run_id, found.comparisons)
    views = (comparison_view(report, index) for index in range(len(found.comparisons)))
    return ComparedView(
        tuple(replace(view, prompts=_prompt_change(site, a, b, view.comparison)) for view in views), found.notes
    )


def _prompt_change(
    site: Site, a: Chosen[Measurement], b: Chosen[Measurement], comparison: Comparison
) -> PromptChange | None:
    before, after = _prompt(site, a, comparison, comparison.a), _prompt(site, b, comparison, comparison.b)
    if before is None or after is None or before.digest == after.digest:
        return None
    return PromptChange(before, after, diff_prompts(before, after))


def _prompt(site: Site, chosen: Chosen[Measurement], comparison: Comparison, side: Side) -> PromptRecord | None:
    prompts: dict[tuple[str, str], PromptRecord] = site.kept.get(
        ("prompts", chosen.run_id, site.store.generation), lambda: prompts_of(site.store, chosen.run_id)
    )
    path = next((row.suite_path for row in chosen.rows if (row.suite, row.label) == (comparison.suite, side.label)), "")
    return prompts.get((path, side.label))


def _bare_report(run_id: str, comparisons: tuple[Comparison, ...]) -> RunReport:
    """Comparisons as the report's code wants them, with nothing else in it."""
    return RunReport(
        run=RunInfo(run_id, "", "live", "", ""),
        results=(),
        prompts=(),
        gates=(),
        comparisons=comparisons,
        variants=(),
        calls=CallCounts(0, 0, 0, 0, 0, 0, 0.0),
        verdict="",
        outcome="unmeasured",
    )
