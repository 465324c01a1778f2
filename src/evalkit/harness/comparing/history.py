"""The history of a suite from what is stored: figures with their intervals, and the alarm for drift."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

from evalkit.compare.drift import drift_looks
from evalkit.compare.estimate import cluster_labels
from evalkit.compare.quantiles import known_quantile
from evalkit.compare.stats import effective_sample, mean_interval, wilson
from evalkit.errors import ConfigError, did_you_mean
from evalkit.report.history import CaseFigure, Drift, Point, SuiteHistory
from evalkit.report.outcomes import known_outcome
from evalkit.store.database.ingest import DATABASE_FILE
from evalkit.store.database.query import run_sql
from evalkit.store.history import read_history, read_latest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from evalkit.compare.statistics.interval import Interval
    from evalkit.config import Config
    from evalkit.store.history import HistoryRows, LookRow, Measure, PointRow

_SHOWN = 5
"""Cases that are named under each heading."""


def suite_history(config: Config, suite: str) -> SuiteHistory:
    """Everything that is stored about ``suite``. Raises ConfigError if no whole run measured it, StoreError."""
    reports = config.folder("reports")
    rows = read_history(reports, suite)
    if not rows.points:
        names = [row[0] for row in run_sql(reports / DATABASE_FILE, "select distinct suite from suites").rows]
        hint = (
            "its runs were cut short, or of a part of it: evalkit run" if suite in names else did_you_mean(suite, names)
        )
        raise ConfigError(f"no whole run of the suite {suite!r} is stored", hint=hint)
    return history_of(suite, rows)


def history_of(suite: str, rows: HistoryRows) -> SuiteHistory:
    """What the stored ``rows`` of a suite say."""
    slow = [CaseFigure(row.label, row.case_id, row.latency_s) for row in rows.cases if row.latency_s is not None]
    dear = [CaseFigure(row.label, row.case_id, row.cost_usd) for row in rows.cases if row.cost_usd]
    rates = [row.rate for row in rows.flaky]
    flaky = [CaseFigure(row.label, row.case_id, row.rate, row.passed, row.draws) for row in rows.flaky if row.rate > 0]
    return SuiteHistory(
        suite=suite,
        points=tuple(_points(rows.points, rows.measures)),
        drifts=tuple(_drifts(rows.looks)),
        flake_rate=sum(rates) / len(rates) if rates else None,
        flaky=tuple(flaky[:_SHOWN]),
        slowest=_largest(slow),
        most_expensive=_largest(dear),
    )


def latest_runs(database: Path, suites: Sequence[str], *, most: int, wait_s: float) -> tuple[SuiteHistory, ...]:
    """The points of ``suites`` in the newest ``most`` whole runs, without drift and cases. Raises StoreError."""
    found = read_latest(database, suites, most=most, wait_s=wait_s)
    return tuple(
        SuiteHistory(suite, tuple(_points(rows, {})), (), None, (), (), ()) for suite, rows in found.items() if rows
    )


def _points(rows: Iterable[PointRow], measures: Mapping[tuple[str, str], Sequence[Measure]]) -> Iterable[Point]:
    before: dict[str, tuple[str, str]] = {}
    for row in rows:
        now, taken = (row.prompt_digest, row.model), measures.get((row.run_id, row.label), ())
        yield Point(
            run_id=row.run_id,
            started_at=row.started_at.replace(tzinfo=UTC).isoformat(),
            mode=row.mode,
            outcome=known_outcome(row.outcome),
            rescored=row.rescored,
            git_revision=row.git_revision,
            git_branch=row.git_branch,
            label=row.label,
            prompt=row.prompt,
            model=row.model,
            trials=row.trials,
            passed=row.passed,
            errors=row.errors,
            fresh=row.fresh,
            interval=_interval(row.draws),
            cost_usd=None if row.cost_usd is None else row.cost_usd / row.trials,
            latency_p50_s=row.latency_p50_s,
            latency_p95_s=row.latency_p95_s,
            changed=before.setdefault(row.label, now) != now,
            cost_interval=_mean_cost(taken),
            latency_p50_interval=_quantile(taken, 0.5),
            latency_p95_interval=_quantile(taken, 0.95),
        )
        before[row.label] = now


def _mean_cost(taken: Sequence[Measure]) -> Interval | None:
    """Student's interval of the mean cost of a trial, over cases or clusters; None where one cost is unknown."""
    costs = [one.cost_usd for one in taken if one.cost_usd is not None]
    if not taken or len(costs) < len(taken):
        return None
    return mean_interval(costs, [one.unit for one in taken]).interval


def _quantile(taken: Sequence[Measure], q: float) -> Interval | None:
    return known_quantile([one.latency_s for one in taken], q, clusters=[one.unit for one in taken]) if taken else None


def _interval(counts: Sequence[tuple[int, int, str | None, int]]) -> Interval:
    """Wilson's interval on the effective number of cases: neither repeats of a case nor cases of a cluster are independent."""
    if all(repeats == 1 and cluster is None for _, repeats, cluster, _ in counts):
        rate, cases = _rate(counts)
        return wilson(min(rate * cases, cases), cases)
    draws: list[list[float]] = []
    names: list[str | None] = []
    for passed, repeats, cluster, alike in counts:
        draws += [[1.0] * passed + [0.0] * (repeats - passed)] * alike
        names += [cluster] * alike
    rate, n = effective_sample(draws, cluster_labels(names))
    return wilson(min(rate * n, n), n)


def _rate(counts: Iterable[tuple[int, int, str | None, int]]) -> tuple[float, int]:
    """The rate of cases that were asked once each, and how many they are."""
    counts = list(counts)
    n = sum(cases for *_, cases in counts)
    return sum(passed * cases for passed, _, _, cases in counts) / n, n


def _drifts(rows: Iterable[LookRow]) -> Iterable[Drift]:
    labels: dict[str, list[LookRow]] = {}
    for row in rows:
        labels.setdefault(row.label, []).append(row)
    for label, looks in labels.items():
        judged = drift_looks((look.n, look.rose, look.fell) for look in looks)
        yield Drift(label, looks[0].reference, tuple(look.run_id for look in looks), tuple(judged))


def _largest(figures: list[CaseFigure]) -> tuple[CaseFigure, ...]:
    return tuple(sorted(figures, key=lambda one: (-one.value, one.label, one.case_id))[:_SHOWN])
