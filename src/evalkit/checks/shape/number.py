"""Shape of an answer that is a number, with its unit."""

from __future__ import annotations

from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import regex
from pydantic import Field, FiniteFloat, model_validator

from evalkit.checks.base import CheckContext, CheckModel
from evalkit.checks.count import example
from evalkit.checks.patterns import compile_pattern, search
from evalkit.checks.reading.numbers import DIGITS, NUMBER, as_decimal
from evalkit.checks.reading.text import Span, quoted
from evalkit.model.results import Family

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.model.calls import Reply
    from evalkit.model.results import Verdict

_SWAPPED = str.maketrans({",": ".", ".": ",", "\u00a0": ",", "\u202f": ",", "’": ","})


class Number(CheckModel):
    """The answer holds a number, which is the one wanted or within limits.

    The number is the selected JSON number, or stands in the text: as the only one, or the ``first`` or ``last`` if ``take`` says so. A
    comma separates thousands, a point decimals (``1,234.50``); ``decimal: comma`` reads ``1.234,50``. With ``unit`` only numbers with that
    unit before or behind them count, and nothing is converted: ``1500 g`` is not ``1.5 kg``. Without it a per cent sign or a currency
    beside the number is ignored. A JSON text is not a number, even ``"12"``, unless a unit is wanted.
    """

    name: ClassVar[str] = "number"
    family: ClassVar[Family] = "shape"
    short: ClassVar[str | None] = "equals"
    example = example({"equals": 12.5, "within": 0.01}, passes="The total is $12.50.", fails="The total is $12.60.")

    equals: FiniteFloat | None = Field(None, description="the number wanted")
    within: FiniteFloat = Field(0.0, ge=0, description="how far from `equals` it may be, in either direction")
    within_percent: FiniteFloat = Field(
        0.0, ge=0, description="the same, in per cent of `equals`; the wider of both counts"
    )
    min: FiniteFloat | None = Field(None, description="the least allowed")
    max: FiniteFloat | None = Field(None, description="the most allowed")
    take: Literal["only", "first", "last"] = Field("only", description="which number of the text; several fail `only`")
    unit: str | list[str] | None = Field(
        None, description="the unit, or several ways to write it, such as [kg, kilograms]", min_length=1
    )
    decimal: Literal["point", "comma"] = Field("point", description="which mark separates decimals in the text")

    @model_validator(mode="after")
    def _consistent(self) -> Number:
        if (self.within or self.within_percent) and self.equals is None:
            raise ValueError(f"{'within' if self.within else 'within_percent'} needs equals")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min:g} is above max {self.max:g}")
        if not all(unit.strip() for unit in self._units):
            raise ValueError("a unit is empty")
        return self

    @property
    def _units(self) -> list[str]:
        return [self.unit] if isinstance(self.unit, str) else self.unit or []

    @cached_property
    def _measured(self) -> Any:  # noqa: ANN401 - regex ships no types
        units = "|".join(regex.escape(unit.strip()) for unit in sorted(self._units, key=len, reverse=True))
        behind = rf"{DIGITS}(?=[ \u00a0\u202f-]{{0,2}}(?:{units})(?!\w))"
        return compile_pattern(rf"{behind}|(?<=(?<!\w)(?:{units})[ \u00a0]{{0,2}}){DIGITS}(?![\w]|[.,]\d)")

    def judge(self, ctx: CheckContext, replies: Sequence[Reply]) -> Verdict:
        """Find the number and compare it, in decimal arithmetic."""
        del replies
        if ctx.selected and not (self.unit is not None and isinstance(ctx.value, str)):
            value = ctx.value
            if isinstance(value, bool) or not isinstance(value, int | float) or self.unit is not None:
                which = (
                    "has no unit"
                    if isinstance(value, int | float) and not isinstance(value, bool)
                    else "is not a number"
                )
                return self.verdict("fail", f"expected {self._wanted()}, found {quoted(value)}, which {which}")
            return self._compare(Decimal(repr(value)), ctx.placed([(0, len(ctx.text))]))
        text = ctx.text.translate(_SWAPPED) if self.decimal == "comma" else ctx.text
        found = self._found(text)
        if not found or (self.take == "only" and len(found) > 1):
            return self.verdict(
                "fail", f"expected {self._wanted()}, found {self._seen(text, found)}", spans=ctx.placed(found)
            )
        start, end = found[0 if self.take == "first" else -1]
        return self._compare(as_decimal(text[start:end]), ctx.placed([(start, end)]))

    def _found(self, text: str) -> list[Span]:
        if self.unit is None:
            return [match.span() for match in NUMBER.finditer(text)]
        return search(self._measured, text)

    def _seen(self, text: str, found: Sequence[Span]) -> str:
        if found:
            shown = ", ".join(text[start:end] for start, end in found[:5])
            return f"{len(found)} numbers ({shown}); take: first or last chooses one"
        others = (
            [text[start : end + 8].split("\n", maxsplit=1)[0].strip() for start, end in search(_ANY, text)[:3]]
            if self.unit
            else []
        )
        return f"none with that unit, only {', '.join(quoted(other) for other in others)}" if others else "no number"

    def _compare(self, found: Decimal, spans: tuple[Span, ...]) -> Verdict:
        held = True
        if self.equals is not None:
            wanted = Decimal(repr(self.equals))
            share = abs(wanted) * Decimal(repr(self.within_percent)) / 100
            held = abs(found - wanted) <= max(Decimal(repr(self.within)), share)
        if self.min is not None:
            held = held and found >= Decimal(repr(self.min))
        if self.max is not None:
            held = held and found <= Decimal(repr(self.max))
        return self.verdict(held, f"expected {self._wanted()}, found {found}", spans=spans)

    def _wanted(self) -> str:
        spread = [f"{self.within:g}"] if self.within else []
        spread += [f"{self.within_percent:g} %"] if self.within_percent else []
        equals = "" if self.equals is None else f"{self.equals:g}" + (f" ± {' or '.join(spread)}" if spread else "")
        least = "" if self.min is None else f"at least {self.min:g}"
        most = "" if self.max is None else f"at most {self.max:g}"
        number = " and ".join(part for part in (equals, least, most) if part) or "a number"
        return f"{number} {self._units[0]}" if self._units else number


_ANY = regex.compile(DIGITS)
