"""Content: what the answer says."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, model_validator

from evalkit.checks.base import CheckContext, CheckModel
from evalkit.checks.count import Range, example
from evalkit.checks.text import Span, placed, quoted
from evalkit.model.results import Family, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from evalkit.model.calls import Reply


class Contains(CheckModel):
    """The answer holds a text: once, several times, any of a list or all of it.

    ``contains: [a, b]`` wants all of them, like ``all``. ``count`` is for one text; occurrences do not overlap.
    """

    name: ClassVar[str] = "contains"
    family: ClassVar[Family] = "content"
    short: ClassVar[str | None] = "value"
    example = example(
        {"any": ["refund", "money back"], "ignore_case": True}, passes="A Refund is on its way.", fails="Hello!"
    )

    value: str | list[str] | None = Field(None, description="the text, or several that must all be there")
    any: list[str] | None = Field(None, description="at least one of these", min_length=1)
    all: list[str] | None = Field(None, description="every one of these", min_length=1)
    count: Range | None = Field(None, description="how often value must be there")
    ignore_case: bool = Field(False, description="upper and lower case are the same")
    word: bool = Field(False, description="whole words only: no letter, digit or underscore before and after")

    @model_validator(mode="after")
    def _one_way(self) -> Contains:
        if sum(given is not None for given in (self.value, self.any, self.all)) != 1:
            raise ValueError("give exactly one of value, any and all")
        if self.count is not None and not isinstance(self.value, str):
            raise ValueError("count needs value, one text")
        if "" in self._wanted:
            raise ValueError("an empty text is in every answer")
        return self

    @property
    def _wanted(self) -> list[str]:
        wanted = self.value or self.any or self.all or []
        return [wanted] if isinstance(wanted, str) else wanted

    def judge(self, ctx: CheckContext, replies: Sequence[Reply]) -> Verdict:
        """Look for every wanted text."""
        del replies
        found = {text: self._find(text, ctx.text) for text in self._wanted}
        spans = placed(ctx, (span for places in found.values() for span in places))
        if self.count is not None:
            (text, places), *_ = found.items()
            reason = f"expected {quoted(text)} {self.count} times, found {len(places):,}"
            return self.verdict(self.count.holds(len(places)), reason, spans=spans)
        missing = [text for text, places in found.items() if not places]
        if self.any is not None:
            held = [text for text in found if text not in missing]
            reason = f"found {_listed(held)}" if held else f"expected any of {_listed(missing)}, found none"
            return self.verdict(bool(held), reason, spans=spans)
        reason = f"{_listed(missing)} not found" if missing else f"found {_listed(found)}"
        return self.verdict(not missing, reason, spans=spans)

    def _find(self, wanted: str, text: str) -> list[Span]:
        pattern = rf"(?<!\w){re.escape(wanted)}(?!\w)" if self.word else re.escape(wanted)
        flags = re.IGNORECASE if self.ignore_case else 0
        return [match.span() for match in re.finditer(pattern, text, flags)]


def _listed(texts: Iterable[str]) -> str:
    shown = [quoted(text) for text in texts]
    return ", ".join(shown[:5]) + (f" and {len(shown) - 5} more" if len(shown) > 5 else "")


class Equals(CheckModel):
    """The answer is exactly this text, after the differences that are forgiven.

    White space around the answer never counts. With ``select``, ``value`` may be any JSON value and types must agree.
    """

    name: ClassVar[str] = "equals"
    family: ClassVar[Family] = "content"
    short: ClassVar[str | None] = "value"
    example = example({"value": "Paris", "ignore_case": True}, passes=" paris\n", fails="Paris, France")

    value: str = Field(description="the text wanted")
    ignore_case: bool = Field(False, description="upper and lower case are the same")
    ignore_space: bool = Field(False, description="runs of white space are one blank")
    ignore_punctuation: bool = Field(False, description="punctuation does not count")

    def judge(self, ctx: CheckContext, replies: Sequence[Reply]) -> Verdict:
        """Compare the normalised texts."""
        del replies
        held = self._normal(ctx.text) == self._normal(self.value)
        return self.verdict(held, f"expected {quoted(self.value)}, found {quoted(ctx.text.strip())}")

    def _normal(self, text: str) -> str:
        text = unicodedata.normalize("NFC", text).strip()
        if self.ignore_case:
            text = text.casefold()
        if self.ignore_punctuation:
            text = "".join(char for char in text if not unicodedata.category(char).startswith("P")).strip()
        return " ".join(text.split()) if self.ignore_space else text
