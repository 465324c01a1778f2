"""Two variants of a suite compared: flips first, then every metric with its interval, and the whole in one sentence."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalkit.compare import words
from evalkit.compare.estimate import change_of, change_of_moments
from evalkit.compare.evidence import evidence_of
from evalkit.compare.flakiness import expected_flips, flaky_cases
from evalkit.compare.metric import explored, part_metrics, rate_metric, ratio_metric, score_metric
from evalkit.compare.paired_outcomes import MOST_ERRORS
from evalkit.compare.slices import narrow
from evalkit.compare.values import Comparison, names_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalkit.compare.estimate import RateChange
    from evalkit.compare.evidence import Evidence
    from evalkit.compare.kinds import Draws
    from evalkit.compare.values import Flip, Metric, Side
    from evalkit.model.calls import JSON
    from evalkit.model.results import Measurement


def compare(  # noqa: PLR0913 - both sides, and how to speak of them
    a: Sequence[Measurement],
    b: Sequence[Measurement],
    *,
    a_side: Side,
    b_side: Side,
    suite: str,
    confidence: float = 0.95,
    margin: float | None = None,
    slice: str | None = None,  # noqa: A002 - the word of the suite format
    checks: bool = False,
) -> Comparison:
    """Compare the baseline's trials ``a`` with the candidate's trials ``b``, both of one suite and one variant each.

    ``margin`` (in rate units) is the drop that would still count as equivalent. ``slice`` is as in
    :func:`evalkit.compare.slices.narrow`; without one the metrics hold every check family, and with ``checks`` every check. Errors count as failures; unpaired cases are left out and listed.
    """
    everything = [*a, *b]
    rows_a, rows_b = narrow(a, slice, among=everything), narrow(b, slice, among=everything)
    wanted = Wanted(confidence, margin, slice, checks=checks)
    return compare_evidence(evidence_of(rows_a, rows_b), a_side=a_side, b_side=b_side, suite=suite, wanted=wanted)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a comparison is to say; as the arguments of :func:`compare`."""

    confidence: float = 0.95
    margin: float | None = None
    slice: str | None = None
    checks: bool = False


def compare_evidence(found: Evidence, *, a_side: Side, b_side: Side, suite: str, wanted: Wanted) -> Comparison:
    """The comparison of two sides that were counted; as :func:`compare`."""
    draws = found.table.passes()
    change = change_of(draws, wanted.confidence)
    metrics = _metrics(found, change, wanted)
    cells = _cells(draws)
    noise = expected_flips(draws)
    errors, trials = (found.errors_a, found.errors_b), (found.trials_a, found.trials_b)
    names = names_of(a_side, b_side)
    return Comparison(
        suite=suite,
        a=a_side,
        b=b_side,
        n_paired=sum(one.cases for one in draws),
        repeats_a=max((one.a for one in draws), default=0),
        repeats_b=max((one.b for one in draws), default=0),
        both_pass=cells[True, True],
        fixed=cells[False, True],
        broken=cells[True, False],
        both_fail=cells[False, False],
        flips=found.flips,
        metrics=tuple(metrics),
        errors_a=found.errors_a,
        errors_b=found.errors_b,
        trials_a=found.trials_a,
        trials_b=found.trials_b,
        only_a=found.only_a,
        only_b=found.only_b,
        changed=found.changed,
        expected_flips=noise,
        sentence=_sentence(names, _moved(cells, found.flips), metrics[0], noise=noise, errors=errors, trials=trials),
        extra=_extra(found, draws, change, wanted),
    )


def _metrics(found: Evidence, change: RateChange | None, wanted: Wanted) -> list[Metric]:
    """The pass rate first; then, explored, its parts, the mean scores of checks, and what is compared as a ratio."""
    confidence, margin = wanted.confidence, wanted.margin
    first = rate_metric("pass_rate" if wanted.slice is None else f"pass_rate({wanted.slice})", change, margin)
    rest: list[Metric] = []
    if wanted.slice is None:
        rest += part_metrics(found.table, confidence=confidence, margin=margin, checks=wanted.checks)
        scores = (score_metric(f"score({name})", table, confidence) for name, table in found.scores.items())
        rest += [metric for metric in scores if metric is not None]
    cases = 0 if change is None else change.n
    rest += [
        ratio_metric(name, change_of_moments(moments, cases=cases, confidence=confidence))
        for name, moments in found.ratios.items()
    ]
    return [first, *explored(rest)]


def _cells(draws: Sequence[Draws]) -> dict[tuple[bool, bool], int]:
    """Count cases by (A passes, B passes), each by majority of its repeats."""
    table = dict.fromkeys(((True, True), (False, True), (True, False), (False, False)), 0)
    for one in draws:
        table[2 * one.passed_a >= one.a, 2 * one.passed_b >= one.b] += one.cases
    return table


def _moved(cells: Mapping[tuple[bool, bool], int], flips: Sequence[Flip]) -> str:
    """``3 broken, 4 fixed``; those that errors may have moved are counted apart."""
    lost = Counter(flip.kind for flip in flips if flip.error)
    text = f"{cells[True, False] - lost['broken']} broken, {cells[False, True] - lost['fixed']} fixed"
    unmeasured = lost["broken"] + lost["fixed"]
    return f"{text}, {unmeasured} not measured" if unmeasured else text


def _sentence(
    names: tuple[str, str],
    moved: str,
    metric: Metric,
    *,
    noise: float | None,
    errors: tuple[int, int],
    trials: tuple[int, int],
) -> str:
    """The comparison in one sentence: the word, the flips, the rates, the change with its interval."""
    a, b = names
    if metric.interval is None or metric.change is None:
        return f"nothing to compare between {b} and {a}: no case was run on both sides"
    if any(total and count > total * MOST_ERRORS for count, total in zip(errors, trials, strict=True)):
        return (
            f"{b} cannot be compared with {a}: {errors[0]} of {trials[0]} trials before and {errors[1]} of {trials[1]} after "
            "could not be measured; mend the errors and run again"
        )
    subject = {
        "better": f"{b} is better",
        "worse": f"{b} is worse",
        "equivalent": f"{b} is equivalent to {a}",
    }.get(metric.word, f"no clear difference between {b} and {a}")
    text = (
        f"{subject}: {moved}; "
        f"pass rate {words.percent(metric.a)} → {words.percent(metric.b)}, "
        f"{words.points(metric.change)} ({words.points_interval(metric.interval)})"
    )
    if noise is not None:
        text += f"; flakiness alone would flip about {noise:.0f} between two single runs"
    if any(errors):
        text += f"; {errors[0]} errors before and {errors[1]} after count as failures"
    return text


def _extra(found: Evidence, draws: Sequence[Draws], change: RateChange | None, wanted: Wanted) -> dict[str, JSON]:
    counts = found.counts
    return {
        "confidence": wanted.confidence,
        "margin": wanted.margin,
        "slice": wanted.slice,
        "delta_worst_case": counts.delta_worst_case,
        "unpaired_share": counts.unpaired_share,
        "error_cases_a": list(found.error_cases_a),
        "error_cases_b": list(found.error_cases_b),
        "flaky_cases": flaky_cases(draws),
        "n_clusters": None if change is None else change.n_clusters,
    }


def pairs_of_variants(
    measurements: Sequence[Measurement], baseline: str
) -> list[tuple[str, str, list[Measurement], list[Measurement]]]:
    """Every other variant against ``baseline``: ``(a_label, b_label, a_rows, b_rows)``, in the order of first appearance.

    Two labels are paired within equal cells. A variant that sets its own model has a cell of its own; it is paired with the
    baseline labels whose cell equals its own once each side's model is left out (several, if the suite crosses the baseline with
    several models), or else with the baseline's only label. Labels with no such partner are left out.
    """
    groups: dict[str, list[Measurement]] = {}
    for row in measurements:
        groups.setdefault(row.label, []).append(row)
    bases = {label: rows for label, rows in groups.items() if rows[0].variant == baseline}
    return [
        (base, label, bases[base], rows)
        for label, rows in groups.items()
        if rows[0].variant != baseline
        for base in _partners(rows[0], bases)
    ]


def _partners(row: Measurement, bases: dict[str, list[Measurement]]) -> list[str]:
    same = [label for label, rows in bases.items() if rows[0].cell == row.cell]
    if same or len(bases) == 1:
        return same or list(bases)
    return [label for label, rows in bases.items() if _cell_without_model(rows[0]) == _cell_without_model(row)]


def _cell_without_model(row: Measurement) -> str:
    return row.cell.replace(row.model, "").strip(" -,;/")
