"""What the page shows, worked out: the template only places it."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from evalkit.compare import words
from evalkit.model.calls import CallFailure
from evalkit.report import wording
from evalkit.report.clean import one_line
from evalkit.report.page.comparison_view import HEADLINE, comparison_view
from evalkit.report.page.gate_view import gate_view
from evalkit.report.page.heat import heat_of
from evalkit.report.page.spread import spreads
from evalkit.report.page.trend import trend_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evalkit.compare.standing import Ranking
    from evalkit.model.results import RunInfo
    from evalkit.report.calibration import Calibration
    from evalkit.report.page.comparison_view import ComparisonView
    from evalkit.report.page.gate_view import GateView
    from evalkit.report.page.heat import Heat
    from evalkit.report.page.spread import Spread
    from evalkit.report.page.trend import Trend
    from evalkit.report.values import RunReport, VariantSummary

_MEASURED = re.compile(r"; (\d+ of \d+ planned trials measured(?: \([^()]*\))?)\Z")
_SAID = 200
"""Characters shown of what a failed call said."""
_URGENCY = {"failed": 0, "undecided": 1, "not_judged": 2, "passed": 3}


@dataclass(frozen=True, slots=True)
class SuiteView:
    """One suite: its gates, the ones that did not pass first, its comparisons, its variants and, of three or more, their ranking. ``anchor`` is its place on the page.

    Its pictures: ``spreads`` of latency and cost, ``heat`` by tag, ``trend`` over runs, ``calibrations`` of its judges; none if there is
    nothing to show.
    """

    name: str
    anchor: str
    gates: tuple[GateView, ...]
    comparisons: tuple[ComparisonView, ...]
    variants: tuple[VariantSummary, ...]
    spreads: tuple[Spread, ...]
    heat: Heat | None
    trend: Trend | None
    calibrations: tuple[Calibration, ...]
    ranking: Ranking | None

    @property
    def passed_gates(self) -> int:
        """How many of its gates passed."""
        return sum(gate.outcome.status == "passed" for gate in self.gates)


@dataclass(frozen=True, slots=True)
class PageView:
    """The page. ``verdict`` is what was decided, ``coverage`` what that rests on. ``urgent`` are the gates that failed or could not decide; ``folded`` the others by status, behind one line each;
    ``headline`` names the metrics of the first glance."""

    report: RunReport
    verdict: str
    started: str
    facts: tuple[tuple[str, str], ...]
    urgent: tuple[GateView, ...]
    folded: tuple[tuple[str, tuple[GateView, ...]], ...]
    suites: tuple[SuiteView, ...]
    comparisons: tuple[ComparisonView, ...]
    headline: tuple[str, ...]
    coverage: str
    unmeasured: tuple[str, ...]


def page_view(report: RunReport) -> PageView:
    """Work out the page of ``report``."""
    gates = sorted((gate_view(gate, report) for gate in report.gates), key=_urgency)
    comparisons = tuple(comparison_view(report, index) for index in range(len(report.comparisons)))
    verdict, coverage = _decided(report)
    return PageView(
        report=report,
        verdict=verdict,
        started=_moment(report.run.started_at),
        facts=tuple(_facts(report)),
        urgent=tuple(gate for gate in gates if gate.outcome.status in {"failed", "undecided"}),
        folded=tuple(_folded(gates)),
        suites=tuple(_suites(report, gates, comparisons)),
        comparisons=comparisons,
        headline=HEADLINE,
        coverage=coverage,
        unmeasured=tuple(_unmeasured(report)),
    )


def _urgency(gate: GateView) -> int:
    return _URGENCY[gate.outcome.status]


def _folded(gates: list[GateView]) -> Iterator[tuple[str, tuple[GateView, ...]]]:
    for status in ("passed", "not_judged"):
        found = tuple(gate for gate in gates if gate.outcome.status == status)
        if found:
            yield status, found


def _suites(report: RunReport, gates: list[GateView], comparisons: tuple[ComparisonView, ...]) -> Iterator[SuiteView]:
    names = [variant.suite for variant in report.variants]
    names += [gate.suite for gate in report.gates] + [comparison.suite for comparison in report.comparisons]
    for place, name in enumerate(dict.fromkeys(names)):
        variants = tuple(variant for variant in report.variants if variant.suite == name)
        labels = [*dict.fromkeys(variant.label for variant in variants)]
        results = [result for result in report.results if result.trial.suite == name]
        history = next((history for history in report.histories if history.suite == name), None)
        yield SuiteView(
            name=name,
            anchor=f"suite-{place}",
            gates=tuple(gate for gate in gates if gate.outcome.suite == name),
            comparisons=tuple(view for view in comparisons if view.comparison.suite == name),
            variants=variants,
            spreads=tuple(spreads(results, labels)),
            heat=heat_of(results, labels),
            trend=None if history is None else trend_of(history),
            calibrations=tuple(found for found in report.calibrations if found.suite == name),
            ranking=next((ranking for ranking in report.rankings if ranking.suite == name), None),
        )


def _moment(iso: str) -> str:
    """A time in UTC for a reader: ``2026-11-21 04:39:18 UTC``."""
    return iso.replace("T", " ").replace("Z", " UTC").replace("+00:00", " UTC")


def _facts(report: RunReport) -> Iterator[tuple[str, str]]:
    run = report.run
    yield "Run", run.run_id
    took = _took(run)
    yield "Started", f"{_moment(run.started_at)}{took and f', took {took}'}"
    source = wording.replayed(run)
    yield "Mode", f"{run.mode}: {source}" if source else run.mode
    yield "Calls", wording.calls_line(report.calls)
    cost = wording.cost_line(report)
    if cost:
        yield "Cost", cost
    if run.git_revision:
        branch = f" on {run.git_branch}" if run.git_branch else ""
        yield "Git", f"{run.git_revision[:12]}{branch}{' + uncommitted changes' if run.git_dirty else ''}"
    yield "Versions", f"evalkit {run.evalkit_version}, Python {run.python_version}"
    if run.command:
        yield "Command", run.command


def _took(run: RunInfo) -> str:
    """How long the run took, empty if it has not ended or its times cannot be read."""
    try:
        return wording.seconds(
            (datetime.fromisoformat(run.finished_at or "") - datetime.fromisoformat(run.started_at)).total_seconds()
        )
    except (ValueError, TypeError):
        return ""


def _decided(report: RunReport) -> tuple[str, str]:
    """The verdict in two parts: what was decided, and ``722 of 730 planned trials measured``, the denominator of everything below."""
    sentence = wording.sentence(report)
    found = _MEASURED.search(sentence)
    if found:
        return sentence[: found.start()], found[1]
    measured = sum(variant.passed + variant.failed for variant in report.variants)
    everything = sum(wording.total(variant) for variant in report.variants)
    return sentence, f"{measured:,} of {everything:,} trials measured"


def _unmeasured(report: RunReport) -> Iterator[str]:
    """What this run does not know, each with its denominator."""
    run = report.run
    if not run.complete:
        planned = (
            "" if run.planned is None else f": {len(report.results):,} of {run.planned:,} planned trials have a result"
        )
        yield f"The run is incomplete{planned}."
    if any(gate.gate.startswith("race of ") for gate in report.gates):
        yield "The race left out the cases that it needed no more; the suites' own gates were not judged."
    elif run.partial:
        yield "Only part of the suites' cases was selected, so gates were not judged."
    failures = _failures(report)
    for variant in report.variants:
        yield from _gaps(variant, failures.get((variant.suite_path, variant.label), []))
    for comparison in report.comparisons:
        if comparison.only_a or comparison.only_b or comparison.changed:
            yield (
                f"{comparison.names[1]} against {comparison.names[0]}: {words.number_of(comparison.n_paired, 'case')} paired; left out: "
                f"{len(comparison.only_a)} only before, {len(comparison.only_b)} only after, {len(comparison.changed)} changed."
            )


def _failures(report: RunReport) -> dict[tuple[str, str], list[CallFailure]]:
    """The calls that have no answer, by suite file and label."""
    found: defaultdict[tuple[str, str], list[CallFailure]] = defaultdict(list)
    for result in report.results:
        if isinstance(result.reply, CallFailure):
            found[result.trial.suite_path, result.trial.variant.label].append(result.reply)
    return found


def _gaps(variant: VariantSummary, failures: Sequence[CallFailure]) -> Iterator[str]:
    kinds = Counter(failure.kind for failure in failures).most_common(3)
    causes = ", ".join(f"{kind.replace('_', ' ')} {count:,}" for kind, count in kinds)
    said = next((one_line(failure.message, limit=_SAID) for failure in failures if failure.kind == kinds[0][0]), "")
    first = f" The first said: {said.rstrip('.')}." if said else ""
    parts = [
        f"{number:,} {word}"
        for number, word in (
            (variant.errors, f"could not be measured{causes and f' ({causes})'}"),
            (variant.skipped, "skipped"),
            (variant.missing, "missing"),
        )
        if number
    ]
    if parts:
        yield f"{variant.suite}, {variant.label}: of {words.number_of(wording.total(variant), 'trial')} {', '.join(parts)}.{first}"
