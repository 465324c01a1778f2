"""The pass rate of a suite over its latest runs, as a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalkit.report.history import Point, SuiteHistory

MOST_RUNS = 40
"""Runs that fit into a picture, the newest ones."""


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """One run of a variant. ``run`` is its place among the runs of the picture; ``changed``: prompt or model are new."""

    run: int
    rate: float
    lower: float
    upper: float
    changed: bool
    text: str


@dataclass(frozen=True, slots=True)
class TrendLine:
    """One variant, oldest run first."""

    label: str
    points: tuple[TrendPoint, ...]


@dataclass(frozen=True, slots=True)
class Trend:
    """The picture: when each run started (``2026-11-21 04:39``), and a line per variant."""

    runs: tuple[str, ...]
    lines: tuple[TrendLine, ...]


def trend_of(history: SuiteHistory) -> Trend | None:
    """The newest runs of ``history``; None if there are fewer than two."""
    started = dict.fromkeys((point.run_id, point.started_at[:16].replace("T", " ")) for point in history.points)
    runs = [*started][-MOST_RUNS:]
    if len(runs) < 2:
        return None
    places = {run_id: place for place, (run_id, _) in enumerate(runs)}
    lines = (TrendLine(label, tuple(_points(history, label, places))) for label in history.labels)
    return Trend(tuple(moment for _, moment in runs), tuple(line for line in lines if line.points))


def _points(history: SuiteHistory, label: str, places: dict[str, int]) -> Iterator[TrendPoint]:
    for point in history.of(label):
        if point.run_id in places:
            yield _point(point, places[point.run_id])


def _point(point: Point, place: int) -> TrendPoint:
    lower, upper = point.interval
    again = ", judged again" if point.rescored else ""
    text = f"{point.passed}/{point.trials} {point.prompt}{again}"
    return TrendPoint(place, point.rate, lower, upper, point.changed, text)
