"""Numbers in a text: where they are, and what they say."""

from __future__ import annotations

import re
from decimal import Decimal

DIGITS = (
    r"(?<![\w.,])(?<![^\W\d_][-+−])(?:(?<![-+−])[-+−])?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?(?:[eE][-+]?\d{1,3})?"
)
"""The pattern of a number's characters, for patterns that go on after it."""
NUMBER = re.compile(rf"{DIGITS}(?![\w]|[.,]\d)")
"""A number in a text: a comma separates thousands, a point decimals."""


def as_decimal(written: str) -> Decimal:
    """What a match of :data:`NUMBER` says, exactly as it is written."""
    return Decimal(written.replace(",", "").replace("−", "-"))
