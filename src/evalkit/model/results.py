"""What was found: verdicts, results, and the run they belong to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from evalkit.model.calls import JSON, Call, CallFailure, Reply, Response
from evalkit.model.cases import Severity, Trial

Status = Literal["pass", "fail", "error", "skip"]
"""``error``: could not be judged. It is neither pass nor fail, it is counted, and it fails the gate."""

Family = Literal["shape", "content", "safety", "judge", "metamorphic", "operational", "custom"]
Mode = Literal["live", "cache", "replay", "refresh", "batch"]

PRIMARY = "primary"
"""Who served an answer: the model that was asked first."""
CANNED = "canned answer"
"""Who served an answer: the text of last resort that the suite holds."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of one check on one answer.

    ``check`` is the check as a reader names it (``contains``, ``not contains``); ``spans`` are ``(start, end)`` character
    offsets into the answer's text that the report highlights; ``score`` is in [0, 1] where a check has one. ``detail`` is what
    stands behind the reason, line by line: the votes of a judge, the traceback of a check that broke.
    """

    check: str
    family: Family
    status: Status
    reason: str
    score: float | None = None
    spans: tuple[tuple[int, int], ...] = ()
    severity: Severity = "fail"
    line: int | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """One trial, measured. ``call`` is the answer's call; ``followups`` are the calls its checks asked for.

    ``served`` says whose answer it is, if there is one: ``primary``, the model of a fallback, or ``canned answer``; ``tried`` are the
    calls before it, or after it if none was answered, that failed.
    """

    trial: Trial
    call: Call
    verdicts: tuple[Verdict, ...]
    followups: tuple[Call, ...] = ()
    tried: tuple[Call, ...] = ()
    served: str = PRIMARY

    @property
    def reply(self) -> Reply:
        """The response, or the failure that took its place."""
        return self.call.reply

    @property
    def status(self) -> Status:
        """``error`` if there is no answer or a counting check could not judge; else ``fail`` if one failed; else ``pass``."""
        if isinstance(self.call.reply, CallFailure):
            return "error"
        counting = {verdict.status for verdict in self.verdicts if verdict.severity == "fail"}
        if "error" in counting:
            return "error"
        return "fail" if "fail" in counting else "pass"

    @property
    def pending(self) -> bool:
        """Whether the answer, or one that a check asked for, is still to come from a batch."""
        return any(True for _ in self.pending_keys())

    def pending_keys(self) -> Iterator[str]:
        """The keys of the requests whose answers are still to come from a batch."""
        for call in (self.call, *self.followups):
            if isinstance(call.reply, CallFailure) and call.reply.kind == "pending":
                yield call.request.key

    def measurement(self) -> Measurement:
        """The slim row that comparisons and gates work on."""
        reply = self.call.reply
        usage = reply.usage if isinstance(reply, Response) else None
        case = self.trial.case
        return Measurement(
            suite=self.trial.suite,
            suite_path=self.trial.suite_path,
            case_id=case.id,
            case_digest=case.digest,
            cluster=case.cluster,
            tags=case.tags,
            variant=self.trial.variant.name,
            cell=self.trial.variant.cell,
            label=self.trial.variant.label,
            model=self.trial.variant.model,
            repeat=self.trial.repeat,
            status=self.status,
            checks=tuple((v.check, v.family, v.status, v.severity) for v in self.verdicts),
            scores=tuple((v.check, v.score) for v in self.verdicts if v.score is not None),
            cost_usd=self.call.cost_usd,
            latency_s=reply.latency_s if isinstance(reply, Response) else None,
            input_tokens=usage.input_tokens if usage else None,
            output_tokens=usage.output_tokens if usage else None,
            fresh=self.call.source != "shared",
            served=self.served if isinstance(reply, Response) else None,
        )


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a comparison needs to know of one trial. ``fresh`` is False for a repeat that shared another's answer.

    ``served`` is that of :class:`Result`; None if there is no answer. ``scores`` are the checks that gave one, each from 0 to 1.
    """

    suite: str
    suite_path: str
    case_id: str
    case_digest: str
    variant: str
    cell: str
    label: str
    model: str
    repeat: int
    status: Status
    checks: tuple[tuple[str, Family, Status, Severity], ...] = ()
    tags: frozenset[str] = frozenset()
    cluster: str | None = None
    cost_usd: float | None = None
    latency_s: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    fresh: bool = True
    served: str | None = PRIMARY
    scores: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class PromptRecord:
    """The full text of a prompt version that produced a result. ``sources`` maps each file's path to its text, the template first."""

    ref: str
    digest: str
    path: str
    sources: Mapping[str, str]
    description: str = ""
    at: str | None = None


@dataclass(frozen=True, slots=True)
class RunInfo:
    """One session. Times are ISO 8601 in UTC. ``planned`` counts trials; None until collection has finished.

    ``complete`` is False for a run that was interrupted or died. ``partial`` is True when only some of the suites' cases were
    selected (``-k``, ``--lf``, a test id), in which case gates are not judged.
    """

    run_id: str
    started_at: str
    mode: Mode
    evalkit_version: str
    python_version: str
    git_revision: str | None = None
    git_branch: str | None = None
    git_dirty: bool | None = None
    command: str = ""
    finished_at: str | None = None
    complete: bool = False
    partial: bool = False
    planned: int | None = None
    extra: Mapping[str, JSON] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Label:
    """A person's judgement of one answer, for one check: ``passed`` is what the check should have said, None for nothing (a comment
    alone, or a judgement that was taken back).

    ``variant`` is the variant's label, ``check`` its name with a number behind if the trial has several of that name (``rubric (2)``).
    ``by`` says who, ``at`` when (ISO 8601, UTC): of two labels by one person for one answer and check, the newer counts.
    """

    suite_path: str
    case_id: str
    variant: str
    repeat: int
    check: str
    passed: bool | None
    by: str = ""
    at: str = ""
    comment: str = ""

    @property
    def test_id(self) -> str:
        """The id of the pytest item whose answer was labelled."""
        return f"{self.suite_path}::{self.case_id}[{self.variant}]"


Winner = Literal["a", "b", "tie"]


@dataclass(frozen=True, slots=True)
class Preference:
    """Which of two answers of a case a person finds better: ``winner``, None for nothing (a choice that was taken back).

    ``a`` and ``b`` are the labels of two variants in alphabetical order, ``repeat`` is that of both. ``by``, ``at`` and which of two
    counts: as for :class:`Label`.
    """

    suite_path: str
    case_id: str
    a: str
    b: str
    repeat: int
    winner: Winner | None
    by: str = ""
    at: str = ""
    comment: str = ""


GateStatus = Literal["passed", "failed", "undecided", "not_judged"]


@dataclass(frozen=True, slots=True)
class GateOutcome:
    """What became of one gate for one variant. ``not_judged``: only part of the suite was run.

    ``numbers`` holds what the reason was computed from (lower, upper, n, required_n, …), for JSON and the report.
    """

    gate: str
    suite: str
    suite_path: str
    variant: str
    status: GateStatus
    reason: str
    numbers: Mapping[str, JSON] = field(default_factory=dict)
    line: int | None = None
