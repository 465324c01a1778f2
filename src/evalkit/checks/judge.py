"""Judgement by another model: asked through the engine, replayed offline, and never a pass when its reply cannot be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Annotated, Any, ClassVar

from pydantic import Field, PrivateAttr, field_validator, model_validator

from evalkit.checks.base import BuildContext, CheckContext, CheckModel
from evalkit.checks.judge_prompt import Vote, judge_messages, read_vote, reply_schema
from evalkit.errors import CheckError, ConfigError
from evalkit.model.calls import JSON, Message, Reply, Request
from evalkit.model.results import Family, Verdict

_REASON = 300
_MAX_SPAN = 100


class Rubric(CheckModel):
    """Another model judges the answer against a criterion in plain words.

    The judge says yes or no, or with ``scale: [1, 5]`` gives a score of which at least ``min`` is wanted. Of several ``votes`` the
    majority decides; the score is the share of votes for it, or the mean on the scale as a number from 0 to 1. A judge that
    cannot be reached, refuses, or does not reply with the JSON object that it was asked for makes the verdict ``error``, even if
    the other votes agree. What it can and cannot do is in ``docs/judge.md``.
    """

    name = "rubric"
    family: ClassVar[Family] = "judge"
    example: ClassVar[Mapping[str, Any]] = {
        "params": {"ask": "Is the tone kind and concrete?", "model": "anthropic/claude-sonnet-4-5", "votes": 3}
    }

    ask: str = Field(
        description="the criterion, best as a question whose answer is yes for a good answer", min_length=1
    )
    model: str = Field(description="the judge, as provider/model")
    votes: int = Field(1, description="how often the judge is asked; an odd number", ge=1, le=99)
    scale: Annotated[list[int], Field(min_length=2, max_length=2)] | None = Field(
        None, description="worst and best score, as in [1, 5]; without it the judge says yes or no"
    )
    min: int | None = Field(None, description="the lowest score that passes")
    include_prompt: bool = Field(True, description="whether the judge sees the conversation that led to the answer")
    params: dict[str, JSON] = Field(default={}, description="the judge's parameters, such as max_output_tokens")

    _endpoint: str = PrivateAttr(default="")

    @field_validator("votes")
    @classmethod
    def _odd(cls, votes: int) -> int:
        if votes % 2 == 0:
            raise ValueError(f"{votes} votes can tie; use {votes - 1} or {votes + 1}")
        return votes

    @field_validator("ask")
    @classmethod
    def _said(cls, ask: str) -> str:
        if not ask.strip():
            raise ValueError("the criterion is empty")
        return ask

    @model_validator(mode="after")
    def _scaled(self) -> Rubric:
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

    def prepare(self, build: BuildContext) -> Rubric:
        """Resolve the judge's endpoint. Raises EvalkitError if its provider is unknown or would refuse the question."""
        ready = self.model_copy()
        ready._endpoint = build.endpoint(self.model)  # noqa: SLF001 - our own private attribute
        problem = build.check_request(ready._question((Message("user", self.ask),), number=0))  # noqa: SLF001 - our own method
        if problem is not None:
            raise ConfigError(f"the judge cannot be asked: {problem}")
        return ready

    def followups(self, ctx: CheckContext) -> Sequence[Request]:
        """One request per vote; they differ in ``repeat`` only."""
        messages = judge_messages(ctx, self.ask, scale=self._range, include_prompt=self.include_prompt)
        return [self._question(messages, number=number) for number in range(self.votes)]

    def _question(self, messages: tuple[Message, ...], *, number: int) -> Request:
        return Request(
            model=self.model,
            messages=messages,
            params=dict(self.params),
            output_schema=reply_schema(self._range),
            endpoint=self._endpoint,
            repeat=number,
        )

    def judge(self, ctx: CheckContext, replies: Sequence[Reply]) -> Verdict:
        """Count the votes. Raises CheckError if one cannot be read."""
        del ctx
        if len(replies) != self.votes:
            raise CheckError(f"expected {self.votes} replies of the judge, got {len(replies)}")
        votes = [read_vote(reply, scale=self._range) for reply in replies]
        yes = [vote for vote in votes if vote.score >= self._needed]
        no = [vote for vote in votes if vote.score < self._needed]
        passed = len(yes) > len(no)
        sides = (yes, no) if passed else (no, yes)
        reasons = "; but: ".join(_short(side[0].reason) for side in sides if side)
        return self.verdict(passed, f"{self._count(votes, len(yes))}: {reasons}", score=self._score(votes, len(yes)))

    @property
    def _range(self) -> tuple[int, int] | None:
        return None if self.scale is None else (self.scale[0], self.scale[1])

    @property
    def _needed(self) -> int:
        return 1 if self.min is None else self.min

    def _score(self, votes: Sequence[Vote], passing: int) -> float:
        if self._range is None:
            return passing / len(votes)
        low, high = self._range
        return (mean(vote.score for vote in votes) - low) / (high - low)

    def _count(self, votes: Sequence[Vote], passing: int) -> str:
        if self._range is not None:
            scores = ", ".join(str(vote.score) for vote in votes)
            return f"score{'s' * (len(votes) > 1)} {scores} of {self._range[1]}, at least {self.min} wanted"
        return f"{passing} of {len(votes)} votes" if len(votes) > 1 else ("yes" if passing else "no")


def _short(reason: str) -> str:
    return reason if len(reason) <= _REASON else f"{reason[:_REASON]} …"
