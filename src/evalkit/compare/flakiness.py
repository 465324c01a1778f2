"""What repeats say of the noise: how many cases differ between two runs of the same prompt, and how many pass only sometimes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.compare.kinds import Draws


def expected_flips(draws: Sequence[Draws]) -> float | None:
    """How many cases would differ between two single runs of the same prompt, from flakiness alone: Σ 2p(1−p)·K/(K−1).

    The average over the sides that were repeated; None if no case was, because one draw says nothing about flakiness.
    """
    cases = sum(one.cases for one in draws)
    sides = ([(one.passed_a, one.a, one.cases) for one in draws], [(one.passed_b, one.b, one.cases) for one in draws])
    rates = [rate for side in sides if (rate := _mean_flakiness(side)) is not None]
    return sum(rates) / len(rates) * cases if rates else None


def _mean_flakiness(side: Sequence[tuple[int, int, int]]) -> float | None:
    """The mean of 2p(1−p)·K/(K−1) over the cases that were repeated; None if none was."""
    repeated = [(passed / k, k, count) for passed, k, count in side if k > 1]
    total = sum(count for _, _, count in repeated)
    return (
        sum(count * 2.0 * rate * (1.0 - rate) * k / (k - 1) for rate, k, count in repeated) / total if total else None
    )


def flaky_cases(draws: Sequence[Draws]) -> int:
    """How many cases passed sometimes but not always on the same side."""
    return sum(one.cases for one in draws if 0 < one.passed_a < one.a or 0 < one.passed_b < one.b)
