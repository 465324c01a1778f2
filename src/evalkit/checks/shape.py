"""Shape of structured answers: JSON, its schema, numbers, choices, and how the answer ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from evalkit.checks.base import CheckContext, CheckModel
from evalkit.checks.count import example
from evalkit.checks.extract import Extracted, NotJson, Place, extract_json
from evalkit.checks.text import placed, quoted
from evalkit.model.results import Family, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.model.calls import Reply


class Json(CheckModel):
    """The answer is JSON.

    Source: RFC 8259; NaN and Infinity are refused (section 6), and so are keys an object holds twice (section 4).
    """

    name: ClassVar[str] = "json"
    family: ClassVar[Family] = "shape"
    short: ClassVar[str | None] = "where"
    example = example({"where": "fence"}, passes='```json\n{"total": 12.5}\n```', fails='The total: {"total": 12.5}')

    where: Place = Field(
        "whole",
        description="whole: nothing but JSON; fence: or one code fence and nothing else; anywhere: or inside prose",
    )
    repeated_keys: bool = Field(False, description="allow a key twice in one object (the last one counts)")

    def judge(self, ctx: CheckContext, replies: Sequence[Reply]) -> Verdict:
        """Parse the answer."""
        del replies
        found = extract_json(ctx.text, where=self.where)
        if isinstance(found, NotJson):
            return self.verdict("fail", not_json(ctx, found, self.where))
        spans = placed(ctx, [(found.start, found.end)])
        if found.duplicates and not self.repeated_keys:
            return self.verdict(
                "fail", f"the key {quoted(found.duplicates[0])} is there twice in one object", spans=spans
            )
        return self.verdict("pass", f"JSON: {quoted(found.value)}", spans=spans)


def not_json(ctx: CheckContext, found: NotJson, where: Place) -> str:
    """Say why there is no JSON, and which wider ``where`` would have found some."""
    expected = {"whole": "nothing but JSON", "fence": "JSON or one code fence with it", "anywhere": "JSON"}[where]
    wider: tuple[Place, ...] = {"whole": ("fence", "anywhere"), "fence": ("anywhere",), "anywhere": ()}[where]
    for place in wider:
        if isinstance(extract_json(ctx.text, where=place), Extracted):
            return f"expected {expected}; there is JSON, but with text around it (where: {place} would allow that)"
    return f"expected {expected}: {found.reason}"
