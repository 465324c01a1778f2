"""One gate as the page shows it: what it was judged on, and which of the page's cases it is about."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from evalkit.compare.paired_outcomes import paired_outcomes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from evalkit.compare.values import Comparison
    from evalkit.model.calls import JSON
    from evalkit.model.results import GateOutcome
    from evalkit.report.values import RunReport, VariantSummary

_SORTED = (("latency_s", "-latency", "slowest first"), ("cost_usd", "-cost", "dearest first"))
_SLICES = ("check", "tag")


@dataclass(frozen=True, slots=True)
class GateView:
    """One gate with what it was judged on in a few words (``152/160 trials``, ``80 paired cases``), empty if it does not say.

    ``link`` says which cases a reader wants to see of a gate that did not pass (``14 broken cases``), ``filters`` finds them; both are
    empty for any other.
    """

    outcome: GateOutcome
    basis: str
    link: str = ""
    filters: Mapping[str, str] = field(default_factory=dict)


def gate_view(outcome: GateOutcome, report: RunReport) -> GateView:
    """Work out what the page shows of a gate of ``report``."""
    label = outcome.variant.partition(" against ")[0]
    variant = next((one for one in report.variants if one.suite == outcome.suite and one.label == label), None)
    if variant is None or outcome.status not in {"failed", "undecided"}:
        return GateView(outcome, _basis(outcome.numbers))
    link, found = _cases(outcome, variant, report)
    where = {"suite": variant.suite, "variant": f"{variant.suite}/{label}"} if found else {}
    return GateView(outcome, _basis(outcome.numbers), link, {**where, **found})


def _basis(numbers: Mapping[str, JSON]) -> str:
    if "passed" in numbers and "trials" in numbers:
        return f"{numbers['passed']}/{numbers['trials']} trials"
    if "n" not in numbers:
        return ""
    return f"{numbers['n']} {'paired cases' if 'trials_a' in numbers else 'trials'}"


def _cases(outcome: GateOutcome, variant: VariantSummary, report: RunReport) -> tuple[str, dict[str, str]]:
    metric, slice_ = str(outcome.numbers.get("metric")), str(outcome.numbers.get("slice") or "")
    for name, sort, words in _SORTED:
        if name in metric and variant.passed + variant.failed:
            return f"answers, {words}", {"sort": sort}
    part, _, value = slice_.partition(":")
    within = {part: value} if part in _SLICES else {}
    against = outcome.numbers.get("against")
    broken = sum(paired_outcomes(one).broken for one in _compared(report, variant, against)) if against else 0
    if broken:
        return f"{'' if within else f'{broken} '}broken {'case' if broken == 1 else 'cases'}", {
            "flip": "broken",
            **within,
        }
    if metric != "pass_rate" or not variant.failed + variant.errors:
        return "", {}
    return "cases that did not pass", {"outcome": "not-pass", **within}


def _compared(report: RunReport, variant: VariantSummary, against: JSON) -> Iterator[Comparison]:
    """The comparisons of this run in which ``variant`` stands against the variant of that name."""
    for one in report.comparisons:
        if (
            one.suite == variant.suite
            and one.b.label == variant.label
            and one.a.variant == against
            and not one.a.run_id
        ):
            yield one
