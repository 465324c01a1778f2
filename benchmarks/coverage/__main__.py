"""``python -m benchmarks.coverage [--rounds N]``: how often the shipped intervals hold the truth, and how often a real drop passes.

Nominal: 95% coverage, a drop of exactly the margin passes in 2.5%. Single runs are enumerated exactly; the rest is simulated with a
seed, each figure beside that of the specification. Exits with 1 if a promise of docs/statistics.md is broken, or if a figure is worse
than the specified one by more than 0.01 and chance. About five minutes of CPU.
"""

from __future__ import annotations

import argparse
import math
import sys
import time

from benchmarks.coverage import early, judges, quantiles, races
from benchmarks.coverage.binary import paired, scenarios, thresholds
from benchmarks.coverage.simulated import settings, simulate
from benchmarks.coverage.specified import TABLES, Line, heading

ENOUGH = 3000
"""With fewer samples the simulated tables are printed, not judged: chance alone would miss the bounds."""


def main() -> int:
    """Print the tables; say what is out of bounds."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.coverage", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ENOUGH, help="samples per simulated setting")
    parser.add_argument("--only", choices=list(TABLES), help="print this table only")
    chosen = parser.parse_args()
    started = time.process_time()
    broken = _tables(chosen.rounds) if chosen.only is None else _table(chosen.only, chosen.rounds)
    print(f"\n{time.process_time() - started:.0f} s of CPU; {'all within bounds' if not broken else 'OUT OF BOUNDS:'}")
    for line in broken:
        print(f"  {line}")
    return 1 if broken else 0


def _table(kind: str, rounds: int) -> list[str]:
    return _single_runs() if kind == "single" else _simulated(kind, rounds)


def _tables(rounds: int) -> list[str]:
    broken = [*_single_runs(), *_thresholds()]
    for kind in ("repeats", "clusters", "scores", "adverse"):
        broken += _simulated(kind, rounds)
    broken += early.report(rounds)
    broken += quantiles.report(rounds // 3)
    broken += judges.report(rounds // 3)
    return [*broken, *races.report(rounds // 5)]


def _single_runs() -> list[str]:
    table = TABLES["single"]
    print(heading(table) + f"    worst false fail   ({len(scenarios())} scenarios, exact)")
    broken = []
    for n, *page in zip(table.sizes, table.coverage, table.false_pass, strict=True):
        row = paired(n)
        line = Line(n, row.coverage, row.false_pass, *page)
        print(f"{line}    {row.false_fail:.3f}", flush=True)
        broken += [f"single runs, {text}" for text in line.far]
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
    table = TABLES[kind]
    rounds *= 2 if kind == "repeats" else 1  # alike cases are counted, so that they cost half
    print(f"\n{heading(table)}    mean coverage   ({rounds} samples of each setting)")
    broken = []
    for n, *page in zip(table.sizes, table.coverage, table.false_pass, strict=True):
        cells = [
            simulate(name, population, n, delta, rounds=rounds, seed=11) for name, population, delta in settings(kind)
        ]
        worst = min(cells, key=lambda cell: cell.coverage)
        passed = max((cell for cell in cells if cell.false_pass is not None), key=lambda cell: cell.false_pass or 0.0)
        false_pass = passed.false_pass or 0.0
        errors = (2 * math.sqrt(max(rate * (1 - rate), 1 / rounds) / rounds) for rate in (worst.coverage, false_pass))
        line = Line(n, worst.coverage, false_pass, *page, *errors)
        mean = sum(cell.coverage for cell in cells) / len(cells)
        print(f"{line}    {mean:.3f}   {worst.name}; {passed.name}", flush=True)
        broken += [f"{kind}, {text}" for text in line.far] if rounds >= ENOUGH else []
    return broken


if __name__ == "__main__":
    sys.exit(main())
