"""What all judges share: which models are asked, how often, with which prompt, and how their votes become one verdict."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import mean
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, PrivateAttr, field_validator, model_validator

from evalkit.checks.base import BuildContext, CheckContext, CheckModel
from evalkit.checks.judge.prompt import answer_text, conversation_text, fenced
from evalkit.checks.judge.reply import ReplyReader, Vote, one_line
from evalkit.checks.templates import Template
from evalkit.errors import CheckError, ConfigError, PromptError
from evalkit.model.calls import JSON, Message, Reply, Request
from evalkit.model.results import Family, Verdict

if TYPE_CHECKING:
    from typing import Self

_PROBE = (Message("user", "?"),)


class JudgeCheck(CheckModel):
    """Base of the checks that another model judges: each model is asked ``votes`` times, and the majority decides.

    A subclass says what the prompt is given (:meth:`inputs`), which object the judge replies with (:meth:`form`), and what one
    reply means (:meth:`vote`). A judge that cannot be reached, refuses, or does not reply with that object makes the verdict ``error``,
    even if the other votes agree.
    """

    family: ClassVar[Family] = "judge"
    scored: ClassVar[bool] = True
    template: ClassVar[str]

    model: str | None = Field(None, description="the judge, as provider/model")
    models: list[str] | None = Field(None, description="several judges that vote, instead of model", min_length=1)
    votes: int = Field(1, description="how often each judge is asked", ge=1, le=99)
    prompt: str | None = Field(None, description="a prompt of the project to ask with, as name:v2")
    include_prompt: bool = Field(True, description="whether the judge sees the conversation that led to the answer")
    structured: bool = Field(True, description="ask for structured output; false for a provider that has none")
    params: dict[str, JSON] = Field(default={}, description="the judge's parameters, such as max_output_tokens")

    _judges: tuple[tuple[str, str], ...] = PrivateAttr(default=())
    _params: Mapping[str, JSON] = PrivateAttr(default_factory=dict)
    _template: Template | None = PrivateAttr(default=None)
    _reader: ReplyReader | None = PrivateAttr(default=None)

    @field_validator("models")
    @classmethod
    def _each_once(cls, models: list[str] | None) -> list[str] | None:
        if models is not None and len(set(models)) < len(models):
            raise ValueError("a model is there twice; to ask one judge several times, set votes")
        return models

    @model_validator(mode="after")
    def _decidable(self) -> Self:
        if self.model is not None and self.models is not None:
            raise ValueError("give model or models, not both")
        count = self.votes * len(self.models or [""])
        if count % 2 == 0 and not self._may_tie():
            raise ValueError(f"{count} votes can tie; ask for an odd number")
        return self

    def _may_tie(self) -> bool:
        return False

    def prepare(self, build: BuildContext) -> Self:
        """Find the prompt and the judges' endpoints. Raises EvalkitError if a provider is unknown or would refuse the question."""
        ready = self.model_copy()
        ready._find(build)  # noqa: SLF001 - our own private attributes
        return ready

    def _find(self, build: BuildContext) -> None:
        self._template = build.prompt(self.prompt or self.template)
        version = self._template.version
        if version.output_schema is not None:
            raise ConfigError(
                f"{version.ref} has an output: of its own",
                hint=f"remove it: {self.name} says what the judge replies with",
            )
        defaults = dict(version.defaults)
        model = defaults.pop("model", None)
        chosen = self.models or [str(self.model or model or "")]
        if not chosen[0]:
            raise ConfigError(f"{self.name} names no judge", hint="add model: provider/model")
        self._params = {**defaults, **self.params}
        self._judges = tuple((name, build.endpoint(name)) for name in chosen)
        self._reader = ReplyReader(self.form())
        for name, endpoint in self._judges:
            problem = build.check_request(self._question(name, endpoint, _PROBE, 0))
            if problem is not None:
                raise ConfigError(
                    f"the judge cannot be asked: {problem}", hint="name another model, or change its parameters"
                )

    # -- what a subclass says --------------------------------------------------------------------------------

    @abstractmethod
    def form(self) -> Mapping[str, JSON]:
        """The JSON Schema of a reply."""

    @abstractmethod
    def example_form(self) -> str:
        """The form of a reply as the prompt shows it."""

    @abstractmethod
    def vote(self, ctx: CheckContext, replies: Sequence[Mapping[str, Any]]) -> Vote:
        """What the replies to one round of :meth:`rounds` say. Raises CheckError if they make no sense."""

    def texts(self, ctx: CheckContext) -> Mapping[str, str]:
        """The texts to be judged, by the name of the prompt's input; each is fenced."""
        return {"answer": answer_text(ctx)}

    def inputs(self, ctx: CheckContext) -> Mapping[str, JSON]:
        """The prompt's other inputs, which the suite's author wrote."""
        del ctx
        return {}

    def rounds(self, ctx: CheckContext) -> Sequence[Mapping[str, str]]:
        """The texts of each question that one vote takes: usually one question."""
        return (self.texts(ctx),)

    # -- asking ----------------------------------------------------------------------------------------------

    def followups(self, ctx: CheckContext) -> Sequence[Request]:
        """The questions: for each judge, for each vote. The votes of one judge differ in ``repeat`` only."""
        conversations = [self._messages(ctx, texts) for texts in self.rounds(ctx)]
        return [
            self._question(name, endpoint, messages, number)
            for name, endpoint in self._judges
            for number in range(self.votes)
            for messages in conversations
        ]

    def _messages(self, ctx: CheckContext, texts: Mapping[str, str]) -> tuple[Message, ...]:
        if self._template is None:
            raise CheckError(f"{self.name} was not prepared")
        before = conversation_text(ctx.request.messages) if self.include_prompt else ""
        blocks = fenced({**texts, "conversation": before})
        try:
            return self._template.render({**self.inputs(ctx), **blocks, "form": self.example_form()})
        except PromptError as error:
            raise CheckError(f"the judge cannot be asked: {error.message}", hint=error.hint) from error

    def _question(self, name: str, endpoint: str, messages: tuple[Message, ...], number: int) -> Request:
        return Request(
            model=name,
            messages=messages,
            params=self._params,
            output_schema=self.form() if self.structured else None,
            endpoint=endpoint,
            repeat=number,
        )

    # -- judging ---------------------------------------------------------------------------------------------

    def judge(self, ctx: CheckContext, replies: Sequence[Reply]) -> Verdict:
        """Count the votes. Raises CheckError if one cannot be read."""
        size = len(self.rounds(ctx))
        voters = [name for name, _ in self._judges for _ in range(self.votes)]
        if len(replies) != size * len(voters) or self._reader is None:
            raise CheckError(f"expected {size * len(voters)} replies of the judge, got {len(replies)}")
        read = [self._reader.read(reply) for reply in replies]
        votes = [
            replace(self.vote(ctx, read[size * number : size * (number + 1)]), model=voter)
            for number, voter in enumerate(voters)
        ]
        verdict = self.decide(ctx, votes)
        return self.mark(ctx, replace(verdict, detail=_listed(votes) if len(votes) > 1 else ""), read)

    def decide(self, ctx: CheckContext, votes: Sequence[Vote]) -> Verdict:
        """One verdict for all votes: the majority's, with one voice of each side."""
        del ctx
        yes = [vote for vote in votes if vote.passed]
        no = [vote for vote in votes if not vote.passed]
        passed = len(yes) > len(no)
        sides = (yes, no) if passed else (no, yes)
        reasons = "; but: ".join(one_line(side[0].reason) for side in sides if side)
        return self.verdict(passed, f"{self.count(votes)}: {reasons}", score=mean(vote.score for vote in votes))

    def mark(self, ctx: CheckContext, verdict: Verdict, replies: Sequence[Mapping[str, Any]]) -> Verdict:
        """Add to the verdict what the replies say beyond the votes."""
        del ctx, replies
        return verdict

    def count(self, votes: Sequence[Vote]) -> str:
        """The outcome in numbers."""
        if len(votes) == 1:
            return votes[0].said
        return f"{sum(vote.passed is True for vote in votes)} of {len(votes)} votes"


def _listed(votes: Sequence[Vote]) -> str:
    return "\n".join(
        f"{number}. {vote.model}: {vote.said}: {one_line(vote.reason)}" for number, vote in enumerate(votes, 1)
    )


def shown_form(fields: Mapping[str, str]) -> str:
    """A reply's form for a prompt: names as JSON, and behind each what to put there."""
    return "{" + ", ".join(f"{json.dumps(name)}: {value}" for name, value in fields.items()) + "}"
