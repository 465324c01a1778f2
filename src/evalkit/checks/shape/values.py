"""Shape of short answers: a choice, a date, a URL."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from evalkit.checks.base import CheckContext, CheckModel
from evalkit.checks.count import example
from evalkit.checks.reading.text import quoted
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
