"""How many there may be: the ``{min:, max:}`` parameter, and the base of every check that counts something."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from evalkit.checks.base import CheckContext, CheckModel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import GetJsonSchemaHandler
    from pydantic_core import CoreSchema

    from evalkit.checks.reading.text import Span
    from evalkit.model.calls import Reply
    from evalkit.model.results import Verdict

EXACT = {"type": "integer", "minimum": 0, "description": "exactly this many"}


class Range(BaseModel):
    """How many: ``{min: 2}``, ``{max: 5}``, ``{min: 2, max: 5}``, or a whole number for exactly that many."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    min: int | None = Field(None, ge=0, description="at least this many")
    max: int | None = Field(None, ge=0, description="at most this many")

    @model_validator(mode="before")
    @classmethod
    def _exact(cls, value: object) -> object:
        if isinstance(value, int) and not isinstance(value, bool):
            return {"min": value, "max": value}
        return value

    @model_validator(mode="after")
    def _ordered(self) -> Range:
        if self.min is None and self.max is None:
            raise ValueError("needs min or max")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min} is above max {self.max}")
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [EXACT, handler.resolve_ref_schema(handler(schema))]}

    def holds(self, number: int) -> bool:
        """Whether ``number`` is within the range, both ends included."""
        return (self.min is None or number >= self.min) and (self.max is None or number <= self.max)

    def __str__(self) -> str:
        if self.min == self.max:
            return f"exactly {self.min:,}"
        if self.max is None:
            return f"at least {self.min:,}"
        return f"at most {self.max:,}" if self.min is None else f"{self.min:,} to {self.max:,}"


class CountCheck(CheckModel):
    """Base of a check that counts things in the text: ``bullets: 3``, ``bullets: {min: 2, max: 5}``; bare, at least one.

    A subclass sets ``noun`` (singular, plural) and :meth:`find`.
    """

    short: ClassVar[str | None] = "equals"
    noun: ClassVar[tuple[str, str]]

    equals: int | None = Field(None, ge=0, description="exactly this many")
    min: int | None = Field(None, ge=0, description="at least this many")
    max: int | None = Field(None, ge=0, description="at most this many")

    @model_validator(mode="after")
    def _consistent(self) -> CountCheck:
        if self.equals is not None and (self.min is not None or self.max is not None):
            raise ValueError("give equals, or min and max, not both")
        _ = self.range
        return self

    @property
    def range(self) -> Range:
        """The numbers that pass; at least one when nothing was given."""
        if self.equals is not None:
            return Range(min=self.equals, max=self.equals)
        if self.min is None and self.max is None:
            return Range(min=1)
        return Range(min=self.min, max=self.max)

    def find(self, text: str) -> Sequence[Span]:
        """Return where each of the counted things is."""
        raise NotImplementedError

    def judge(self, ctx: CheckContext, replies: Sequence[Reply]) -> Verdict:
        """Count, and compare with the range."""
        del replies
        found = self.find(ctx.text)
        reason = f"expected {self.range} {self._noun(self.range.max or self.range.min)}, found {len(found):,}"
        return self.verdict(self.range.holds(len(found)), reason, spans=ctx.placed(found))

    def _noun(self, number: int | None) -> str:
        return self.noun[0] if number == 1 else self.noun[1]


def example(params: object, *, passes: object, fails: object) -> Mapping[str, Any]:
    """The ``example`` of a check: the value behind its name in a suite, an answer that passes and one that fails.

    An answer is a text, or a mapping of :class:`evalkit.model.calls.Response` fields.
    """
    return {"params": params, "passes": passes, "fails": fails}
