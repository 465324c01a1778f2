"""Judgement of two answers side by side, in both orders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import mean
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, field_validator

from evalkit.checks.judge.base import JudgeCheck, shown_form
from evalkit.checks.judge.prompt import answer_text
from evalkit.checks.judge.reply import REASON, Vote, object_schema, one_line

if TYPE_CHECKING:
    from evalkit.checks.base import CheckContext
    from evalkit.model.calls import JSON
    from evalkit.model.results import Verdict

_SIDES: tuple[Mapping[str, bool | None], ...] = (
    {"first": True, "second": False, "tie": None},
    {"first": False, "second": True, "tie": None},
)
"""Whether the answer won, by what the judge said when it stood first, and when it stood second."""

_SAID: Mapping[bool | None, str] = {True: "better", False: "worse", None: "tie"}
_SCORE: Mapping[bool | None, float] = {True: 1.0, False: 0.0, None: 0.5}


class Pairwise(JudgeCheck):
    """Another model compares the answer with another one and says which meets the criterion better.

    Each vote asks twice, with the answers in both orders; a judge that changes its mind with the order counts as a tie. The side
    with more votes wins. The score is the mean over the votes: better 1, tie 0.5, worse 0. ``to`` is the other answer, for example
    the expected one, or one of an earlier version kept in the dataset.

    Source: Zheng et al. 2023 (arXiv 2306.05685), section 3.4: swapping positions against position bias.
    """

    name = "pairwise"
    template = "evalkit-pairwise:v1"
    example: ClassVar[Mapping[str, Any]] = {
        "params": {
            "ask": "Which answer is more helpful?",
            "to": "{{ expect.answer }}",
            "model": "anthropic/claude-sonnet-4-5",
        }
    }

    ask: str = Field(description="the criterion, as a question for the better answer", min_length=1)
    to: str = Field(description="the answer to compare with", min_length=1)
    ties: Literal["pass", "fail"] = Field("pass", description="what a tie is")

    @field_validator("ask", "to")
    @classmethod
    def _said(cls, text: str) -> str:
        if not text.strip():
            raise ValueError("is empty")
        return text.strip()

    def _may_tie(self) -> bool:
        return True

    def form(self) -> Mapping[str, JSON]:
        """A reason, then the better answer."""
        return object_schema({"reason": REASON, "better": {"type": "string", "enum": ["first", "second", "tie"]}})

    def example_form(self) -> str:
        """See :meth:`JudgeCheck.example_form`."""
        return shown_form({"reason": '"<one or two sentences>"', "better": '"<first, second or tie>"'})

    def inputs(self, ctx: CheckContext) -> Mapping[str, JSON]:
        """The criterion."""
        del ctx
        return {"ask": self.ask}

    def rounds(self, ctx: CheckContext) -> Sequence[Mapping[str, str]]:
        """Both orders."""
        answer = answer_text(ctx)
        return ({"first": answer, "second": self.to}, {"first": self.to, "second": answer})

    def vote(self, ctx: CheckContext, replies: Sequence[Mapping[str, Any]]) -> Vote:
        """Who won in both orders; a tie if they disagree."""
        del ctx
        found = [side[reply["better"]] for side, reply in zip(_SIDES, replies, strict=True)]
        if found[0] == found[1]:
            return Vote(found[0], _SCORE[found[0]], _SAID[found[0]], replies[0]["reason"])
        orders = f"{_SAID[found[0]]} when first, {_SAID[found[1]]} when second"
        reasons = "; ".join(reply["reason"] for reply in replies)
        return Vote(None, 0.5, "tie", f"the orders disagree ({orders}): {reasons}")

    def decide(self, ctx: CheckContext, votes: Sequence[Vote]) -> Verdict:
        """The side with more votes; as many on both sides, or ties alone, are a tie."""
        del ctx
        wins, losses = (sum(vote.passed is side for vote in votes) for side in (True, False))
        winner = None if wins == losses else wins > losses
        voice = next((vote for vote in votes if vote.passed is winner), votes[0])
        passed = self.ties == "pass" if winner is None else winner
        count = f" ({wins} better, {len(votes) - wins - losses} ties, {losses} worse)" if len(votes) > 1 else ""
        return self.verdict(
            passed, f"{_SAID[winner]}{count}: {one_line(voice.reason)}", score=mean(vote.score for vote in votes)
        )
