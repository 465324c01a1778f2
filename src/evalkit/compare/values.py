"""What a comparison says, as frozen values. The report, the terminal, JSON and the gates all read these same numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from evalkit.compare import words
from evalkit.compare.statistics.interval import Interval
from evalkit.model.calls import JSON
from evalkit.model.results import GateOutcome

FlipKind = Literal["broken", "fixed", "shaky"]
Word = Literal["better", "worse", "equivalent", "no clear difference", "undefined"]
MetricKind = Literal["binary", "score", "ratio"]
Adjust = Literal["Holm", "Benjamini-Hochberg"]

STATS_METHOD = 1
"""Bumped whenever a method below changes; stored with every result so that old numbers are recomputed, not reinterpreted."""


@dataclass(frozen=True, slots=True)
class Side:
    """One variant on one side of a comparison. ``run_id`` is None for a comparison inside a live run."""

    variant: str
    label: str
    run_id: str | None = None


@dataclass(frozen=True, slots=True)
class Flip:
    """A case that changed. ``a`` and ``b`` are ``(passed, repeats)`` before and after;"""

    case_id: str
    kind: FlipKind
    a: tuple[int, int]
    b: tuple[int, int]
    tags: tuple[str, ...] = ()
    error: bool = False


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric, before and after.

    For ``binary`` and ``score`` metrics ``change`` is b − a (in rate units: 0.02 is 2 percentage points); for ``ratio`` metrics
    (cost, latency, tokens) it is b / a. ``p`` is two-sided and agrees with the interval. ``geometric`` is the typical-case ratio.
    ``p_adjusted`` is ``p`` corrected by the method ``adjust`` among ``family_size`` tests: Holm over the variants compared with one
    baseline, Benjamini-Hochberg over the metrics that are only explored. ``detail`` holds what JSON says beside it: :func:`evalkit.compare.metric.detail`.
    """

    name: str
    kind: MetricKind
    a: float | None
    b: float | None
    a_interval: Interval | None
    b_interval: Interval | None
    change: float | None
    interval: Interval | None
    p: float | None
    n: int
    word: Word
    n_eff: float | None = None
    geometric: float | None = None
    geometric_interval: Interval | None = None
    note: str = ""
    p_adjusted: float | None = None
    adjust: Adjust | None = None
    family_size: int = 1
    detail: Mapping[str, JSON] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two variants, paired by case. Rates count an errored trial as a failure; ``errors_*`` and missing pairs are always shown.

    ``both_pass`` … ``both_fail`` count cases by majority of repeats. ``only_a``, ``only_b`` and ``changed`` (same id, other
    content) are listed and left out of the pairing. ``expected_flips`` is the noise floor from repeats, None with one repeat.
    ``gates`` are those that speak about it.
    """

    suite: str
    a: Side
    b: Side
    n_paired: int
    repeats_a: int
    repeats_b: int
    both_pass: int
    fixed: int
    broken: int
    both_fail: int
    flips: tuple[Flip, ...]
    metrics: tuple[Metric, ...]
    errors_a: int = 0
    errors_b: int = 0
    trials_a: int = 0
    trials_b: int = 0
    only_a: tuple[str, ...] = ()
    only_b: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    expected_flips: float | None = None
    sentence: str = ""
    gates: tuple[GateOutcome, ...] = ()
    stats_method: int = STATS_METHOD
    extra: Mapping[str, JSON] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, str]:
        """What to call both sides; as :func:`names_of`."""
        return names_of(self.a, self.b)

    @property
    def sample(self) -> str:
        """What the figures rest on: ``80 paired cases``, ``36 paired cases in 6 clusters``."""
        clusters = self.extra.get("n_clusters")
        within = f" in {words.number_of(clusters, 'cluster')}" if isinstance(clusters, int) else ""
        return f"{words.number_of(self.n_paired, 'paired case')}{within}"

    @property
    def shared(self) -> str:
        """What both labels say behind the variants' names, the model as a rule (``openai/gpt-5-mini``): it tells the comparisons of a
        suite apart. Empty if they differ in it."""
        a, b = (side.label.removeprefix(side.variant).removeprefix("-") for side in (self.a, self.b))
        return a if a == b and self.a.variant != self.b.variant else ""

    def metric(self, name: str) -> Metric:
        """Return the metric called ``name``. Raises KeyError."""
        for metric in self.metrics:
            if metric.name == name:
                return metric
        raise KeyError(name)


def names_of(a: Side, b: Side) -> tuple[str, str]:
    """What to call both sides in a sentence: by variant, or by label, or by run where those are the same."""
    if a.variant != b.variant:
        return a.variant, b.variant
    if a.label != b.label:
        return a.label, b.label
    if a.run_id != b.run_id:
        return f"{a.label} of {a.run_id or 'this run'}", f"{b.label} of {b.run_id or 'this run'}"
    return f"{a.label} (before)", f"{b.label} (after)"
