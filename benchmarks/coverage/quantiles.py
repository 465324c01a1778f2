"""How often the interval of a p50 or p95 holds the truth, with repeats and clusters, beside that of a case bootstrap: seeded simulation."""

from __future__ import annotations

import math
from itertools import product

import numpy as np

from evalkit.compare.quantiles import quantile_interval

SIZES = (10, 20, 50, 100, 300)
SHARES = {0.5: 0.0, 0.95: 1.6448536269514722}
"""The quantiles, and where they are on the normal scale."""
SPREAD = 0.6
"""The standard deviation of a latency's logarithm: a p95 of 2.7 times the median."""
_DRAWS = 500
ENOUGH = 1000
"""With fewer samples the lowest of twelve settings says little, and is not judged."""


def coverage(n: int, *, rounds: int, draws: int, alike: float, q: float, resample: int = 0, seed: int = 41) -> float:
    """How often the interval of the quantile ``q`` holds the true one: ``n`` cases of ``draws`` answers, of whose variance ``alike`` is common.

    With ``resample`` it is the percentile interval of so many resampled sets of cases instead.
    """
    source = np.random.default_rng([seed, n, draws, int(100 * alike), int(100 * q)])
    truth, held = math.exp(SPREAD * SHARES[q]), 0
    names = [case for case in range(n) for _ in range(draws)]
    for _ in range(rounds):
        common, own = source.standard_normal((n, 1)), source.standard_normal((n, draws))
        values = np.exp(SPREAD * (math.sqrt(alike) * common + math.sqrt(1.0 - alike) * own))
        if resample:
            chosen = source.integers(0, n, (resample, n))
            lower, upper = np.quantile(np.quantile(values[chosen].reshape(resample, -1), q, axis=1), (0.025, 0.975))
        else:
            lower, upper = quantile_interval(values.ravel().tolist(), q, clusters=names)
        held += bool(lower <= truth <= upper)
    return held / rounds


def report(rounds: int) -> list[str]:
    """Print the lowest coverage of each size; return what is below 95% by more than three standard errors."""
    print(f"\np50 and p95 of 3 and 10 repeats, {rounds} samples of each       lowest coverage      of a case bootstrap")
    allowed = 0.95 - 3 * (0.95 * 0.05 / rounds) ** 0.5
    broken = []
    for n in SIZES:
        settings = list(product((3, 10), (0.0, 0.3, 0.8), SHARES))
        ours = min(coverage(n, rounds=rounds, draws=draws, alike=alike, q=q) for draws, alike, q in settings)
        other = min(
            coverage(n, rounds=rounds // 5, draws=draws, alike=alike, q=q, resample=_DRAWS)
            for draws, alike, q in settings
        )
        print(f"  n = {n:<4}{ours:61.3f}{other:25.3f}", flush=True)
        if ours < allowed and rounds >= ENOUGH:
            broken.append(f"quantiles, n = {n}: coverage {ours:.3f}")
    return broken
