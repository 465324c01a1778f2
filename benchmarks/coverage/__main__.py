"""``python -m benchmarks.coverage [--rounds N]``: how often the shipped intervals hold the truth, and how often a real drop passes.

Nominal: 95% coverage, a drop of exactly the margin passes in 2.5%. Single runs are enumerated exactly; the rest is simulated with a
seed. Exits with 1 if a promise of docs/statistics.md is broken. About seven minutes of CPU.
"""

from __future__ import annotations

import argparse
import sys
import time

from benchmarks.coverage import early, races
from benchmarks.coverage.binary import paired, scenarios, thresholds
from benchmarks.coverage.simulated import settings, simulate

SIZES = {
    "repeats": (10, 20, 50, 100, 300),
    "clusters": (5, 10, 20, 60),
    "scores": (10, 20, 50, 100, 300),
    "adverse": (10, 20, 50, 100, 300),
}
PROMISED = {
    # the lowest coverage that the method was specified with, and its highest false pass, by number of cases. The populations of the
    # specification are described, not published, so ours differ: coverage may be missed by NEAR, and so may the highest false pass of all
    "repeats": ((0.962, 0.954, 0.942, 0.936, 0.944), (0.023, 0.037, 0.054, 0.052, 0.035)),
    "clusters": ((0.975, 0.954, 0.954, 0.954), (0.025, 0.025, 0.025, 0.025)),
    "scores": ((0.954, 0.941, 0.939, 0.947, 0.942), (0.043, 0.058, 0.030, 0.022, 0.025)),
    "adverse": ((0.0,) * 5, (1.0,) * 5),  # printed, not judged: see the limits in docs/statistics.md
}
NEAR = 0.01
ENOUGH = 3000
"""With fewer samples the simulated tables are printed, not judged: chance alone would miss the bounds."""


def main() -> int:
    """Print the tables; say what is out of bounds."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.coverage", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ENOUGH, help="samples per simulated setting")
    rounds = parser.parse_args().rounds
    started = time.process_time()
    broken = [*_single_runs(), *_thresholds()]
    for kind in SIZES:
        broken += _simulated(kind, rounds)
    broken += early.report(rounds)
    broken += races.report(rounds // 5)
    print(f"\n{time.process_time() - started:.0f} s of CPU; {'all within bounds' if not broken else 'OUT OF BOUNDS:'}")
    for line in broken:
        print(f"  {line}")
    return 1 if broken else 0


def _single_runs() -> list[str]:
    print(
        f"one run per case, {len(scenarios())} scenarios, exact        minimum coverage   worst false pass   worst false fail"
    )
    broken = []
    for n in (10, 20, 50, 100, 300):
        row = paired(n)
        print(f"  n = {n:<4}{row.coverage:46.3f}{row.false_pass:19.3f}{row.false_fail:19.3f}", flush=True)
        if row.coverage < 0.93 or round(row.false_pass, 3) > 0.03:
            broken.append(f"single runs, n = {n}: coverage {row.coverage:.4f}, false pass {row.false_pass:.4f}")
    return broken


def _thresholds() -> list[str]:
    print("\nthreshold on one pass rate, truth = threshold, exact")
    broken = []
    for n in (10, 50, 100, 300):
        row = thresholds(n)
        print(f"  n = {n:<4}{row.coverage:46.3f}{row.false_pass:19.3f}{row.false_fail:19.3f}", flush=True)
        if max(row.false_pass, row.false_fail) > 0.0251:
            broken.append(f"thresholds, n = {n}: {row}")
    return broken


def _simulated(kind: str, rounds: int) -> list[str]:
    coverages, passes = PROMISED[kind]
    print(f"\n{kind}, {rounds} samples each{'':20} mean   minimum coverage   worst false pass")
    broken = []
    for n, least, most in zip(SIZES[kind], coverages, passes, strict=True):
        cells = [
            simulate(name, population, n, delta, rounds=rounds, seed=11) for name, population, delta in settings(kind)
        ]
        mean = sum(cell.coverage for cell in cells) / len(cells)
        worst = min(cells, key=lambda cell: cell.coverage)
        passed = max((cell for cell in cells if cell.false_pass is not None), key=lambda cell: cell.false_pass or 0.0)
        false_pass = passed.false_pass or 0.0
        print(
            f"  n = {n:<4}{mean:37.3f}{worst.coverage:19.3f}{false_pass:19.3f}   "
            f"(specified {least}, {most})   {worst.name}; {passed.name}",
            flush=True,
        )
        if rounds >= ENOUGH and (worst.coverage < least - NEAR or false_pass > max(passes) + NEAR):
            broken.append(f"{kind}, n = {n}: coverage {worst.coverage:.3f}, false pass {false_pass:.3f}")
    return broken


if __name__ == "__main__":
    sys.exit(main())
