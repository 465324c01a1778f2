"""One line of a comparison: a metric before and after, its change with an interval, and the word for it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from evalkit.compare import words
from evalkit.compare.estimate import change_of
from evalkit.compare.scores import score_change
from evalkit.compare.statistics.multiplicity import benjamini_hochberg
from evalkit.compare.statistics.paired import mcnemar, prob_better
from evalkit.compare.statistics.sizes import required_cases, smallest_margin
from evalkit.compare.values import Metric

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.compare.estimate import RateChange, RatioChange
    from evalkit.compare.kinds import CaseTable
    from evalkit.compare.scores import ScoreTable
    from evalkit.compare.statistics.interval import Interval
    from evalkit.compare.values import MetricKind, Word
    from evalkit.model.calls import JSON

FEW_CASES_NOTE = "driven by few cases"


def rate_metric(name: str, found: RateChange | None, margin: float | None) -> Metric:
    """The change of a pass rate as a metric; ``undefined`` if no case was paired."""
    if found is None:
        return _unknown(name, "no case was run on both sides", kind="binary")
    return Metric(
        name=name,
        kind="binary",
        a=found.a.rate,
        b=found.b.rate,
        a_interval=found.a.interval,
        b_interval=found.b.interval,
        change=found.change,
        interval=found.interval,
        p=found.p,
        n=found.n,
        word=rate_word(found.interval, margin),
        n_eff=found.n_eff,
        detail=detail(found, margin),
    )


def score_metric(name: str, table: ScoreTable, confidence: float) -> Metric | None:
    """The change of a check's mean score as a metric; ``undefined`` if a trial has no score, None if no case was paired.

    No margin applies: what a comparison tolerates is said of the pass rate.
    """
    if table.unknown:
        note = f"no score in {table.unknown} of {words.number_of(table.trials, 'trial')}"
        return _unknown(name, note, kind="score")
    change = score_change(table, confidence)
    return None if change is None else replace(rate_metric(name, change, None), kind="score")


def detail(found: RateChange, margin: float | None) -> dict[str, JSON]:
    """What stands behind the change of a rate.

    ``df`` of Student's t, ``sd_between`` of the true changes of cases, ``within_share``: what repeats could remove of the variance; ``mde``:
    the margin that these cases have an 80% chance to pass if nothing changed; ``resolution``: cases over cases needed for ``margin``;
    ``p_exact`` of McNemar's test and ``prob_better`` for single runs. None where there is none.
    """
    confidence, spread = found.interval.confidence, min(1.0, found.flip_rate)
    needed = None if not margin else required_cases(margin, flip_rate=spread, confidence=confidence)
    return {
        "df": found.df,
        "sd_between": found.sd_between,
        "within_share": found.noise_share,
        "mde": smallest_margin(found.n, flip_rate=spread, confidence=confidence),
        "resolution": None if needed is None else found.n / needed,
        "p_exact": None if found.flips is None else mcnemar(*found.flips).p_exact,
        "prob_better": None if found.flips is None else prob_better(*found.flips),
    }


def _unknown(name: str, note: str, *, kind: MetricKind, found: RatioChange | None = None) -> Metric:
    return Metric(
        name=name,
        kind=kind,
        a=found.a if found else None,
        b=found.b if found else None,
        a_interval=None,
        b_interval=None,
        change=found.mean.ratio if found and found.mean else None,
        interval=None,
        p=None,
        n=found.n if found else 0,
        word="undefined",
        geometric=found.typical.ratio if found and found.typical else None,
        geometric_interval=found.typical.interval if found and found.typical else None,
        note=note,
    )


def rate_word(interval: Interval, margin: float | None) -> Word:
    """The word for a change of a rate: better or worse if the interval excludes 0, equivalent if it lies inside ±margin."""
    if interval.lower > 0.0:
        return "better"
    if interval.upper < 0.0:
        return "worse"
    if margin is not None and -margin < interval.lower and interval.upper < margin:
        return "equivalent"
    return "no clear difference"


def part_metrics(table: CaseTable, *, confidence: float, margin: float | None, checks: bool = False) -> list[Metric]:
    """``pass_rate(family:x)`` of every family with a counting check, and with ``checks`` also ``pass_rate(check:x)`` of every check.

    A part that no pair has is left out.
    """
    found = [
        (f"pass_rate({prefix}:{name})", change_of(table.part(prefix, name), confidence))
        for prefix, name in table.names(checks=checks)
    ]
    return [rate_metric(name, change, margin) for name, change in found if change is not None]


def ratio_metric(name: str, found: RatioChange) -> Metric:
    """The change of a cost, time or token count as a metric: lower is better, and no word is dared when few cases decide it."""
    if found.mean is None or found.mean.interval is None:
        return _unknown(name, _why_undefined(found), kind="ratio", found=found)
    interval, capped = found.mean.interval, found.few and found.n < 100
    notes = [FEW_CASES_NOTE] if found.few else []
    if found.unknown:
        notes.append(f"unknown for {words.number_of(found.unknown, 'case')} of {found.n + found.unknown}")
    word: Word = "no clear difference"
    if not capped and (interval.upper < 1.0 or interval.lower > 1.0):
        word = "better" if interval.upper < 1.0 else "worse"
    return Metric(
        name=name,
        kind="ratio",
        a=found.a,
        b=found.b,
        a_interval=None,
        b_interval=None,
        change=found.mean.ratio,
        interval=interval,
        p=found.mean.p,
        n=found.n,
        word=word,
        geometric=found.typical.ratio if found.typical else None,
        geometric_interval=found.typical.interval if found.typical else None,
        note="; ".join(notes),
        detail={"df": found.n - 1},
    )


def explored(metrics: Sequence[Metric]) -> list[Metric]:
    """The metrics after the first, which nobody asked about in particular, with Benjamini-Hochberg q-values."""
    known = [metric.p for metric in metrics if metric.p is not None]
    adjusted = iter(benjamini_hochberg(known))
    return [
        metric
        if metric.p is None
        else replace(metric, p_adjusted=next(adjusted), adjust="Benjamini-Hochberg", family_size=len(known))
        for metric in metrics
    ]


def _why_undefined(found: RatioChange) -> str:
    if found.n == 0:
        return "unknown for every case" if found.unknown else "no case was run on both sides"
    if found.a == 0.0:
        return "the baseline is 0, so there is no ratio"
    return "too few cases, or they vary too much, for an interval"
