"""Error rates of the gate for single runs, by exact enumeration of every table of flips."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from evalkit.compare.stats import clopper_pearson, tango

if TYPE_CHECKING:
    from collections.abc import Iterable

MARGIN = 0.05


@dataclass(frozen=True)
class Scenario:
    """Two correlated 0/1 outcomes: the chances that a case is fixed or breaks, and the true difference."""

    fixed: float
    broken: float
    delta: float


def scenarios() -> list[Scenario]:
    """The 43: base rates, differences and correlations, the last cut to what the rates allow, without repetitions."""
    found = {}
    for base, delta, correlation in product((0.5, 0.8, 0.95), (0.0, -0.05, -0.1, 0.05), (0.0, 0.3, 0.6, 0.9)):
        after = base + delta
        if after >= 1.0 - 1e-12:
            continue  # a rate of 1 does not vary, so it has no correlation
        both = base * after + correlation * math.sqrt(base * (1 - base) * after * (1 - after))
        both = min(both, base, after)
        one = Scenario(after - both, base - both, delta)
        found[base, delta, round(both, 9)] = one
    return list(found.values())


@dataclass(frozen=True)
class Row:
    """One number of cases: the lowest coverage, the highest chance of a false pass and of a false fail, over all scenarios."""

    n: int
    coverage: float
    false_pass: float
    false_fail: float


def paired(n: int, confidence: float = 0.95, *, among: Iterable[Scenario] | None = None) -> Row:
    """Enumerate every (fixed, broken) of ``n`` cases; the gate's margin is 5 pp."""
    tables = [(fixed, broken) for fixed in range(n + 1) for broken in range(n + 1 - fixed)]
    limits = np.array([tuple(tango(fixed, broken, n, confidence)) for fixed, broken in tables])
    counts = np.array(tables, dtype=float)
    chosen = list(scenarios() if among is None else among)
    weights = [_weights(counts, n, scenario) for scenario in chosen]
    lower, upper = limits[:, 0], limits[:, 1]
    cover = min(
        float(w[(lower <= s.delta + 1e-12) & (s.delta - 1e-12 <= upper)].sum())
        for s, w in zip(chosen, weights, strict=True)
    )
    passed = [float(w[lower > -MARGIN].sum()) for s, w in zip(chosen, weights, strict=True) if s.delta == -MARGIN]
    failed = [
        float(w[(upper < 0) & (lower <= -MARGIN)].sum()) for s, w in zip(chosen, weights, strict=True) if s.delta == 0
    ]
    return Row(n, cover, max(passed, default=0.0), max(failed, default=0.0))


def _weights(counts: np.ndarray, n: int, scenario: Scenario) -> np.ndarray:
    same = 1.0 - scenario.fixed - scenario.broken
    log_factorials = np.array([math.lgamma(k + 1) for k in range(n + 1)])
    fixed, broken = counts[:, 0].astype(int), counts[:, 1].astype(int)
    rest = n - fixed - broken
    log = log_factorials[n] - log_factorials[fixed] - log_factorials[broken] - log_factorials[rest]
    for count, p in ((fixed, scenario.fixed), (broken, scenario.broken), (rest, same)):
        log += np.where(count > 0, count * math.log(max(p, 1e-300)), 0.0)
    return np.exp(log)


def thresholds(n: int, confidence: float = 0.95) -> Row:
    """``pass_rate >= x`` by Clopper-Pearson when the truth is x itself: both errors, and coverage, over x from 0.7 to 0.99."""
    limits = np.array([tuple(clopper_pearson(passed, n, confidence)) for passed in range(n + 1)])
    rows = []
    for truth in (0.7, 0.8, 0.9, 0.95, 0.99):
        weights = np.array([math.comb(n, k) * truth**k * (1 - truth) ** (n - k) for k in range(n + 1)], dtype=float)
        above, below = weights[limits[:, 0] > truth].sum(), weights[limits[:, 1] < truth].sum()
        rows.append((1.0 - above - below, above, below))
    return Row(n, *(float(pick(column)) for pick, column in zip((min, max, max), zip(*rows, strict=True), strict=True)))
