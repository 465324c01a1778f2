"""A suite over time, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalkit.compare import words

if TYPE_CHECKING:
    from evalkit.compare.drift import Look
    from evalkit.compare.statistics.interval import Interval
    from evalkit.report.outcomes import Outcome


@dataclass(frozen=True, slots=True)
class Point:
    """One variant of one whole run. ``cost_usd`` is per trial; ``fresh`` trials were asked in this run, the others were answered before.

    ``outcome`` is the verdict on the whole run, None if it came to none; ``rescored`` the run whose answers it judged again, None if it asked
    for its own. ``changed`` says that the prompt or the model is not that of the point before. Times are ISO 8601 in UTC.
    """

    run_id: str
    started_at: str
    mode: str
    git_revision: str | None
    git_branch: str | None
    label: str
    prompt: str
    model: str
    trials: int
    passed: int
    errors: int
    fresh: int
    interval: Interval
    cost_usd: float | None
    latency_p50_s: float | None
    latency_p95_s: float | None
    changed: bool
    outcome: Outcome | None = None
    rescored: str | None = None
    cost_interval: Interval | None = None
    latency_p50_interval: Interval | None = None
    latency_p95_interval: Interval | None = None

    @property
    def rate(self) -> float:
        """The share of trials that passed; errors count as not passed."""
        return self.passed / self.trials


@dataclass(frozen=True, slots=True)
class Drift:
    """The looks at one variant since its prompt, model and parameters are what they are. ``runs`` are those of the ``looks``."""

    label: str
    reference: str
    runs: tuple[str, ...]
    looks: tuple[Look, ...]

    @property
    def since(self) -> str | None:
        """The run that raised the alarm; None if none did."""
        return next((run for run, look in zip(self.runs, self.looks, strict=True) if look.alarm), None)

    @property
    def sentence(self) -> str:
        """What the looks say, in words."""
        seen = f"{words.number_of(len(self.looks), 'look')} since run {self.reference}"
        raised = next((place for place, look in enumerate(self.looks) if look.alarm), None)
        if raised is None:
            return f"{self.label}: no drift in {seen} with the same prompt and model"
        look = self.looks[raised]
        kind = "worse" if look.fell > look.rose else "better"
        return (
            f"{self.label}: DRIFT, {kind} since run {self.runs[raised]} although prompt and model are those of run {self.reference}: of "
            f"{look.n} cases {look.fell} fell and {look.rose} rose ({words.p_value(look.p)}, alarm at {look.level:.2g}, {seen})"
        )


@dataclass(frozen=True, slots=True)
class CaseFigure:
    """A case that stands out. ``value`` is a flake rate, seconds or US dollars; ``passed`` of ``draws`` for a flaky one."""

    label: str
    case_id: str
    value: float
    passed: int = 0
    draws: int = 0


@dataclass(frozen=True, slots=True)
class SuiteHistory:
    """A suite over time, oldest first. ``flake_rate`` is the mean over cases, None when no case was asked twice."""

    suite: str
    points: tuple[Point, ...]
    drifts: tuple[Drift, ...]
    flake_rate: float | None
    flaky: tuple[CaseFigure, ...]
    slowest: tuple[CaseFigure, ...]
    most_expensive: tuple[CaseFigure, ...]

    def of(self, label: str) -> tuple[Point, ...]:
        """The points of one variant."""
        return tuple(point for point in self.points if point.label == label)

    @property
    def labels(self) -> tuple[str, ...]:
        """The variants, in the order in which they were first seen."""
        return tuple(dict.fromkeys(point.label for point in self.points))
