"""Citations: every reference in the answer leads to a source, and what stands between quotation marks stands in the sources."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, model_validator

from evalkit.checks.base import CheckContext, CheckModel
from evalkit.checks.count import example
from evalkit.checks.reading.markdown_code import blanked
from evalkit.checks.reading.text import Span, quoted
from evalkit.errors import CheckError
from evalkit.model.calls import JSON
from evalkit.model.results import Family

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evalkit.model.calls import Reply
    from evalkit.model.results import Verdict

_CITED = re.compile(r"[\[【]\^?(\d{1,4}(?:\s{0,2}[,;–-]\s{0,2}\^?\d{1,4}){0,20})(?:†[^\]】\n]{0,60})?[\]】]")
_STEP = re.compile(r"(\d{1,4})(?:\s{0,2}([–-])\s{0,2}\^?(\d{1,4}))?")
_QUOTED = re.compile(r"\"([^\"\n]{1,2000})\"|“([^”\n]{1,2000})”|„([^“”\n]{1,2000})[“”]|«\s?([^»\n]{1,2000}?)\s?»")
_MAX_RANGE = 100


class Citations(CheckModel):
    """Every citation such as ``[2]``, ``[1, 3]`` or ``[1-3]`` leads to a source, and every quotation occurs in the sources.

    ``sources`` is their number, or their list (usually ``{{ documents }}``): texts, or objects whose texts are all searched. A quotation is what
    stands between quotation marks and has at least ``quote_words`` words; blanks, case and the kind of quotation marks inside do not count, and
    ``…`` leaves something out. Code is not looked at.
    """

    name: ClassVar[str] = "citations"
    family: ClassVar[Family] = "content"
    short: ClassVar[str | None] = "sources"
    example = example(
        {"sources": ["Parcels may be returned within thirty days.", "Shipping is free."]},
        passes='You have time: "returned within thirty days" [1].',
        fails="You have time [3].",
    )

    sources: int | list[JSON] = Field(description="how many sources there are, or the sources themselves")
    min: int = Field(1, description="how many different sources must be cited", ge=0)
    quotes: bool = Field(True, description="quotations must occur in the sources (if these are given)")
    quote_words: int = Field(3, description="fewer words between quotation marks are no quotation", ge=1)

    @model_validator(mode="after")
    def _countable(self) -> Citations:
        if isinstance(self.sources, int) and self.sources < 0:
            raise ValueError("sources cannot be less than 0")
        return self

    def judge(self, ctx: CheckContext, replies: Sequence[Reply]) -> Verdict:
        """Resolve the citations, then look for the quotations."""
        del replies
        text = blanked(ctx.text)
        last = self.sources if isinstance(self.sources, int) else len(self.sources)
        cited = list(find_citations(text))
        wrong = [(number, span) for number, span in cited if not 1 <= number <= last]
        if wrong:
            shown = ", ".join(dict.fromkeys(f"[{number}]" for number, _ in wrong[:5]))
            return self.verdict(
                "fail",
                f"there are {last} sources; nothing stands for {shown}",
                spans=ctx.placed([s for _, s in wrong]),
            )
        different = len({number for number, _ in cited})
        if different < self.min:
            return self.verdict("fail", f"expected at least {self.min} sources cited, found {different}")
        invented = self._invented(text)
        if invented:
            start, end = invented[0]
            return self.verdict("fail", f"no source holds {quoted(ctx.text[start:end])}", spans=ctx.placed(invented))
        return self.verdict(
            "pass", f"{len(cited)} citations of {different} sources", spans=ctx.placed([s for _, s in cited])
        )

    def _invented(self, text: str) -> list[Span]:
        if not self.quotes or isinstance(self.sources, int):
            return []
        known = [_normal(" ".join(_texts(source, 0))) for source in self.sources]
        found: list[Span] = []
        for match in _QUOTED.finditer(text):
            said = match[match.lastindex or 0]
            if len(said.split()) >= self.quote_words and not any(_holds(source, said) for source in known):
                found.append(match.span(match.lastindex or 0))
        return found


def find_citations(text: str) -> Iterator[tuple[int, Span]]:
    """Yield the number and place of every citation, ranges written out (at most a hundred numbers of each)."""
    for match in _CITED.finditer(text):
        for step in _STEP.finditer(match[1]):
            first, last = int(step[1]), int(step[3] or step[1])
            for number in range(first, min(last, first + _MAX_RANGE) + 1):
                yield number, match.span()


def _holds(source: str, said: str) -> bool:
    """Whether the pieces of a quotation, between its ellipses, stand in the source in their order."""
    at = 0
    for piece in re.split(r"…|\.{3}|\[[^\]]{0,40}\]", said):
        normal = _normal(piece).strip(" .,;:!?")
        found = source.find(normal, at)
        if found < 0:
            return False
        at = found + len(normal)
    return True


def _normal(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(re.sub(r"[\"'“”„‘’«»`*_]", "", plain).split())


def _texts(value: JSON, depth: int) -> Iterator[str]:
    if depth > 20:
        raise CheckError("a source is nested too deep")
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner, depth + 1)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner, depth + 1)
    elif value is not None and not isinstance(value, bool):
        yield str(value)
