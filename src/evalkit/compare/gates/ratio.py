"""Paired gates on cost, tokens and latency, as the ratio of candidate to baseline: lower is better."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalkit.compare import words
from evalkit.compare.estimate import ratio_change
from evalkit.compare.gates.contest import cases_to_show, show_advice
from evalkit.compare.gates.finding import MOST_UNPAIRED
from evalkit.compare.gates.single import nothing_run

if TYPE_CHECKING:
    from evalkit.compare.estimate import RatioChange
    from evalkit.compare.gates.contest import Contest
    from evalkit.compare.gates.finding import Finding
    from evalkit.compare.statistics.interval import Interval
    from evalkit.model.calls import JSON

_FEW = 100
"""Below this many cases no interval is safe when a few of them carry most of the change (docs/statistics.md)."""


def judge_ratio(contest: Contest) -> Finding:
    """``no_regression`` or ``better_than`` on a ratio: of means for cost and tokens, geometric for latency.

    Latency is judged by the typical case, because time-outs censor the mean.
    """
    if not contest.cases:
        return nothing_run(contest.gate)
    metric = contest.gate.metric
    found = ratio_change(contest.cases, metric, contest.gate.confidence)
    typical = metric == "latency_s"
    estimate = found.typical if typical else found.mean
    name = f"{'typical' if typical else 'mean'} {metric}"
    if estimate is None or estimate.ratio is None or estimate.interval is None:
        text = (
            f"there is no interval, because it is unknown for {found.unknown} of {len(contest.cases)} cases, or the "
            f"known ones are too few or vary too much; run more cases"
        )
        return contest.finding("undecided", f"{name} {contest.coverage}", text, numbers={"unknown": found.unknown})
    shown = (
        ""
        if found.a is None or found.b is None
        else f"{words.amount(metric, found.a)} → {words.amount(metric, found.b)}"
    )
    facts = (
        f"{name} {words.ratio_change(estimate.ratio)} ({words.ratio_interval(estimate.interval)}; {shown} on average) "
        f"{contest.coverage}"
    )
    numbers: dict[str, JSON] = {
        "change": estimate.ratio,
        "lower": estimate.interval.lower,
        "upper": estimate.interval.upper,
        "p": estimate.p,
        "unknown": found.unknown,
    }
    claim = _claim(contest, estimate.ratio, estimate.interval)
    fail_p = None if contest.gate.kind == "better_than" else _one_sided(estimate.p, estimate.ratio)
    doubts = _doubts(found)
    if claim.passed:
        return contest.finding("passed", facts, claim.yes, numbers=numbers, fail_p=fail_p, doubts=doubts)
    if claim.failed:
        return contest.finding("failed", facts, claim.no, numbers=numbers, fail_p=fail_p, doubts=doubts)
    reach = estimate.interval.upper - estimate.ratio
    required = cases_to_show(found.n, half_width=reach, distance=claim.distance, confidence=contest.gate.confidence)
    numbers |= {"required_n": required, "need_more": None if required is None else required - found.n}
    text = f"{claim.unsure}; {_advice(contest, required, found.n, estimate.interval)}"
    return contest.finding("undecided", facts, text, numbers=numbers, fail_p=fail_p, doubts=doubts)


@dataclass(frozen=True, slots=True)
class _Claim:
    """What a ratio gate asserts: whether it is shown or refuted, how to say so, and how far the truth is from its limit."""

    passed: bool
    failed: bool
    yes: str
    no: str
    unsure: str
    distance: float


def _claim(contest: Contest, ratio: float, interval: Interval) -> _Claim:
    a, b, margin = contest.a_name, contest.b_name, contest.margin
    percent = f"{words.plain(round(margin * 100, 1))}%"
    if contest.gate.kind == "better_than":
        by = f" by more than {percent}" if margin else ""
        return _Claim(
            passed=interval.upper < 1.0 - margin,
            failed=interval.lower > 1.0 - margin,
            yes=f"{b} needs less than {a}{by}",
            no=f"{b} does not need less than {a}{by}",
            unsure=f"it cannot be told whether {b} needs less than {a}{by}",
            distance=1.0 - margin - ratio,
        )
    more = f"{b} needs more than {a}"
    return _Claim(
        passed=interval.upper < 1.0 + margin,
        failed=interval.lower > 1.0,
        yes=f"passed, but {more}, within the margin of {percent}"
        if interval.lower > 1.0
        else f"a rise of {percent} or more is ruled out",
        no=f"{more}, and a rise beyond {percent} is not ruled out"
        if interval.lower <= 1.0 + margin
        else f"{more}, by more than the allowed {percent}",
        unsure=f"a rise of more than {percent} cannot be ruled out",
        distance=margin,
    )


def _doubts(found: RatioChange) -> tuple[str, ...]:
    doubts = []
    total = found.n + found.unknown
    if found.unknown > MOST_UNPAIRED * total:
        doubts.append(f"the value is unknown for {found.unknown} of {total} cases (more than 5%)")
    if found.few and found.n < _FEW:
        doubts.append(f"a few cases carry most of the change, which {found.n} cases cannot judge ({_FEW} needed)")
    return tuple(doubts)


def _advice(contest: Contest, required: int | None, n: int, interval: Interval) -> str:
    if contest.gate.kind == "better_than" or required is None:
        return show_advice(required, n)
    enough = words.plain(math.ceil((interval.upper - 1.0) * 1000) / 10)
    return (
        f"about {required} cases ({required - n} more) give an 80% chance to pass if {contest.b_name} really needs no more; "
        f"or set a margin above {enough}%"
    )


def _one_sided(p: float | None, ratio: float) -> float | None:
    """The one-sided p of 'B needs no more than A' from the two-sided one."""
    if p is None:
        return None
    return p / 2.0 if ratio > 1.0 else 1.0 - p / 2.0
