"""Shape of short answers: a choice, a number, a date, a URL."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field, FiniteFloat, field_validator, model_validator

from evalkit.checks.base import CheckContext, CheckModel
from evalkit.checks.count import example
from evalkit.checks.text import Span, placed, quoted
from evalkit.model.results import Family

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.model.calls import Reply
    from evalkit.model.results import Verdict


class OneOf(CheckModel):
    """The answer is one of the given texts, and nothing else; white space around it aside."""

    name: ClassVar[str] = "one_of"
    family: ClassVar[Family] = "shape"
    short: ClassVar[str | None] = "values"
    example = example(["billing", "delivery", "other"], passes="delivery\n", fails="I think it is about delivery.")

    values: list[str] = Field(description="the texts allowed", min_length=1)
    ignore_case: bool = Field(False, description="upper and lower case are the same")

    def judge(self, ctx: CheckContext, replies: Sequence[Reply]) -> Verdict:
        """Compare with each."""
        del replies
        answer = self._normal(ctx.text)
        allowed = [self._normal(value) for value in self.values]
        shown = ", ".join(self.values[:20]) + (", …" if len(self.values) > 20 else "")
        return self.verdict(answer in allowed, f"expected one of {shown}; found {quoted(ctx.text.strip())}")

    def _normal(self, text: str) -> str:
        return text.strip().casefold() if self.ignore_case else text.strip()


NUMBER = re.compile(
    r"(?<![\w.,])(?<![^\W\d_][-+−])(?:(?<![-+−])[-+−])?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?(?:[eE][-+]?\d{1,3})?(?![\w]|[.,]\d)"
)


class Number(CheckModel):
    """The answer holds a number, which is the one wanted or within limits.

    The number is the selected JSON number, or stands in the text: as the only one, or the ``first`` or ``last`` if ``take`` says so. A
    comma separates thousands, a point decimals (``1,234.50``); a per cent sign or a currency beside it is ignored. A JSON text is
    not a number, even ``"12"``.
    """

    name: ClassVar[str] = "number"
    family: ClassVar[Family] = "shape"
    short: ClassVar[str | None] = "equals"
    example = example({"equals": 12.5, "within": 0.01}, passes="The total is $12.50.", fails="The total is $12.60.")

    equals: FiniteFloat | None = Field(None, description="the number wanted")
    within: FiniteFloat = Field(0.0, ge=0, description="how far from `equals` it may be, in either direction")
    min: FiniteFloat | None = Field(None, description="the least allowed")
    max: FiniteFloat | None = Field(None, description="the most allowed")
    take: Literal["only", "first", "last"] = Field("only", description="which number of the text; several fail `only`")

    @model_validator(mode="after")
    def _consistent(self) -> Number:
        if self.within and self.equals is None:
            raise ValueError("within needs equals")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min:g} is above max {self.max:g}")
        return self

    def judge(self, ctx: CheckContext, replies: Sequence[Reply]) -> Verdict:
        """Find the number and compare it, in decimal arithmetic."""
        del replies
        if ctx.selected:
            value = ctx.value
            if isinstance(value, bool) or not isinstance(value, int | float):
                return self.verdict("fail", f"expected {self._wanted()}, found {quoted(value)}, which is not a number")
            return self._compare(Decimal(repr(value)), placed(ctx, [(0, len(ctx.text))]))
        found = [match.span() for match in NUMBER.finditer(ctx.text)]
        if not found or (self.take == "only" and len(found) > 1):
            shown = ", ".join(ctx.text[start:end] for start, end in found[:5])
            how = f"{len(found)} numbers ({shown}); take: first or last chooses one" if found else "no number"
            return self.verdict("fail", f"expected {self._wanted()}, found {how}", spans=placed(ctx, found))
        start, end = found[0 if self.take == "first" else -1]
        digits = ctx.text[start:end].replace(",", "").replace("−", "-")
        return self._compare(Decimal(digits), placed(ctx, [(start, end)]))

    def _compare(self, found: Decimal, spans: tuple[Span, ...]) -> Verdict:
        held = True
        if self.equals is not None:
            held = abs(found - Decimal(repr(self.equals))) <= Decimal(repr(self.within))
        if self.min is not None:
            held = held and found >= Decimal(repr(self.min))
        if self.max is not None:
            held = held and found <= Decimal(repr(self.max))
        return self.verdict(held, f"expected {self._wanted()}, found {found}", spans=spans)

    def _wanted(self) -> str:
        equals = "" if self.equals is None else f"{self.equals:g}" + (f" ± {self.within:g}" if self.within else "")
        least = "" if self.min is None else f"at least {self.min:g}"
        most = "" if self.max is None else f"at most {self.max:g}"
        return " and ".join(part for part in (equals, least, most) if part) or "a number"


class Date(CheckModel):
    """The answer is a date, and nothing else.

    Source: ISO 8601 (``2026-11-21``) unless ``format`` gives the directives of Python's ``strptime``.
    """

    name: ClassVar[str] = "date"
    family: ClassVar[Family] = "shape"
    short: ClassVar[str | None] = "format"
    example = example({"min": "2026-01-01"}, passes="2026-11-21", fails="2025-11-21")

    format: str | None = Field(None, description="the directives of strptime, such as %d.%m.%Y")
    min: str | None = Field(None, description="the earliest date allowed, as 2026-11-21")
    max: str | None = Field(None, description="the latest date allowed, as 2026-11-21")

    @field_validator("min", "max")
    @classmethod
    def _is_date(cls, value: str | None) -> str | None:
        if value is not None:
            date.fromisoformat(value)
        return value

    def judge(self, ctx: CheckContext, replies: Sequence[Reply]) -> Verdict:
        """Parse the date and compare it with the limits."""
        del replies
        text = ctx.text.strip()
        try:
            found = datetime.strptime(text, self.format).date() if self.format else date.fromisoformat(text)  # noqa: DTZ007 - a date has no zone
        except ValueError:
            wanted = f"as {self.format}" if self.format else "as YYYY-MM-DD"
            return self.verdict("fail", f"expected a date {wanted}, found {quoted(text)}")
        if self.min is not None and found < date.fromisoformat(self.min):
            return self.verdict("fail", f"expected a date from {self.min} on, found {found}")
        if self.max is not None and found > date.fromisoformat(self.max):
            return self.verdict("fail", f"expected a date up to {self.max}, found {found}")
        return self.verdict("pass", f"the date {found}")


class Url(CheckModel):
    """The answer is one absolute URL, and nothing else. It is not fetched.

    Source: RFC 3986, as split by Python's ``urllib.parse``.
    """

    name: ClassVar[str] = "url"
    family: ClassVar[Family] = "shape"
    short: ClassVar[str | None] = "hosts"
    example = example(["example.org"], passes="https://help.example.org/refunds", fails="https://example.com/refunds")

    hosts: list[str] | None = Field(
        None, description="the hosts allowed; their subdomains are allowed too", min_length=1
    )
    schemes: list[str] = Field(["https", "http"], description="the schemes allowed", min_length=1)

    def judge(self, ctx: CheckContext, replies: Sequence[Reply]) -> Verdict:
        """Split the URL and compare its parts."""
        del replies
        text = ctx.text.strip()
        try:
            parts = urlsplit(text)
            host = parts.hostname or ""
        except ValueError:
            host = ""
        if not host or re.search(r"[\s<>\"\\]", text):
            return self.verdict("fail", f"expected a URL, found {quoted(text)}")
        if parts.scheme not in self.schemes:
            return self.verdict(
                "fail", f"expected the scheme {' or '.join(self.schemes)}, found {quoted(parts.scheme)}"
            )
        if self.hosts is not None and not any(host == name or host.endswith(f".{name}") for name in self.hosts):
            return self.verdict("fail", f"expected a host of {', '.join(self.hosts)}, found {quoted(host)}")
        return self.verdict("pass", f"a URL at {quoted(host)}")
