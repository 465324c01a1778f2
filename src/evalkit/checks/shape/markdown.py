"""Shape of Markdown: bullets, headings, emphasis, code blocks, tables, placeholders and parts between separators."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from evalkit.checks.count import CountCheck, example
from evalkit.checks.reading.fences import fences
from evalkit.checks.reading.text import Span, quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.checks.base import CheckContext
    from evalkit.model.calls import Reply
    from evalkit.model.results import Family, Verdict


def without_code(text: str) -> str:
    """Return the text with every fenced code block blanked, so that places stay the same."""
    pieces: list[str] = []
    done = 0
    for fence in fences(text):
        pieces += [text[done : fence.start], re.sub(r"[^\n]", " ", text[fence.start : fence.end])]
        done = fence.end
    return "".join([*pieces, text[done:]])


class Bullets(CountCheck):
    """The answer has this many list items: lines that begin with ``-``, ``*``, ``+`` or ``•``, or with a number.

    Items inside items count too; code blocks do not.
    """

    name: ClassVar[str] = "bullets"
    family: ClassVar[Family] = "shape"
    noun: ClassVar[tuple[str, str]] = ("list item", "list items")
    example = example(2, passes="- late\n- damaged", fails="late and damaged")

    kind: Literal["bullet", "numbered", "any"] = Field("bullet", description="which kind of list item counts")

    def find(self, text: str) -> list[Span]:
        """Lines with a marker, white space and something after it."""
        marker = {"bullet": r"[-*+•]", "numbered": r"\d{1,9}[.)]", "any": r"(?:[-*+•]|\d{1,9}[.)])"}[self.kind]
        pattern = rf"^[ \t]*{marker}[ \t]+\S[^\n]*$"
        return [match.span() for match in re.finditer(pattern, without_code(text), re.MULTILINE)]


class Headings(CountCheck):
    """The answer has this many Markdown headings (``# Title``).

    Source: CommonMark 0.31, section 4.2 (ATX headings).
    """

    name: ClassVar[str] = "headings"
    family: ClassVar[Family] = "shape"
    noun: ClassVar[tuple[str, str]] = ("heading", "headings")
    example = example({"min": 1, "level": 2}, passes="## Refunds\nWithin 30 days.", fails="# Refunds\nWithin 30 days.")

    level: int | None = Field(None, ge=1, le=6, description="only headings of this level, 1 to 6")

    def find(self, text: str) -> list[Span]:
        """Lines that begin with one to six ``#``."""
        marks = "#{1,6}" if self.level is None else f"#{{{self.level}}}"
        pattern = rf"^ {{0,3}}{marks}[ \t]+\S[^\n]*$"
        return [match.span() for match in re.finditer(pattern, without_code(text), re.MULTILINE)]


class Highlights(CountCheck):
    """The answer has this many passages in Markdown emphasis: ``*so*``, ``**so**`` or ``***so***``, each on one line.

    Source: CommonMark 0.31, section 6.2, for emphasis with asterisks.
    """

    name: ClassVar[str] = "highlights"
    family: ClassVar[Family] = "shape"
    noun: ClassVar[tuple[str, str]] = ("highlighted passage", "highlighted passages")
    example = example(
        {"min": 2}, passes="Bring *your ticket* and **a passport**.", fails="Bring *your ticket* and 2 * 3."
    )

    def find(self, text: str) -> list[Span]:
        """Asterisks that open before a character and close after one."""
        pattern = r"(?<![*\w\\])(\*{1,3})(?=[^\s*])[^\n*]*(?<=[^\s*])\1(?![*\w])"
        return [match.span() for match in re.finditer(pattern, without_code(text))]


class Placeholders(CountCheck):
    """The answer has this many placeholders in square brackets, such as ``[your name]``; ``placeholders: 0`` refuses them.

    Markdown links, footnotes, check boxes and bare numbers do not count.
    """

    name: ClassVar[str] = "placeholders"
    family: ClassVar[Family] = "shape"
    noun: ClassVar[tuple[str, str]] = ("placeholder", "placeholders")
    example = example(0, passes="Dear Ana, see [our policy](https://example.org).", fails="Dear [customer name],")

    def find(self, text: str) -> list[Span]:
        """Brackets with a letter inside and no link after."""
        pattern = r"\[(?![xX ]\]|\^)(?=[^\[\]\n]*[^\W\d_])[^\[\]\n]{1,200}\](?![(\[:])"
        return [match.span() for match in re.finditer(pattern, without_code(text))]


class CodeBlocks(CountCheck):
    """The answer has this many fenced code blocks.

    Source: CommonMark 0.31, section 4.5.
    """

    name: ClassVar[str] = "code_blocks"
    family: ClassVar[Family] = "shape"
    noun: ClassVar[tuple[str, str]] = ("code block", "code blocks")
    example = example({"equals": 1, "language": "sql"}, passes="```sql\nSELECT 1;\n```", fails="SELECT 1;")

    language: str | None = Field(None, description="only blocks marked with this language, such as python")

    def find(self, text: str) -> list[Span]:
        """Fences with the wanted mark."""
        wanted = None if self.language is None else self.language.lower()
        return [(fence.start, fence.end) for fence in fences(text) if wanted in {None, fence.language.lower()}]


class Tables(CountCheck):
    """The answer has this many Markdown tables.

    Source: GitHub Flavored Markdown 0.29, section 4.10: a header row, then a row of dashes.
    """

    name: ClassVar[str] = "tables"
    family: ClassVar[Family] = "shape"
    noun: ClassVar[tuple[str, str]] = ("table", "tables")
    example = example(
        {"equals": 1, "columns": ["Item", "Price"]},
        passes="| Item | Price |\n|---|---|\n| Tea | 3 |",
        fails="Item: Tea, Price: 3",
    )

    columns: list[str] | None = Field(
        None, description="only tables with these column names, in this order", min_length=1
    )

    def find(self, text: str) -> list[Span]:
        """A row, a row of dashes of as many cells, and the rows under them."""
        lines = without_code(text).split("\n")
        starts = [0]
        for line in lines:
            starts.append(starts[-1] + len(line) + 1)
        found: list[Span] = []
        at = 0
        while at + 1 < len(lines):
            end = _table_end(lines, at)
            if end is not None and (self.columns is None or _cells(lines[at]) == self.columns):
                found.append((starts[at], starts[end] - 1))
            at = end or at + 1
        return found


def _table_end(lines: list[str], at: int) -> int | None:
    """The line after the table whose header is line ``at``, or None if no table starts there."""
    dashes = _cells(lines[at + 1])
    if "|" not in lines[at] or len(_cells(lines[at])) != len(dashes):
        return None
    if not all(re.fullmatch(r":?-+:?", cell) for cell in dashes):
        return None
    end = at + 2
    while end < len(lines) and "|" in lines[end]:
        end += 1
    return end


def _cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip().strip("|").split("|")]


class Parts(CountCheck):
    """The answer consists of this many parts, with a separator between them.

    White space around a part does not count; nor does a blank first or last part. A blank part in between fails.
    """

    name: ClassVar[str] = "parts"
    family: ClassVar[Family] = "shape"
    short: ClassVar[str | None] = "separator"
    noun: ClassVar[tuple[str, str]] = ("part", "parts")
    example = example({"separator": "***", "equals": 2}, passes="One way.\n***\nAnother way.", fails="One way.")

    separator: str = Field(description="the text between two parts", min_length=1)
    distinct: bool = Field(False, description="no two parts may be the same")

    def judge(self, ctx: CheckContext, replies: Sequence[Reply]) -> Verdict:
        """Split, look for blank and equal parts, then count."""
        pieces = ctx.text.split(self.separator)
        blank = next((at for at in range(1, len(pieces) - 1) if not pieces[at].strip()), None)
        if blank is not None:
            return self.verdict("fail", f"between two {quoted(self.separator)} there is nothing (part {blank + 1})")
        texts = [ctx.text[start:end] for start, end in self.find(ctx.text)]
        if self.distinct and len(set(texts)) < len(texts):
            return self.verdict("fail", "two parts are the same", spans=ctx.placed(self.find(ctx.text)))
        return super().judge(ctx, replies)

    def find(self, text: str) -> list[Span]:
        """The parts that are not blank, without the white space around them."""
        found: list[Span] = []
        start = 0
        for piece in text.split(self.separator):
            if piece.strip():
                begin = start + len(piece) - len(piece.lstrip())
                found.append((begin, begin + len(piece.strip())))
            start += len(piece) + len(self.separator)
        return found
