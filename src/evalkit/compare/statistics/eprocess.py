"""Evidence that may be looked at after every case: betting processes that stay honest however often and whenever one looks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalkit.compare.statistics.interval import Interval
from evalkit.compare.statistics.intervals import tail_share

if TYPE_CHECKING:
    from collections.abc import Sequence

_GRID = 1000
_SHARE = 0.5
"""The largest part of the wealth that one case may lose."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """An e-value: 1 is nothing, 20 is strong. ``p_anytime`` = min(1, 1/e) holds at any moment of stopping (Ville 1939)."""

    e: float
    p_anytime: float


def e_process(fixed: int, broken: int) -> Evidence:
    """Evidence against 'fixed and broken are equally likely', B(f+½, b+½)/B(½, ½)·2^(f+b), valid at every look.

    The beta-binomial mixture of Robbins (1970), see Howard, Ramdas, McAuliffe & Sekhon (2021). Raises ValueError for counts below 0.
    """
    if not (0 <= fixed < math.inf and 0 <= broken < math.inf):
        raise ValueError(f"counts of flips are numbers of 0 or more, not {fixed} and {broken}")
    log = _log_beta(fixed + 0.5, broken + 0.5) - _log_beta(0.5, 0.5) + (fixed + broken) * math.log(2.0)
    e = math.exp(min(log, 700.0))
    return Evidence(e, min(1.0, 1.0 / e))


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


@dataclass(frozen=True, slots=True)
class Wager:
    """The wealth of a bet that B is *not* worse by ``margin``, one case after another; it multiplies by 100 by chance in 1% at most.

    A case changes by d = −1 (broken), 0 or 1 (fixed). The next stake is fixed before the case is seen: (μ̂+m)/(σ̂²+(μ̂+m)²) of the cases
    so far, within [0, ½/(1−m)] (Waudby-Smith & Ramdas 2024, the approximate GRAPA bet). ``log_wealth`` starts at 0.
    """

    margin: float
    log_wealth: float = 0.0
    n: int = 0
    total: float = 0.0
    squares: float = 0.0

    def after(self, change: float) -> Wager:
        """The wager when one more case changed by ``change``, in [−1, 1]."""
        log_wealth = self.log_wealth + math.log1p(self.stake * (change + self.margin))
        return Wager(self.margin, log_wealth, self.n + 1, self.total + change, self.squares + change * change)

    @property
    def stake(self) -> float:
        """How much is bet on the next case."""
        mean = self.total / (self.n + 1)
        variance = (self.squares + 0.25) / (self.n + 1) - mean * mean
        gain = mean + self.margin
        if gain <= 0.0:
            return 0.0
        return min(gain / (max(variance, 0.0) + gain * gain), _SHARE / (1.0 - self.margin))


def betting_interval(values: Sequence[float], confidence: float = 0.95) -> Interval:
    """The hedged betting interval of a mean of values in [0, 1], in the order given (Waudby-Smith & Ramdas 2024, section 4).

    It holds for any number of cases and any distribution, and is two to five times as wide as a score interval. Raises ValueError
    for no values or values outside [0, 1].
    """
    if not values or not all(0.0 <= value <= 1.0 for value in values):
        raise ValueError("a betting interval needs values, all in [0, 1]")
    alpha = 2.0 * tail_share(confidence)
    stakes = _stakes(values, alpha)
    candidates = [i / _GRID for i in range(_GRID + 1)]
    kept = [m for m in candidates if not _refuted(m, values, stakes, math.log(2.0 / alpha))] or [
        sum(values) / len(values)
    ]
    return Interval(max(0.0, kept[0] - 1 / _GRID), min(1.0, kept[-1] + 1 / _GRID), confidence, "hedged betting")


def _stakes(values: Sequence[float], alpha: float) -> list[float]:
    """The predictable plug-in bets for a fixed number of values."""
    stakes, total, squares = [], 0.5, 0.25
    for i, value in enumerate(values, start=1):
        stakes.append(math.sqrt(2.0 * math.log(2.0 / alpha) * i / (len(values) * squares)))
        total += value
        squares += (value - total / (i + 1)) ** 2
    return stakes


def _refuted(mean: float, values: Sequence[float], stakes: Sequence[float], limit: float) -> bool:
    """Whether either bet, on more than ``mean`` or on less, ever won enough; each has half of the wealth."""
    high = low = 0.0
    for value, stake in zip(values, stakes, strict=True):
        up = stake if mean == 0.0 else min(stake, _SHARE / mean)
        down = stake if mean == 1.0 else min(stake, _SHARE / (1.0 - mean))
        high += math.log1p(up * (value - mean))
        low += math.log1p(max(-_SHARE, -down * (value - mean)))
        if max(high, low) >= limit:
            return True
    return False
