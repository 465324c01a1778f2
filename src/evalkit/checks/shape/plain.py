"""Shape of plain text: patterns, lengths, letter case."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Literal

import regex
from pydantic import Field, model_validator

from evalkit.checks.base import BuildContext, CheckContext, CheckModel
from evalkit.checks.count import CountCheck, Range, example
from evalkit.checks.patterns import compile_pattern, search
from evalkit.checks.reading.text import UNITS, Span, line_of, quoted, words
from evalkit.model.results import Family

if TYPE_CHECKING:
    from collections.abc import Sequence

    from regex import Pattern

    from evalkit.model.calls import Reply
    from evalkit.model.results import Verdict


class Regex(CheckModel):
    """The answer matches a regular expression, anywhere unless ``full``.

    The syntax is that of Python's ``re`` with the additions of the package ``regex``. A search that takes longer than a second
    is an error, not a fail. Matches do not overlap.
    """

    name: ClassVar[str] = "regex"
    family: ClassVar[Family] = "shape"
    short: ClassVar[str | None] = "pattern"
    example = example(r"\bA-\d{4}\b", passes="Your order A-1001 is on its way.", fails="Your order is on its way.")

    pattern: str = Field(description="the regular expression", min_length=1)
    full: bool = Field(False, description="the pattern must match the whole answer, white space around it aside")
    count: Range | None = Field(None, description="how many matches there must be")
    ignore_case: bool = Field(False, description="upper and lower case are the same")
    multiline: bool = Field(False, description="^ and $ match at every line")
    dotall: bool = Field(False, description="a dot matches line ends too")

    @model_validator(mode="after")
    def _one_way(self) -> Regex:
        if self.full and self.count is not None:
            raise ValueError("full and count cannot be combined")
        return self

    def prepare(self, build: BuildContext) -> Regex:
        """Compile the pattern. Raises SuiteError with the position of its mistake."""
        del build
        _ = self.compiled
        return self

    def judge(self, ctx: CheckContext, replies: Sequence[Reply]) -> Verdict:
        """Search, within the time limit."""
        del replies
        found = search(self.compiled, ctx.text, full=self.full)
        shown = quoted(self.pattern)
        if self.count is not None:
            reason = f"expected {self.count} matches of {shown}, found {len(found):,}"
            return self.verdict(self.count.holds(len(found)), reason, spans=ctx.placed(found))
        if not found:
            what = "the whole answer must match" if self.full else "no match of"
            return self.verdict("fail", f"{what} {shown}; the answer is {quoted(ctx.text)}")
        start, end = found[0]
        reason = f"{quoted(ctx.text[start:end])} in line {line_of(ctx.text, start)} matches {shown}"
        return self.verdict("pass", reason, spans=ctx.placed(found))

    @cached_property
    def compiled(self) -> Pattern[str]:
        """The pattern, compiled once. Raises SuiteError with the position of its mistake."""
        chosen = {regex.IGNORECASE: self.ignore_case, regex.MULTILINE: self.multiline, regex.DOTALL: self.dotall}
        return compile_pattern(self.pattern, flags=sum(int(flag) for flag, wanted in chosen.items() if wanted))


class Length(CheckModel):
    """The answer is neither too short nor too long, in the units given; each is a range, or a number for exactly that many.

    Words are runs of letters and digits (``don't`` and ``well-known`` are one). Sentences end with ``.``, ``!`` or ``?``. Paragraphs stand
    between blank lines.
    """

    name: ClassVar[str] = "length"
    family: ClassVar[Family] = "shape"
    example = example({"words": {"min": 2, "max": 5}, "lines": 1}, passes="The parcel is late.", fails="Late.")

    chars: Range | None = Field(None, description="characters, without white space around the answer")
    words: Range | None = Field(None, description="words")
    sentences: Range | None = Field(None, description="sentences")
    paragraphs: Range | None = Field(None, description="paragraphs")
    lines: Range | None = Field(None, description="lines that are not blank")

    @model_validator(mode="after")
    def _some_unit(self) -> Length:
        if not self._ranges():
            raise ValueError("needs at least one of " + ", ".join(UNITS))
        return self

    def _ranges(self) -> dict[str, Range]:
        return {unit: wanted for unit in UNITS if (wanted := getattr(self, unit)) is not None}

    def judge(self, ctx: CheckContext, replies: Sequence[Reply]) -> Verdict:
        """Count every unit that has a range."""
        del replies
        counts = {unit: len(UNITS[unit](ctx.text)) for unit in self._ranges()}
        bad = [unit for unit, wanted in self._ranges().items() if not wanted.holds(counts[unit])]
        told = bad or list(counts)
        reason = "; ".join(f"expected {self._ranges()[unit]} {unit}, found {counts[unit]:,}" for unit in told)
        return self.verdict(not bad, reason)


class Case(CheckModel):
    """Every letter of the answer is upper case, or lower case. An answer without such letters fails."""

    name: ClassVar[str] = "case"
    family: ClassVar[Family] = "shape"
    short: ClassVar[str | None] = "letters"
    example = example("lower", passes="all quiet in ward 7.", fails="All quiet in ward 7.")

    letters: Literal["upper", "lower"] = Field(description="which case")

    def judge(self, ctx: CheckContext, replies: Sequence[Reply]) -> Verdict:
        """Look for a letter of the other case."""
        del replies
        held = ctx.text.isupper() if self.letters == "upper" else ctx.text.islower()
        if held:
            return self.verdict("pass", f"all letters are {self.letters} case")
        wrong = [
            at for at, char in enumerate(ctx.text) if (char.islower() if self.letters == "upper" else char.isupper())
        ]
        if not wrong:
            return self.verdict("fail", f"expected {self.letters} case letters, found none")
        line = line_of(ctx.text, wrong[0])
        reason = f"expected only {self.letters} case, found {len(wrong):,} other letters, the first in line {line}"
        return self.verdict("fail", reason, spans=ctx.placed([(at, at + 1) for at in wrong[:50]]))


class UppercaseWords(CountCheck):
    """The answer has this many words in upper case only, such as ``NASA`` or ``I``."""

    name: ClassVar[str] = "uppercase_words"
    family: ClassVar[Family] = "shape"
    noun: ClassVar[tuple[str, str]] = ("upper case word", "upper case words")
    example = example({"max": 1}, passes="Please call the FBI.", fails="CALL THE FBI NOW!")

    def find(self, text: str) -> list[Span]:
        """Words of which every letter is upper case."""
        return [(start, end) for start, end in words(text) if text[start:end].isupper()]
