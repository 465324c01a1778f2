"""Many p-values at once: corrections that keep a family of tests honest, each in the order given."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def _checked(p: Sequence[float]) -> Sequence[float]:
    if any(not 0.0 <= value <= 1.0 for value in p):
        raise ValueError("a p-value lies between 0 and 1")
    return p


def bonferroni(p: Sequence[float]) -> list[float]:
    """Bonferroni's adjusted p-values (Dunn 1961): each times their number. Raises ValueError outside [0, 1]."""
    return [min(1.0, value * len(p)) for value in _checked(p)]


def holm(p: Sequence[float]) -> list[float]:
    """Holm's (1979) step-down adjusted p-values: the chance of a single false claim. Raises ValueError outside [0, 1]."""
    adjusted = [0.0] * len(_checked(p))
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(p)), key=p.__getitem__)):
        largest = max(largest, min(1.0, (len(p) - rank) * p[index]))
        adjusted[index] = largest
    return adjusted


def benjamini_hochberg(p: Sequence[float]) -> list[float]:
    """Benjamini & Hochberg's (1995) q-values: the share of false claims among those made. Raises ValueError outside [0, 1]."""
    return _step_up(_checked(p), 1.0)


def benjamini_yekutieli(p: Sequence[float]) -> list[float]:
    """Benjamini & Yekutieli's (2001) q-values, which hold for tests that depend on each other in any way."""
    return _step_up(_checked(p), sum(1.0 / rank for rank in range(1, len(p) + 1)))


def _step_up(p: Sequence[float], penalty: float) -> list[float]:
    adjusted = [0.0] * len(p)
    smallest = 1.0
    for rank, index in zip(range(len(p), 0, -1), sorted(range(len(p)), key=lambda i: -p[i]), strict=True):
        smallest = min(smallest, p[index] * len(p) / rank * penalty)
        adjusted[index] = smallest
    return adjusted
