"""Shape of plain text at its edges: what the answer, or one of its paragraphs, starts and ends with."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, model_validator

from evalkit.checks.base import CheckContext, CheckModel
from evalkit.checks.count import example
from evalkit.checks.reading.text import Span, paragraphs, quoted
from evalkit.model.results import Family

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.model.calls import Reply
    from evalkit.model.results import Verdict


class EdgeCheck(CheckModel):
    """Base of ``starts_with`` and ``ends_with``: which text, and what is forgiven."""

    family: ClassVar[Family] = "shape"
    short: ClassVar[str | None] = "value"

    value: str | list[str] = Field(description="the text, or several of which one must be there", min_length=1)
    ignore_case: bool = Field(False, description="upper and lower case are the same")
    word: bool = Field(False, description="whole words only: no letter, digit or underscore next to it")
    beside: str | None = Field(
        None, description="only white space or one of these characters may stand next to it, such as '.,!?'"
    )
    trim: str = Field(
        "", description="characters to overlook at both ends, besides white space, such as quotation marks"
    )
    paragraph: int | None = Field(
        None, description="look at this paragraph: 1 the first, -1 the last; else the whole answer"
    )

    @model_validator(mode="after")
    def _says_something(self) -> EdgeCheck:
        if not all(value.strip() for value in self._values):
            raise ValueError("an empty text starts and ends every answer")
        if self.paragraph == 0:
            raise ValueError("paragraphs count from 1, or from -1 backwards")
        return self

    @property
    def _values(self) -> list[str]:
        return [self.value] if isinstance(self.value, str) else self.value

    def judge(self, ctx: CheckContext, replies: Sequence[Reply]) -> Verdict:
        """Compare the edge of the text with each value."""
        del replies
        part = self._part(ctx.text)
        if part is None:
            return self.verdict("fail", f"there is no paragraph {self.paragraph}, only {len(paragraphs(ctx.text))}")
        start, end = part
        for value in self._values:
            edge = self.edge(ctx.text, start, end, value.strip())
            if edge is not None:
                return self.verdict("pass", f"found {quoted(value)}", spans=ctx.placed([edge]))
        wanted = " or ".join(quoted(value) for value in self._values[:5])
        return self.verdict("fail", f"expected {wanted}, found {quoted(self.shown(ctx.text[start:end]))}")

    def edge(self, text: str, start: int, end: int, value: str) -> Span | None:
        """Return where ``value`` stands at the edge of ``text[start:end]``, or None."""
        raise NotImplementedError

    def shown(self, text: str) -> str:
        """Return the edge of ``text`` that the reason quotes."""
        raise NotImplementedError

    def same(self, found: str, value: str) -> bool:
        """Whether two texts are the same, case aside if ``ignore_case``."""
        return found.lower() == value.lower() if self.ignore_case else found == value

    def ends_there(self, neighbour: str) -> bool:
        """Whether the text may have this character (none at the edge of the answer) next to it."""
        if self.word and (neighbour.isalnum() or neighbour == "_"):
            return False
        return self.beside is None or neighbour in self.beside or neighbour.isspace()

    def _part(self, text: str) -> Span | None:
        start, end = 0, len(text)
        if self.paragraph is not None:
            found = paragraphs(text)
            if not -len(found) <= self.paragraph <= len(found):
                return None
            start, end = found[self.paragraph - (self.paragraph > 0)]
        piece = text[start:end]
        start += len(piece) - len(self._trimmed(piece, "left"))
        return start, max(start, end - len(piece) + len(self._trimmed(piece, "right")))

    def _trimmed(self, text: str, side: Literal["left", "right"]) -> str:
        strip = str.lstrip if side == "left" else str.rstrip
        return strip(strip(strip(text), self.trim), None) if self.trim else strip(text)


class StartsWith(EdgeCheck):
    """The answer, or one of its paragraphs, starts with a text; white space before it aside."""

    name: ClassVar[str] = "starts_with"
    example = example({"value": ["Dear", "Hello"], "word": True}, passes="Hello Ana,", fails="Hellos from Ana")

    def edge(self, text: str, start: int, end: int, value: str) -> Span | None:
        """Compare the beginning."""
        stop = start + len(value)
        after = text[stop:end][:1]
        if stop > end or not self.same(text[start:stop], value) or not self.ends_there(after):
            return None
        return start, stop

    def shown(self, text: str) -> str:
        """The beginning."""
        return text[:60]


class EndsWith(EdgeCheck):
    """The answer, or one of its paragraphs, ends with a text; white space after it aside."""

    name: ClassVar[str] = "ends_with"
    example = example({"value": "Kind regards", "trim": "."}, passes="We will refund you. Kind regards.", fails="Bye!")

    def edge(self, text: str, start: int, end: int, value: str) -> Span | None:
        """Compare the end."""
        begin = end - len(value)
        before = text[start:begin][-1:]
        if begin < start or not self.same(text[begin:end], value) or not self.ends_there(before):
            return None
        return begin, end

    def shown(self, text: str) -> str:
        """The end."""
        return text[-60:]
