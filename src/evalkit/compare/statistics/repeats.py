"""What repeats of the same case say: the chance of one pass or of all passes in k tries, and where the variance comes from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalkit.compare.statistics.score import sample_variance

if TYPE_CHECKING:
    from collections.abc import Sequence


def _check(n: int, passed: int, k: int) -> None:
    if not 0 <= passed <= n or k < 1:
        raise ValueError(f"passes in k tries need 0 <= passed <= n and k >= 1, not {passed} of {n} and k = {k}")


def pass_at_k(n: int, passed: int, k: int) -> float | None:
    """The chance that at least one of ``k`` repeats passes, 1 − C(n−c, k)/C(n, k) (Chen et al. 2021, arXiv 2107.03374).

    ``passed`` of ``n`` repeats passed; unbiased. None if fewer than ``k`` repeats were run.
    """
    _check(n, passed, k)
    return None if n < k else 1.0 - math.comb(n - passed, k) / math.comb(n, k)


def pass_hat_k(n: int, passed: int, k: int) -> float | None:
    """The chance that all of ``k`` repeats pass, C(c, k)/C(n, k) (Yao et al. 2024, arXiv 2406.12045). None if n < k."""
    _check(n, passed, k)
    return None if n < k else math.comb(passed, k) / math.comb(n, k)


@dataclass(frozen=True, slots=True)
class VarianceComponents:
    """How far scores vary within a case (repeats disagree) and between cases. ``within_share`` is what more repeats could remove.

    ``f`` is the F statistic of "all cases are alike" and ``icc`` the share of a single draw's variance that lies between cases; both are
    None where nothing varies within a case. ``flaky_cases`` gave different values.
    """

    mean: float
    within: float
    between: float
    icc: float | None
    f: float | None
    se: float
    within_share: float | None
    flaky_cases: int


def variance_components(draws: Sequence[Sequence[float]]) -> VarianceComponents:
    """The one-way analysis of variance of ``draws[case][repeat]`` (Fisher 1925), with the same number of repeats, two at least, per case.

    Raises ValueError for fewer than two cases or repeats, or for unequal ones.
    """
    if len(draws) < 2 or len({len(case) for case in draws}) != 1 or len(draws[0]) < 2:
        raise ValueError("variance components need two cases or more, all with the same number of repeats, two or more")
    n, k = len(draws), len(draws[0])
    means = [math.fsum(case) / k for case in draws]
    within = math.fsum(sample_variance(case) for case in draws) / n
    spread = sample_variance(means)
    between = spread - within / k
    total = between + within
    return VarianceComponents(
        mean=math.fsum(means) / n,
        within=within,
        between=between,
        icc=between / total if total > 0.0 else None,
        f=k * spread / within if within > 0.0 else None,
        se=math.sqrt(spread / n),
        within_share=within / k / spread if spread > 0.0 else None,
        flaky_cases=sum(len(set(case)) > 1 for case in draws),
    )
