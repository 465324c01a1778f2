"""Judgement by another model against one criterion: a rubric, or whether the question was answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field, field_validator, model_validator

from evalkit.checks.judge.base import JudgeCheck, shown_form
from evalkit.checks.judge.prompt import answer_text, question_text
from evalkit.checks.judge.reply import REASON, Vote, object_schema
from evalkit.errors import CheckError

if TYPE_CHECKING:
    from typing import Self

    from evalkit.checks.base import CheckContext
    from evalkit.model.calls import JSON

_MAX_SPAN = 100
_WORDS = '"<one or two sentences>"'


class GradedCheck(JudgeCheck):
    """Base of the judges that say yes or no, or with a scale give a score."""

    scale: Annotated[list[int], Field(min_length=2, max_length=2)] | None = Field(
        None, description="worst and best score, as in [1, 5]; without it the judge says yes or no"
    )
    min: int | None = Field(None, description="the lowest score that passes")

    @model_validator(mode="after")
    def _scaled(self) -> Self:
        if (self.scale is None) != (self.min is None):
            raise ValueError("scale and min go together, as in scale: [1, 5], min: 4")
        if self.scale is None or self.min is None:
            return self
        low, high = self.scale
        if not low < high <= low + _MAX_SPAN:
            raise ValueError(f"scale is worst and best, at most {_MAX_SPAN} apart, as in [1, 5]; found {self.scale}")
        if not low < self.min <= high:
            raise ValueError(f"min {self.min} must be above {low}, or every score passes, and at most {high}")
        return self

    def form(self) -> Mapping[str, JSON]:
        """A reason, then ``pass`` or ``score``. Scores are an ``enum``: not every provider takes ``minimum``."""
        if self.scale is None:
            return object_schema({"reason": REASON, "pass": {"type": "boolean"}})
        scores: list[JSON] = list(range(self.scale[0], self.scale[1] + 1))
        return object_schema({"reason": REASON, "score": {"type": "integer", "enum": scores}})

    def example_form(self) -> str:
        """See :meth:`JudgeCheck.example_form`."""
        if self.scale is None:
            return shown_form({"reason": _WORDS, "pass": "<true or false>"})
        low, high = self.scale
        return shown_form({"reason": _WORDS, "score": f"<a whole number from {low} (worst) to {high} (best)>"})

    def vote(self, ctx: CheckContext, replies: Sequence[Mapping[str, Any]]) -> Vote:
        """Yes or no, or the score's place on the scale."""
        del ctx
        reply = replies[0]
        if self.scale is None or self.min is None:
            return Vote(reply["pass"], float(reply["pass"]), "yes" if reply["pass"] else "no", reply["reason"])
        score, (low, high) = reply["score"], self.scale
        if type(score) is not int:  # 4.0 is an integer to JSON Schema, and no score that anybody was asked for
            raise CheckError(f"the judge's score is {score!r}, not a whole number from {low} to {high}")
        return Vote(score >= self.min, (score - low) / (high - low), str(score), reply["reason"])

    def count(self, votes: Sequence[Vote]) -> str:
        """The votes, or all scores: how far they spread is part of the result."""
        if self.scale is None:
            return super().count(votes)
        scores = ", ".join(vote.said for vote in votes)
        return f"score{'s' * (len(votes) > 1)} {scores} of {self.scale[1]}, at least {self.min} wanted"


class Rubric(GradedCheck):
    """Another model judges the answer against a criterion in plain words.

    The judge says yes or no, or with ``scale: [1, 5]`` gives a score of which at least ``min`` is wanted. Of several votes the
    majority decides; the score is the share of votes for it, or the mean on the scale as a number from 0 to 1. A judge that
    cannot be reached, refuses, or does not reply with the JSON object that it was asked for makes the verdict ``error``, even if
    the other votes agree. What it can and cannot do is in ``docs/judge.md``.
    """

    name = "rubric"
    template = "evalkit-rubric:v1"
    example: ClassVar[Mapping[str, Any]] = {
        "params": {"ask": "Is the tone kind and concrete?", "model": "anthropic/claude-sonnet-4-5", "votes": 3}
    }

    ask: str = Field(
        description="the criterion, best as a question whose answer is yes for a good answer", min_length=1
    )

    @field_validator("ask")
    @classmethod
    def _said(cls, ask: str) -> str:
        if not ask.strip():
            raise ValueError("the criterion is empty")
        return ask.strip()

    def inputs(self, ctx: CheckContext) -> Mapping[str, JSON]:
        """The criterion."""
        del ctx
        return {"ask": self.ask}


class Relevant(GradedCheck):
    """Another model judges whether the answer answers what was asked.

    The question is the last message of the user, unless ``question`` gives it. Whether the answer is true is not judged: that is
    what ``factual`` and ``faithful`` are for.
    """

    name = "relevant"
    template = "evalkit-relevant:v1"
    example: ClassVar[Mapping[str, Any]] = {
        "params": {"model": "anthropic/claude-sonnet-4-5", "scale": [1, 5], "min": 4}
    }

    question: str | None = Field(None, description="what was asked, if it is not the last message of the user")

    def texts(self, ctx: CheckContext) -> Mapping[str, str]:
        """The question and the answer."""
        question = self.question or question_text(ctx.request.messages)
        if not question.strip():
            raise CheckError("there is no message of the user to be answered", hint="give it: question: …")
        return {"question": question, "answer": answer_text(ctx)}
