"""Two variants of a suite compared: flips first, then every metric with its interval, and the whole in one sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalkit.compare import words
from evalkit.compare.estimate import RATIO_METRICS, rate_change, ratio_change, single_runs
from evalkit.compare.finding import MOST_ERRORS
from evalkit.compare.metric import explored, rate_metric, ratio_metric
from evalkit.compare.pair import expected_flips, flaky_cases, flips, majority, pair
from evalkit.compare.paired import mcnemar, prob_better
from evalkit.compare.parts import part_metrics
from evalkit.compare.sizes import required_cases, smallest_margin
from evalkit.compare.slices import narrow
from evalkit.compare.values import Comparison

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.compare.estimate import RateChange
    from evalkit.compare.pair import PairedCase, Pairing
    from evalkit.compare.values import Metric, Side
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
    pairing = pair(rows_a, rows_b)
    found = rate_change(pairing.cases, confidence)
    metrics = [rate_metric("pass_rate" if slice is None else f"pass_rate({slice})", found, margin)]
    if slice is None:
        metrics += part_metrics(pairing.cases, a, b, confidence=confidence, margin=margin, checks=checks)
    metrics += _ratios(pairing, confidence)
    metrics = [metrics[0], *explored(metrics[1:])]
    cells = _cells(pairing.cases)
    noise = expected_flips(pairing.cases)
    errors = (_errors(rows_a), _errors(rows_b))
    return Comparison(
        suite=suite,
        a=a_side,
        b=b_side,
        n_paired=len(pairing.cases),
        repeats_a=max((len(case.a) for case in pairing.cases), default=0),
        repeats_b=max((len(case.b) for case in pairing.cases), default=0),
        both_pass=cells[True, True],
        fixed=cells[False, True],
        broken=cells[True, False],
        both_fail=cells[False, False],
        flips=flips(pairing.cases),
        metrics=tuple(metrics),
        errors_a=errors[0],
        errors_b=errors[1],
        trials_a=_trials(rows_a),
        trials_b=_trials(rows_b),
        only_a=pairing.only_a,
        only_b=pairing.only_b,
        changed=pairing.changed,
        expected_flips=noise,
        sentence=_sentence(
            names_of(a_side, b_side),
            cells,
            metrics[0],
            noise=noise,
            errors=errors,
            trials=(_trials(rows_a), _trials(rows_b)),
        ),
        extra=_extra(pairing, found, cells, margin=margin, slice_=slice, confidence=confidence),
    )


def _ratios(pairing: Pairing, confidence: float) -> list[Metric]:
    single = single_runs(pairing.cases)
    found = {name: ratio_change(pairing.cases, name, confidence, single=single) for name in RATIO_METRICS}
    return [ratio_metric(name, change) for name, change in found.items()]


def _cells(cases: Sequence[PairedCase]) -> dict[tuple[bool, bool], int]:
    """Count cases by (A passes, B passes), each by majority of its repeats."""
    table = dict.fromkeys(((True, True), (False, True), (True, False), (False, False)), 0)
    for case in cases:
        table[majority(case.a_draws), majority(case.b_draws)] += 1
    return table


def _errors(rows: Sequence[Measurement]) -> int:
    return sum(row.status == "error" for row in rows)


def _trials(rows: Sequence[Measurement]) -> int:
    return sum(row.status != "skip" for row in rows)


def names_of(a: Side, b: Side) -> tuple[str, str]:
    """What to call both sides in a sentence: by variant, or by label, or by run where those are the same."""
    if a.variant != b.variant:
        return a.variant, b.variant
    if a.label != b.label:
        return a.label, b.label
    if a.run_id != b.run_id:
        return f"{a.label} of {a.run_id or 'this run'}", f"{b.label} of {b.run_id or 'this run'}"
    return f"{a.label} (before)", f"{b.label} (after)"


def _sentence(
    names: tuple[str, str],
    cells: dict[tuple[bool, bool], int],
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
        f"{subject}: {cells[True, False]} broken, {cells[False, True]} fixed; "
        f"pass rate {words.percent(metric.a)} → {words.percent(metric.b)}, "
        f"{words.points(metric.change)} ({words.points_interval(metric.interval)})"
    )
    if noise is not None:
        text += f"; flakiness alone would flip about {noise:.0f} between two single runs"
    if any(errors):
        text += f"; {errors[0]} errors before and {errors[1]} after count as failures"
    return text


def _extra(
    pairing: Pairing,
    found: RateChange | None,
    cells: dict[tuple[bool, bool], int],
    *,
    margin: float | None,
    slice_: str | None,
    confidence: float,
) -> dict[str, JSON]:
    fixed, broken = cells[False, True], cells[True, False]
    single = found is not None and found.n_eff is None
    return {
        "confidence": confidence,
        "margin": margin,
        "slice": slice_,
        "delta_worst_case": pairing.delta_worst_case,
        "unpaired_share": pairing.unpaired_share,
        "error_cases_a": list(pairing.errors_a),
        "error_cases_b": list(pairing.errors_b),
        "flaky_cases": flaky_cases(pairing.cases),
        "n_clusters": None if found is None else found.n_clusters,
        "within_share": None if found is None else found.noise_share,
        **_power(found, margin, confidence),
        "p_exact": mcnemar(fixed, broken).p_exact if single else None,
        "prob_better": prob_better(fixed, broken) if single else None,
    }


def _power(found: RateChange | None, margin: float | None, confidence: float) -> dict[str, JSON]:
    """``mde``: the margin that these cases have an 80% chance to pass if nothing changed; ``resolution``: cases over cases needed."""
    if found is None:
        return {"mde": None, "resolution": None}
    spread = min(1.0, found.flip_rate)
    needed = None if not margin else required_cases(margin, flip_rate=spread, confidence=confidence)
    return {
        "mde": smallest_margin(found.n, flip_rate=spread, confidence=confidence),
        "resolution": None if needed is None else found.n / needed,
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
