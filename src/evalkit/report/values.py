"""What a report is made of: one frozen value that every output format reads."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from evalkit.compare.standing import Ranking
from evalkit.compare.statistics.interval import Interval
from evalkit.compare.values import Comparison
from evalkit.model.results import GateOutcome, PromptRecord, Result, RunInfo
from evalkit.report.outcomes import Outcome

if TYPE_CHECKING:
    from evalkit.report.calibration import Calibration
    from evalkit.report.history import SuiteHistory


@dataclass(frozen=True, slots=True)
class Spend:
    """US dollars of some calls. ``paid_usd`` is what this run spent; ``saved_usd`` what it would have spent on answers that came from the
    cache, a recording or an equal request of the same run. None if a price is unknown."""

    paid_usd: float | None = 0.0
    saved_usd: float | None = 0.0


@dataclass(frozen=True, slots=True)
class VariantSummary:
    """One variant of one suite. Counts are trials; ``passed + failed + errors + skipped == planned``.

    ``missing`` counts planned trials without a result (an interrupted run). ``cost_usd`` sums what the answers cost or would have
    cost, ``judge_cost_usd`` the follow-ups; None if any price is unknown. ``answers`` and ``judges`` split the same two sums by who paid:
    this run, or an earlier one. ``latency_p50_s`` and ``latency_p95_s`` are None without latencies; their
    intervals say where the quantile of all such answers lies. ``interval`` is that of the pass rate. All know repeats and clusters.
    """

    suite: str
    suite_path: str
    label: str
    variant: str
    prompt: str
    model: str
    passed: int
    failed: int
    errors: int
    skipped: int
    missing: int
    interval: Interval | None
    cost_usd: float | None
    judge_cost_usd: float | None
    latency_p50_s: float | None
    latency_p95_s: float | None
    input_tokens: int | None
    output_tokens: int | None
    answers: Spend = field(default_factory=Spend)
    judges: Spend = field(default_factory=Spend)
    latency_p50_interval: Interval | None = None
    latency_p95_interval: Interval | None = None


@dataclass(frozen=True, slots=True)
class CallCounts:
    """How the run's requests were answered. ``paid_usd`` is None if a live call has no known price, ``saved_usd`` if any other has none.

    ``pending`` requests wait for a batch, and are not ``failed``.
    """

    paid: int
    cached: int
    replayed: int
    scripted: int
    shared: int
    failed: int
    paid_usd: float | None
    saved_usd: float | None = 0.0
    pending: int = 0


@dataclass(frozen=True, slots=True)
class RunReport:
    """Everything a reader of one run may see.

    ``outcome`` is what the run means as a whole, as the exit code says it. ``rankings`` are those of suites with three variants or more.
    ``histories`` are the latest runs of the suites, this one included, where the database could be read; ``calibrations`` the run's checks
    beside people's labels, where there are any.
    """

    run: RunInfo
    results: tuple[Result, ...]
    prompts: tuple[PromptRecord, ...]
    gates: tuple[GateOutcome, ...]
    comparisons: tuple[Comparison, ...]
    variants: tuple[VariantSummary, ...]
    calls: CallCounts
    verdict: str
    outcome: Outcome
    notes: tuple[str, ...] = ()
    rankings: tuple[Ranking, ...] = ()
    histories: tuple[SuiteHistory, ...] = ()
    calibrations: tuple[Calibration, ...] = ()


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What was concluded of a run when it ended: a report without what the journal holds elsewhere (results, prompts, gates)."""

    outcome: Outcome
    verdict: str
    comparisons: tuple[Comparison, ...]
    variants: tuple[VariantSummary, ...]
    calls: CallCounts
    notes: tuple[str, ...] = ()
    rankings: tuple[Ranking, ...] = ()
