"""What a reader of the store sees, page by page: runs, their figures, trials and one trial in full."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - the server's API is made from these fields
from typing import Any, Literal

from evalkit.model.results import Family, GateStatus, Mode, Status  # noqa: TC001 - the same


@dataclass(frozen=True, slots=True)
class RunLine:
    """A run in the list. Counts are trials, ``gates_…`` are gates. ``planned`` is None if the run died before it knew, ``paid_usd``
    if a live call has no known price. ``outcome`` and ``verdict`` are what was concluded at its end, None if it came to none;
    ``rescored`` is the run whose answers it judged again."""

    run_id: str
    started_at: datetime | None
    finished_at: datetime | None
    mode: Mode
    complete: bool
    partial: bool
    planned: int | None
    git_revision: str | None
    git_branch: str | None
    git_dirty: bool | None
    suites: list[str]
    trials: int
    passed: int
    failed: int
    errors: int
    skipped: int
    gates_passed: int
    gates_failed: int
    gates_undecided: int
    gates_not_judged: int
    paid_usd: float | None
    outcome: Literal["passed", "failed", "undecided", "unmeasured"] | None
    verdict: str | None
    rescored: str | None


@dataclass(frozen=True, slots=True)
class VariantLine:
    """One variant of one suite in a run. Counts are trials. ``cost_usd`` sums what its answers cost, None if a price is unknown;
    latencies are None without an answer."""

    suite: str
    suite_path: str
    label: str
    variant: str
    prompt: str | None
    model: str | None
    trials: int
    passed: int
    failed: int
    errors: int
    cost_usd: float | None
    latency_p50_s: float | None
    latency_p95_s: float | None


@dataclass(frozen=True, slots=True)
class CheckLine:
    """The verdicts of one check on one variant, by status."""

    suite: str
    label: str
    check: str
    family: Family
    passed: int
    failed: int
    errors: int
    skipped: int


@dataclass(frozen=True, slots=True)
class GateLine:
    """What became of one gate."""

    suite: str
    suite_path: str
    variant: str
    gate: str
    status: GateStatus
    reason: str
    line: int | None


@dataclass(frozen=True, slots=True)
class RunPage:
    """One run: its line in the list and everything that is counted over it."""

    run: RunLine
    command: str | None
    evalkit_version: str | None
    python_version: str | None
    possibly_billed: int
    damage: list[str]
    variants: list[VariantLine]
    checks: list[CheckLine]
    gates: list[GateLine]


@dataclass(frozen=True, slots=True)
class TrialLine:
    """A trial in the list. ``excerpt`` is the beginning of the answer, None if there is none; ``failed_checks`` failed or could not judge."""

    test_id: str
    repeat: int
    suite: str
    case_id: str
    label: str
    variant: str
    status: Status
    failed_checks: list[str]
    excerpt: str | None
    failure: str | None
    latency_s: float | None
    cost_usd: float | None


@dataclass(frozen=True, slots=True)
class VerdictLine:
    """One check's verdict on one answer. ``check`` has a number behind if the trial has several of that name: ``rubric (2)``."""

    check: str
    family: Family
    status: Status
    severity: str
    reason: str
    score: float | None
    spans: list[list[int]]
    line: int | None


@dataclass(frozen=True, slots=True)
class LabelLine:
    """What a person said of one answer, for one check; ``passed`` is None for a comment alone, or a label that was taken back."""

    check: str
    passed: bool | None
    by: str
    at: datetime | None
    comment: str


@dataclass(frozen=True, slots=True)
class AttemptLine:
    """One try at the call of an answer."""

    number: int
    started_at: datetime | None
    latency_s: float | None
    wait_s: float | None
    status: int | None
    failure: str | None
    message: str | None


@dataclass(frozen=True, slots=True)
class TrialPage:
    """One trial in full: case, request, answer or failure, verdicts, labels and attempts."""

    run_id: str
    trial: TrialLine
    suite_path: str
    prompt: str | None
    model: str | None
    served: str | None
    tags: list[str]
    vars: dict[str, Any]
    expect: dict[str, Any]
    messages: list[dict[str, Any]]
    params: dict[str, Any]
    answer: str | None
    refusal: str | None
    tool_calls: list[Any]
    finish: str | None
    failure_message: str | None
    source: str | None
    input_tokens: int | None
    output_tokens: int | None
    served_model: str | None
    verdicts: list[VerdictLine]
    labels: list[LabelLine]
    attempts: list[AttemptLine]
    siblings: list[TrialLine]
    """The other trials of the same case in this run."""
