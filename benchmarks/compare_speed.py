"""``python -m benchmarks.compare_speed``: how long a comparison takes once its measurements are in memory, beyond start-up.

Two runs of N cases, one trial each; every trial has verdicts of eight checks in seven families, which makes 20 metrics. Promise: 100,000 cases in 2 s, 500 in 0.1 s.
The time is that of the processor: other programs on the machine do not count.
"""

from __future__ import annotations

import gc
import random
import sys
import time
from typing import TYPE_CHECKING, get_args

from evalkit.compare.compare import compare
from evalkit.compare.values import Side
from evalkit.model.results import Family, Measurement

if TYPE_CHECKING:
    from evalkit.compare.values import Comparison

PROMISED = {500: 0.1, 100_000: 2.0}
FAMILIES: tuple[Family, ...] = get_args(Family)
CHECKS = (*((f"check {family}", family) for family in FAMILIES), ("a second check", FAMILIES[0]))


def main() -> int:
    """Print the time of each size, the best of three; exits with 1 above the promise."""
    late = False
    for cases, promised in PROMISED.items():
        a, b = run("baseline", cases, seed=1), run("candidate", cases, seed=2)
        best, found = min(_timed(a, b) for _ in range(3)), compare_rows(a, b)
        late |= best > promised
        print(f"{cases:>7,} cases × {len(found.metrics)} metrics: {best:.3f} s (promised {promised} s)", flush=True)
    return int(late)


def run(variant: str, cases: int, *, seed: int) -> list[Measurement]:
    """The measurements of one variant."""
    common, own = random.Random(0), random.Random(seed)
    return [_row(variant, index, common, own) for index in range(cases)]


def _row(variant: str, index: int, common: random.Random, source: random.Random) -> Measurement:
    """One trial; one in twenty has verdicts of its own, the others those of the case."""
    draws, own = [common.random() for _ in CHECKS], source.random() < 0.05
    passed = [(source.random() if own else draw) < 0.97 for draw in draws]
    checks = tuple(
        (name, family, "pass" if ok else "fail", "fail") for (name, family), ok in zip(CHECKS, passed, strict=True)
    )
    return Measurement(
        suite="speed",
        suite_path="suites/speed.yaml",
        case_id=f"case-{index:06}",
        case_digest=f"{index:064x}",
        variant=variant,
        cell="",
        label=variant,
        model="scripted/m",
        repeat=0,
        status="pass" if all(check[2] == "pass" for check in checks) else "fail",
        checks=checks,  # type: ignore[arg-type]  # the literals are spelt out above
        cost_usd=source.lognormvariate(-6.0, 0.5),
        latency_s=source.lognormvariate(0.0, 0.5),
        input_tokens=source.randrange(100, 1000),
        output_tokens=source.randrange(10, 500),
    )


def compare_rows(a: list[Measurement], b: list[Measurement]) -> Comparison:
    """The comparison that is timed."""
    return compare(
        a, b, a_side=Side("baseline", "baseline"), b_side=Side("candidate", "candidate"), suite="speed", checks=True
    )


def _timed(a: list[Measurement], b: list[Measurement]) -> float:
    gc.collect()
    started = time.process_time()
    compare_rows(a, b)
    return time.process_time() - started


if __name__ == "__main__":
    sys.exit(main())
