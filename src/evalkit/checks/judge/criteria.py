"""Judgement by another model against a list of criteria, with a verdict for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, model_validator

from evalkit.checks.judge.base import JudgeCheck, shown_form
from evalkit.checks.judge.reply import REASON, Vote, object_schema, one_line
from evalkit.checks.reading.text import quoted

if TYPE_CHECKING:
    from typing import Self

    from evalkit.checks.base import CheckContext
    from evalkit.model.calls import JSON
    from evalkit.model.results import Verdict

MAX_CRITERIA = 20


class Criteria(JudgeCheck):
    """Another model judges the answer against several criteria, each on its own, in one call.

    Of several votes the majority decides on each criterion; the score is the share of criteria that hold. The verdict passes when
    all hold, or at least ``min`` of them. What the judge said of each stands with the verdict in the report.
    """

    name = "criteria"
    template = "evalkit-criteria:v1"
    example: ClassVar[Mapping[str, Any]] = {
        "params": {
            "ask": ["Does it name the delay?", "Does it offer a refund?"],
            "model": "anthropic/claude-sonnet-4-5",
        }
    }

    ask: list[str] = Field(
        description="the criteria, best as questions whose answer is yes for a good answer",
        min_length=1,
        max_length=MAX_CRITERIA,
    )
    min: int | None = Field(None, description="how many must hold; all of them without it", ge=1)

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if not all(criterion.strip() for criterion in self.ask):
            raise ValueError("a criterion is empty")
        if self.min is not None and self.min > len(self.ask):
            raise ValueError(f"min is {self.min}, and there are {len(self.ask)} criteria")
        return self

    def _names(self) -> list[str]:
        return [f"criterion_{number}" for number in range(1, len(self.ask) + 1)]

    def form(self) -> Mapping[str, JSON]:
        """One entry per criterion: a reason, then ``pass``."""
        entry = object_schema({"reason": REASON, "pass": {"type": "boolean"}})
        return object_schema(dict.fromkeys(self._names(), entry))

    def example_form(self) -> str:
        """See :meth:`JudgeCheck.example_form`."""
        entry = shown_form({"reason": '"<one sentence>"', "pass": "<true or false>"})
        return shown_form(dict.fromkeys(self._names(), entry))

    def inputs(self, ctx: CheckContext) -> Mapping[str, JSON]:
        """The criteria."""
        del ctx
        return {"criteria": [criterion.strip() for criterion in self.ask]}

    @property
    def _needed(self) -> int:
        return len(self.ask) if self.min is None else self.min

    def vote(self, ctx: CheckContext, replies: Sequence[Mapping[str, Any]]) -> Vote:
        """How many criteria one judge sees met."""
        del ctx
        entries = list(replies[0].values())
        held = sum(entry["pass"] for entry in entries)
        said = f"{held} of {len(entries)} criteria hold"
        reason = "; ".join(entry["reason"] for entry in entries if not entry["pass"]) or "nothing is missing"
        return Vote(held >= self._needed, held / len(entries), said, reason)

    def mark(self, ctx: CheckContext, verdict: Verdict, replies: Sequence[Mapping[str, Any]]) -> Verdict:
        """Decide criterion by criterion over all votes, and list them."""
        del ctx
        rows = [
            _Row(criterion.strip(), [reply[name] for reply in replies])
            for name, criterion in zip(self._names(), self.ask, strict=True)
        ]
        held = [row for row in rows if row.holds]
        missed = "; ".join(f"{quoted(row.criterion)}: {row.voice}" for row in rows if not row.holds)
        count = f"{len(held)} of {len(rows)} criteria hold"
        return replace(
            verdict,
            status="pass" if len(held) >= self._needed else "fail",
            reason=f"{count}; not {missed}" if missed else count,
            score=len(held) / len(rows),
            detail="\n".join(row.line for row in rows),
        )


class _Row:
    """One criterion with what each vote said of it."""

    def __init__(self, criterion: str, entries: Sequence[Mapping[str, Any]]) -> None:
        self.criterion = criterion
        self._entries = entries
        self._yes = sum(entry["pass"] for entry in entries)
        self.holds = 2 * self._yes > len(entries)

    @property
    def voice(self) -> str:
        """One reason of the side that won."""
        return one_line(next(entry["reason"] for entry in self._entries if entry["pass"] == self.holds))

    @property
    def line(self) -> str:
        """The criterion, its verdict, the votes and a reason."""
        votes = f" ({self._yes} of {len(self._entries)} votes)" if len(self._entries) > 1 else ""
        return f"{'pass' if self.holds else 'fail'}{votes}: {self.criterion}: {self.voice}"
