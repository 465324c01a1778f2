"""A suite over time as lines for a terminal and as JSON."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from evalkit.compare import words
from evalkit.report import wording

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evalkit.compare.statistics.interval import Interval
    from evalkit.model.calls import JSON
    from evalkit.report.history import CaseFigure, Drift, Point, SuiteHistory

_OUTCOME_WIDTH = len("! Could not measure")


def history_lines(history: SuiteHistory, *, last: int) -> Iterator[str]:
    """The history as text: the ``last`` points of every variant, newest last, then what stands out."""
    number = words.number_of(len({point.run_id for point in history.points}), "whole run")
    yield f"{history.suite}: {number}; the verdict is that of the whole run, gates of other suites included"
    for label in history.labels:
        yield f"  {label}"
        for point in history.of(label)[-last:]:
            yield f"    {_point_line(point)}"
    yield from (drift.sentence for drift in history.drifts)
    if history.flake_rate is not None:
        yield f"flake rate {words.percent(history.flake_rate)}: how often two answers to the same request differ in passing"
    yield from (f"  flaky {one.case_id} [{one.label}] {one.passed}/{one.draws} passed" for one in history.flaky)
    yield from (f"  slow {one.case_id} [{one.label}] {words.seconds(one.value)}" for one in history.slowest)
    yield from (f"  expensive {one.case_id} [{one.label}] {words.usd(one.value)}" for one in history.most_expensive)


def _point_line(point: Point) -> str:
    parts = [
        point.started_at[:16].replace("T", " "),
        wording.outcome_label(point.outcome).ljust(_OUTCOME_WIDTH),
        (point.git_revision or "")[:10].ljust(10),
        point.prompt,
        words.counts(point.passed, point.trials, errors=point.errors),
        f"{words.percent(point.rate)} ({words.rate_interval(point.interval)})",
        f"{wording.money(point.cost_usd)} a trial {wording.money_interval(point.cost_interval)}".strip(),
        f"p50 {wording.latency(point.latency_p50_s, point.latency_p50_interval)}",
    ]
    stale = point.trials - point.fresh
    notes = [
        f"judges the answers of {point.rescored} again"
        if point.rescored
        else f"{stale} answered before"
        if stale
        else "",
        "prompt or model changed" if point.changed else "",
    ]
    shown = "; ".join(filter(None, notes))
    return "  ".join(parts) + (f"  ({shown})" if shown else "")


def history_json(history: SuiteHistory) -> dict[str, JSON]:
    """The history as plain JSON, schema ``evalkit.history/1``. Unknown values are null."""
    return {
        "schema": "evalkit.history/1",
        "suite": history.suite,
        "points": [_point_json(point) for point in history.points],
        "drift": [_drift_json(drift) for drift in history.drifts],
        "flake_rate": history.flake_rate,
        "flaky": [
            {"label": one.label, "case_id": one.case_id, "passed": one.passed, "draws": one.draws, "rate": one.value}
            for one in history.flaky
        ],
        "slowest": _figures(history.slowest, "latency_s"),
        "most_expensive": _figures(history.most_expensive, "cost_usd"),
    }


def _point_json(point: Point) -> dict[str, JSON]:
    return {
        "run_id": point.run_id,
        "started_at": point.started_at,
        "mode": point.mode,
        "outcome": point.outcome,
        "rescored": point.rescored,
        "git_revision": point.git_revision,
        "git_branch": point.git_branch,
        "label": point.label,
        "prompt": point.prompt,
        "model": point.model,
        "trials": point.trials,
        "passed": point.passed,
        "errors": point.errors,
        "fresh": point.fresh,
        "pass_rate": point.rate,
        "interval": _interval_json(point.interval),
        "cost_usd_per_trial": point.cost_usd,
        "cost_interval": _interval_json(point.cost_interval),
        "latency_p50_s": point.latency_p50_s,
        "latency_p50_interval": _interval_json(point.latency_p50_interval),
        "latency_p95_s": point.latency_p95_s,
        "latency_p95_interval": _interval_json(point.latency_p95_interval),
        "changed": point.changed,
    }


def _interval_json(interval: Interval | None) -> dict[str, JSON] | None:
    """The limits, null where that side is open."""
    if interval is None:
        return None
    lower, upper = (limit if math.isfinite(limit) else None for limit in interval)
    return {"lower": lower, "upper": upper, "confidence": interval.confidence, "method": interval.method}


def _drift_json(drift: Drift) -> dict[str, JSON]:
    return {
        "label": drift.label,
        "reference": drift.reference,
        "alarm_since": drift.since,
        "sentence": drift.sentence,
        "looks": [
            {"run_id": run, "n": look.n, "rose": look.rose, "fell": look.fell, "p": look.p, "level": look.level}
            for run, look in zip(drift.runs, drift.looks, strict=True)
        ],
    }


def _figures(figures: Sequence[CaseFigure], unit: str) -> list[JSON]:
    return [{"label": one.label, "case_id": one.case_id, unit: one.value} for one in figures]
