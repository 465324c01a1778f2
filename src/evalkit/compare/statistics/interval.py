"""A confidence interval as a value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Interval:
    """A two-sided confidence interval. ``method`` names it for the reader (``Tango score``, ``Wilson``, ``Fieller``).

    It unpacks into its limits: ``lower, upper = wilson(17, 20)``.
    """

    lower: float
    upper: float
    confidence: float
    method: str

    def __iter__(self) -> Iterator[float]:
        """The lower and the upper limit."""
        return iter((self.lower, self.upper))
