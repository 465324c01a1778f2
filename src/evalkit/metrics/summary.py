"""Figures of many trials: counts, sums and quantiles, where an unknown part makes an unknown sum."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import floor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from evalkit.model.results import Measurement

_Number = TypeVar("_Number", int, float)


@dataclass(frozen=True, slots=True)
class VariantTotals:
    """The trials of one variant of one suite. Counts are trials, latencies seconds.

    Sums are over answers; a trial without an answer adds nothing, an answer whose cost or tokens are unknown makes the sum None.
    Without any answer a sum is None, and so is a latency that nobody measured.
    """

    suite: str
    suite_path: str
    label: str
    passed: int
    failed: int
    errors: int
    skipped: int
    cost_usd: float | None
    latency_p50_s: float | None
    latency_p95_s: float | None
    input_tokens: int | None
    output_tokens: int | None


def summarise(results: Sequence[Measurement]) -> tuple[VariantTotals, ...]:
    """Return the totals per suite file and variant label, in the order in which they first appear."""
    groups: dict[tuple[str, str], list[Measurement]] = {}
    for result in results:
        groups.setdefault((result.suite_path, result.label), []).append(result)
    return tuple(_totals(group) for group in groups.values())


def _totals(group: Sequence[Measurement]) -> VariantTotals:
    counts = Counter(row.status for row in group)
    answered = [row for row in group if _has_answer(row)]
    latencies = [row.latency_s for row in answered if row.latency_s is not None]
    return VariantTotals(
        suite=group[0].suite,
        suite_path=group[0].suite_path,
        label=group[0].label,
        passed=counts["pass"],
        failed=counts["fail"],
        errors=counts["error"],
        skipped=counts["skip"],
        cost_usd=total(row.cost_usd for row in answered),
        latency_p50_s=quantile(latencies, 0.5),
        latency_p95_s=quantile(latencies, 0.95),
        input_tokens=total(row.input_tokens for row in answered),
        output_tokens=total(row.output_tokens for row in answered),
    )


def _has_answer(row: Measurement) -> bool:
    """An error or skip of which nothing at all was measured had no answer; anything else had one."""
    measured = (row.cost_usd, row.latency_s, row.input_tokens, row.output_tokens)
    return row.status in {"pass", "fail"} or any(value is not None for value in measured)


def total(values: Iterable[_Number | None]) -> _Number | None:
    """Return the sum, or None if any value is unknown or there are none."""
    known: list[_Number] = []
    for value in values:
        if value is None:
            return None
        known.append(value)
    return sum(known[1:], start=known[0]) if known else None


def quantile(values: Sequence[float], q: float) -> float | None:
    """Return the ``q`` quantile (0 to 1) by linear interpolation, or None without values.

    Of n sorted values it is the one at position (n - 1)·q, counted from 0, and between two values the point between them in
    proportion (definition 7 of Hyndman and Fan, "Sample Quantiles in Statistical Packages", 1996; numpy's default).
    Raises ValueError if ``q`` is not within 0 and 1.
    """
    if not 0 <= q <= 1:
        raise ValueError(f"q is {q}, expected 0 to 1")
    if not values:
        return None
    ordered = sorted(values)
    position = (len(ordered) - 1) * q
    below = floor(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)
