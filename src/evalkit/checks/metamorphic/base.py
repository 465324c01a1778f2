"""The same prompt with changed variables, asked beside the answer: what must not matter does not, and what must matter does."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, PrivateAttr, model_validator

from evalkit.checks.base import BuildContext, CheckContext, CheckModel
from evalkit.checks.metamorphic import relations
from evalkit.checks.metamorphic.relations import Direction, Held, Relation
from evalkit.checks.reading.text import quoted
from evalkit.errors import CheckError, EvalkitError
from evalkit.model.calls import JSON, CallFailure, Reply, Request
from evalkit.model.results import CANNED, Family, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Self

MAX_TIMES = 20
_WANTED: Mapping[Relation, str] = {
    "same": "the same answer",
    "differs": "another answer",
    "same_json": "the same JSON",
    "similar": "a similar answer",
    "monotone": "numbers in order",
}


@dataclass(frozen=True, slots=True)
class Variation:
    """Changed variables, what was changed in words, and for ``monotone`` the number that the variable has."""

    vars: Mapping[str, JSON]
    told: str
    at: float | None = None


class Metamorphic(CheckModel):
    """Base of the checks that ask the prompt again with changed variables.

    A subclass says how they are changed (:meth:`variations`). Each variation is one more call of the model under test. The relation has
    to hold for every one; the score is the share for which it does.

    Source of the idea: Chen, Cheung and Yiu 1998 (arXiv 2002.12543); for language models Ribeiro et al. 2020 (arXiv 2005.04118).
    """

    family: ClassVar[Family] = "metamorphic"
    scored: ClassVar[bool] = True

    relation: Relation = Field(
        "same", description="how the answer to the changed question must relate to the answer", validate_default=True
    )
    min: float = Field(0.8, description="for `similar`: the least similarity, from 0 to 1", gt=0, le=1)
    direction: Direction | None = Field(None, description="for `monotone`: whether the answer's number goes up or down")

    _build: BuildContext | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _directed(self) -> Self:
        if (self.relation == "monotone") != (self.direction is not None):
            raise ValueError("relation: monotone and direction: up or down go together")
        if "min" in self.model_fields_set and self.relation != "similar":
            raise ValueError("min belongs to relation: similar")
        return self

    def prepare(self, build: BuildContext) -> Self:
        """Remember how prompts are rendered."""
        ready = self.model_copy()
        ready._build = build  # noqa: SLF001 - our own private attribute
        return ready

    @abstractmethod
    def variations(self, variables: Mapping[str, JSON]) -> Sequence[Variation]:
        """The case's variables, changed. Raises CheckError if they offer nothing to change."""

    def compared(self, text: str) -> str:
        """The text of an answer as it is compared."""
        return text

    def followups(self, ctx: CheckContext) -> Sequence[Request]:
        """The same request with the prompt rendered for each variation. Raises CheckError if nothing would change."""
        if ctx.served == CANNED:
            raise CheckError("the answer is the canned one: there is no model to ask again")
        found = []
        for variation in self.variations(ctx.vars):
            request = replace(ctx.request, messages=self._rendered(ctx, variation.vars))
            if request.messages == ctx.request.messages:
                raise CheckError(
                    f"{variation.told}: the prompt does not use what was changed, so nothing would be measured"
                )
            found.append(request)
        return found

    def _rendered(self, ctx: CheckContext, variables: Mapping[str, JSON]) -> Any:  # noqa: ANN401 - the messages
        if self._build is None or ctx.variant is None:
            raise CheckError("there is no prompt to ask again", hint="this check needs a suite's case")
        try:
            return self._build.render(ctx.variant, variables)
        except EvalkitError as error:
            raise CheckError(f"the prompt cannot be rendered with the changed variables: {error.message}") from error

    def judge(self, ctx: CheckContext, replies: Sequence[Reply]) -> Verdict:
        """Compare each answer. Raises CheckError if one is missing or cannot be compared."""
        variations = self.variations(ctx.vars)
        if len(replies) != len(variations):
            raise CheckError(f"expected {len(variations)} answers, got {len(replies)}")
        answers = [self._answer(ctx, reply) for reply in replies]
        held = self._held(ctx, variations, answers)
        told = [one.found for one in held]
        if self.relation != "monotone":
            told = [f"{variation.told}: {found}" for variation, found in zip(variations, told, strict=True)]
        bad = [line for line, one in zip(told, held, strict=True) if not one.holds]
        wanted = _WANTED[self.relation]
        count = f"{wanted} {len(held) - len(bad)} of {len(held)} times"
        return replace(
            self.verdict(not bad, f"{count}; not with {'; '.join(bad[:3])}" if bad else count),
            score=1 - len(bad) / len(held),
            detail="\n".join(
                f"{'pass' if one.holds else 'fail'}: {line}" for line, one in zip(told, held, strict=True)
            ),
        )

    def _answer(self, ctx: CheckContext, reply: Reply) -> str | None:
        if isinstance(reply, CallFailure):
            raise CheckError(f"the changed question could not be asked: {reply.message}")
        return ctx.narrow(reply.text or reply.refusal or "")

    def _held(self, ctx: CheckContext, variations: Sequence[Variation], answers: Sequence[str | None]) -> list[Held]:
        if self.relation == "monotone":
            return self._in_order(ctx, variations, answers)
        before = self.compared(ctx.text)
        return [
            self._pair(before, self.compared(answer))
            if answer is not None
            else Held(self.relation == "differs", "an answer without the selected part")
            for answer in answers
        ]

    def _pair(self, before: str, after: str) -> Held:
        match self.relation:
            case "differs":
                return relations.differs(before, after)
            case "same_json":
                return relations.same_json(before, after)
            case "similar":
                return relations.similar(before, after, least=self.min)
            case _:
                return relations.same(before, after)

    def _in_order(
        self, ctx: CheckContext, variations: Sequence[Variation], answers: Sequence[str | None]
    ) -> list[Held]:
        """Each step between neighbours, in the order of the variable; there are as many steps as variations."""
        missing = [answer for answer in answers if answer is None]
        if missing or self.direction is None:
            raise CheckError("an answer has no part to compare")
        start = self.number(ctx.vars)
        ats = [float(index + 1) if variation.at is None else variation.at for index, variation in enumerate(variations)]
        points = [(start, self.compared(ctx.text))] + [
            (at, self.compared(answer or "")) for at, answer in zip(ats, answers, strict=True)
        ]
        return relations.monotone(points, direction=self.direction)

    def number(self, variables: Mapping[str, JSON]) -> float:
        """Where the case itself stands in the order of ``monotone``: before its variations, unless the variable is a number."""
        del variables
        return 0.0


def needed(variables: Mapping[str, JSON], name: str) -> JSON:
    """The value of a variable. Raises CheckError with the names there are."""
    if name not in variables:
        raise CheckError(f"the case has no variable {name!r}; it has {', '.join(sorted(variables)) or 'none'}")
    return variables[name]


def shortly(before: str, after: str) -> str:
    """What became of a text, around the first character that differs."""
    at = next((i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), min(len(before), len(after)))
    start = max(0, at - 15)
    return f"{'…' if start else ''}{quoted(after[start : start + 60])}"
