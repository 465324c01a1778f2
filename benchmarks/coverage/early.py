"""Gates that may decide early: errors and savings at 400 cases, margin 5 pp, by seeded simulation of the shipped rule."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalkit.compare.gates.sequential import Tally, last_confidence
from evalkit.compare.stats import tango

CASES, MARGIN, NOMINAL = 400, 0.05, 0.025

SETTINGS = {
    # name: chances that a case is fixed and that it breaks
    "no change, 5% flips": (0.025, 0.025),
    "no change, 20% flips": (0.10, 0.10),
    "-5 pp, 5% flips": (0.0, 0.05),
    "-5 pp, 10% flips": (0.025, 0.075),
    "-5 pp, 25% flips": (0.10, 0.15),
    "-15 pp, 25% flips": (0.05, 0.20),
    "-30 pp, 34% flips": (0.02, 0.32),
}


@dataclass(frozen=True)
class Early:
    """Shares of runs that passed and failed, and the pairs asked on average."""

    name: str
    passed: float
    failed: float
    pairs: float

    @property
    def saved(self) -> float:
        """The share of the calls that was never made."""
        return 1.0 - self.pairs / CASES


def simulate(name: str, *, rounds: int, seed: int = 17) -> Early:
    """Run one setting ``rounds`` times to its decision."""
    fixed, broken = SETTINGS[name]
    source = np.random.default_rng([seed, *name.encode()])
    outcomes = [
        _run(changes)
        for changes in source.choice((1, -1, 0), size=(rounds, CASES), p=(fixed, broken, 1 - fixed - broken))
    ]
    statuses = [status for status, _ in outcomes]
    share = {status: statuses.count(status) / rounds for status in ("passed", "failed")}
    return Early(name, share["passed"], share["failed"], sum(pairs for _, pairs in outcomes) / rounds)


def _run(changes: np.ndarray) -> tuple[str, int]:
    tally = Tally.start(MARGIN)
    for change in changes.tolist():
        tally = tally.after(change < 0, change > 0)
        decision = tally.decision()
        if decision is not None:
            return decision.status, decision.n
    lower, upper = tango(tally.fixed, tally.broken, CASES, last_confidence(0.95))
    return ("passed" if lower > -MARGIN else "failed" if upper < 0 else "undecided"), CASES


def report(rounds: int) -> list[str]:
    """Print the table; return what is out of bounds (three standard errors are allowed for the simulation)."""
    print(f"\ngates that decide early, {CASES} cases, {rounds} runs each       passed    failed   pairs asked    saved")
    broken = []
    allowed = NOMINAL + 3 * (NOMINAL * (1 - NOMINAL) / rounds) ** 0.5
    for name in SETTINGS:
        row = simulate(name, rounds=rounds)
        print(f"  {name:<54}{row.passed:8.3f}{row.failed:10.3f}{row.pairs:14.0f}{row.saved:9.0%}", flush=True)
        if name.startswith("no change") and row.failed > allowed:
            broken.append(f"early, {name}: failed {row.failed:.3f}")
        if name.startswith("-5 pp") and row.passed > allowed:
            broken.append(f"early, {name}: passed {row.passed:.3f}")
        if name.startswith("-15 pp") and row.saved < 0.4:
            broken.append(f"early, {name}: saved {row.saved:.0%}")
    return broken
