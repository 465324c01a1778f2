"""Gates over one variant: a pass rate, every trial of a slice, a budget."""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING

from evalkit.compare import words
from evalkit.compare.estimate import quantity, single_rate
from evalkit.compare.gates.finding import Finding, Tally, error_doubts
from evalkit.compare.pair import by_case
from evalkit.compare.quantiles import quantile_of
from evalkit.compare.statistics.distributions import binomial_cdf, normal_quantile
from evalkit.compare.statistics.intervals import clopper_pearson, critical_z
from evalkit.compare.statistics.sizes import min_cases_at_least
from evalkit.metrics.summary import quantile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.compare.estimate import Rate
    from evalkit.compare.statistics.interval import Interval
    from evalkit.model.calls import JSON
    from evalkit.model.results import Measurement
    from evalkit.suites.spec import GateSpec

_POWER = 0.8


def judge_at_least(gate: GateSpec, rows: Sequence[Measurement]) -> Finding:
    """A pass rate against a threshold, three-valued, by the Clopper-Pearson interval on effective counts."""
    found = single_rate(rows, gate.confidence)
    return nothing_run(gate) if found is None else judge_level(gate, rows, found)


def judge_level(gate: GateSpec, rows: Sequence[Measurement], found: Rate) -> Finding:
    """A mean in [0, 1] against a threshold; as :func:`judge_at_least`."""
    tally = Tally.of(rows)
    interval = clopper_pearson(min(found.passed_eff, found.n_eff), found.n_eff, gate.confidence)
    target = words.percent(gate.value)
    numbers: dict[str, JSON] = {
        "rate": found.rate, "lower": interval.lower, "upper": interval.upper, "confidence": gate.confidence,
        "value": gate.value, "n": found.cases, "n_eff": found.n_eff, "passed": tally.passed, "trials": tally.total,
        "errors": tally.errors, "skipped": tally.skipped,
    }  # fmt: skip
    over = (
        str(tally) if gate.scored is None else f"over {words.number_of(tally.total, 'trial')} (errors {tally.errors})"
    )
    facts = f"{rate_name(gate)} {words.percent(found.rate)}, {over}, {words.rate_interval(interval)}"
    fail_p = binomial_cdf(found.passed_eff, found.n_eff, gate.value)
    doubts = error_doubts(tally.unmeasured)
    if interval.lower > gate.value:
        return Finding("passed", facts, f"shown to be above {target}", numbers, fail_p, doubts)
    if interval.upper < gate.value:
        return Finding("failed", facts, f"shown to be below {target}", numbers, fail_p, doubts)
    advice, required = _more_cases(gate, found, interval)
    numbers |= {"required_n": required, "need_more": None if required is None else max(0, required - found.cases)}
    text = f"it could still be on either side of {target}; {advice}"
    return Finding("undecided", facts, text, numbers, fail_p, doubts)


def _more_cases(gate: GateSpec, found: Rate, interval: Interval) -> tuple[str, int | None]:
    """Advice, and the cases that decide with 80% chance if the observed rate is the true one (normal approximation)."""
    floor = min_cases_at_least(gate.value, gate.confidence) if gate.value < 1.0 else None
    if floor is None:
        return "no number of cases can show more than 100%; write == 1 if every trial must pass", None
    distance = abs(found.rate - gate.value)
    if distance < 1e-9:
        return (
            "the observed rate is the threshold itself, so more cases are unlikely to decide it; move the threshold",
            None,
        )
    spread = critical_z(gate.confidence) * math.sqrt(gate.value * (1.0 - gate.value))
    spread += normal_quantile(_POWER) * math.sqrt(found.rate * (1.0 - found.rate))
    required = math.ceil((spread / distance) ** 2 * max(1.0, found.cases / found.n_eff))
    if found.rate > gate.value:
        required = max(required, floor)
    required = max(required, found.cases + 1)
    advice = (
        f"about {required} cases ({required - found.cases} more) would decide it if the true rate is "
        f"{words.percent(found.rate)}, or a threshold below {words.percent(interval.lower)} would pass now"
    )
    if found.cases < floor:
        advice = f"{words.number_of(found.cases, 'case')} cannot show it even if all pass ({floor} needed); {advice}"
    return advice, required


def judge_must_pass(gate: GateSpec, rows: Sequence[Measurement]) -> Finding:
    """Every trial of the slice passes; one failure fails, an error leaves it undecided. No statistics."""
    groups = by_case(rows)
    if not groups:
        return nothing_run(gate)
    tally = Tally.of(rows)
    failed = [row for row in rows if row.status == "fail"]
    repeats = min(len(group) for group in groups.values())
    proven = 0.05 ** (1.0 / repeats)
    numbers = {
        "n": len(groups), "passed": tally.passed, "trials": tally.total, "errors": tally.errors,
        "failed": len(failed), "repeats": repeats, "proven_pass_probability": proven,
    }  # fmt: skip
    facts = f"{rate_name(gate)} {tally} over {words.number_of(len(groups), 'case')}"
    if failed:
        names = words.listed(tuple(sorted({row.case_id for row in failed})))
        text = f"{words.number_of(len(failed), 'trial')} failed where every one must pass: {names}"
        return Finding("failed", facts, text, numbers, certain=True)
    if tally.errors:
        names = words.listed(tuple(sorted({row.case_id for row in rows if row.status == "error"})))
        text = f"nothing failed, but {words.number_of(tally.errors, 'trial')} could not be measured: {names}; run again"
        return Finding("undecided", facts, text, numbers)
    text = f"every trial passed; {repeats}/{repeats} shows a pass probability above {proven:.0%} per case, at 95%"
    return Finding("passed", facts, text, numbers)


def judge_budget(gate: GateSpec, rows: Sequence[Measurement]) -> Finding:
    """An observed statistic of cost, time or tokens against a limit: a statement about this run, not about a population.

    Unknown values leave it undecided, unless the known ones alone are already over the limit. Raises ValueError for an unknown
    statistic or operator.
    """
    rows = [row for row in rows if row.status != "skip"]
    if not rows:
        return nothing_run(gate)
    values = [quantity(row, gate.metric) for row in rows]
    known = [value for value in values if value is not None]
    unknown = len(values) - len(known)
    holds = {"<=": operator.le, "<": operator.lt}.get(gate.op)
    if holds is None:
        raise ValueError(f"a budget is an upper limit (<= or <), not {gate.op!r}")
    least = statistic(gate.stat, known + [0.0] * unknown)
    errors = sum(row.status == "error" for row in rows)
    name, limit = f"{gate.stat}({gate.metric})", words.amount(gate.metric, gate.value)
    numbers = {
        "observed": statistic(gate.stat, known) if known else None, "limit": gate.value, "n": len(rows),
        "unknown": unknown, "errors": errors, "at_least": least,
    }  # fmt: skip
    trials = f"over {words.number_of(len(rows), 'trial')} (errors {errors}) of this run"
    share = quantile_share(gate.stat)
    interval = quantile_of(rows, gate.metric, share, gate.confidence) if share and share < 1.0 else None
    if interval is not None:
        numbers |= {
            end: limit if math.isfinite(limit) else None
            for end, limit in zip(("lower", "upper"), interval, strict=True)
        }
        shown = words.amount_interval(gate.metric, interval)
        trials += f", {shown} for all answers like these" if shown else ""
    if not holds(least, gate.value):
        shown = words.amount(gate.metric, least)
        at_least = f"at least {shown}, {unknown} unknown" if unknown else shown
        return Finding(
            "failed",
            f"{name} {at_least} {trials}",
            f"over the limit of {limit}",
            numbers,
            certain=gate.stat in {"sum", "max"},
        )
    if unknown:
        text = (
            f"{gate.metric} is unknown for {unknown} of {len(rows)} trials, so the limit of {limit} cannot be checked"
        )
        hint = "; add a price for the model to [tool.evalkit]" if gate.metric == "cost_usd" and unknown > errors else ""
        return Finding("undecided", f"{name} {trials}", text + hint, numbers)
    facts = f"{name} {words.amount(gate.metric, least)} {trials}"
    return Finding("passed", facts, f"within the limit of {limit}", numbers)


def quantile_share(name: str) -> float | None:
    """0.95 for ``p95``; None for what is no quantile."""
    digits = name.removeprefix("p")
    known = digits != name and digits.isdecimal() and int(digits) <= 100
    return int(digits) / 100 if known else None


def statistic(name: str, values: Sequence[float]) -> float:
    """``mean``, ``sum``, ``min``, ``max`` or ``pNN`` of values.

    Raises ValueError for another name or without values.
    """
    if not values:
        raise ValueError(f"{name} of nothing")
    total = math.fsum(values)
    known = {"sum": total, "mean": total / len(values), "max": max(values), "min": min(values)}
    share = quantile_share(name)
    found = known.get(name) if share is None else quantile(values, share)
    if found is None:
        raise ValueError(f"unknown statistic {name!r}; known: mean, sum, min, max, p50, p95, …")
    return found


def rate_name(gate: GateSpec) -> str:
    """``pass rate``, or ``pass rate of tag:smoke``, or ``mean score of check:rubric``."""
    what = "pass rate" if gate.scored is None else "mean score"
    return what if gate.slice is None else f"{what} of {gate.slice}"


def nothing_run(gate: GateSpec) -> Finding:
    """Undecided, because no trial concerns the gate."""
    what = "no case was run" if gate.slice is None else f"no case of {gate.slice} was run"
    return Finding("undecided", "", f"{what}, so there is nothing to judge", {"n": 0})
