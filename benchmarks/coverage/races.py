"""Races of variants: how often one of the best is dropped, how often the best wins, and what is saved, by seeded simulation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalkit.compare.gates.sequential import place
from evalkit.compare.races.race import Race, unit_of
from evalkit.model.results import Measurement

CASES, NOMINAL = 200, 0.05

SETTINGS: dict[str, tuple[float, ...]] = {
    # name: the pass rate of each variant; half of what decides a case is common to all of them
    "2 variants, alike": (0.8, 0.8),
    "4 variants, all alike": (0.8,) * 4,
    "6 variants, two best": (0.85, 0.85, 0.8, 0.7, 0.7, 0.6),
    "6 variants, one better by 5 pp": (0.85, 0.8, 0.8, 0.8, 0.8, 0.8),
    "6 variants, one better by 15 pp": (0.9, 0.75, 0.75, 0.75, 0.75, 0.75),
    "6 variants, one better by 30 pp": (0.9, 0.6, 0.6, 0.6, 0.6, 0.6),
    "12 variants, one better by 15 pp": (0.9, *(0.75,) * 11),
    "4 variants, all alike, clusters of 5": (0.8,) * 4,
    "6 variants, one better by 30 pp, clusters of 5": (0.9, 0.6, 0.6, 0.6, 0.6, 0.6),
}
CLUSTERED = " clusters of "
ALIKE = 0.8
"""In a cluster, the share of the cases that what decides is common to."""


@dataclass(frozen=True)
class Raced:
    """Shares of races that dropped one of the best (``wrong``) and that found the one best, and of calls that were not made."""

    name: str
    wrong: float
    won: float
    saved: float


def simulate(name: str, *, rounds: int, seed: int = 23) -> Raced:
    """Run one setting ``rounds`` times to its end, with the shipped rule."""
    rates = SETTINGS[name]
    source = np.random.default_rng([seed, *name.encode()])
    best = {index for index, rate in enumerate(rates) if rate == max(rates)}
    wrong = won = asked = 0
    size = int(name.partition(CLUSTERED)[2] or 1)
    for _ in range(rounds):
        race, answers = _race(source, rates, size)
        wrong += bool(best - {int(label) for label in race.left})
        won += race.winner is not None and int(race.winner) in best
        asked += answers
    return Raced(name, wrong / rounds, won / rounds, 1.0 - asked / (rounds * CASES * len(rates)))


def _race(source: np.random.Generator, rates: tuple[float, ...], size: int) -> tuple[Race, int]:
    labels = [str(index) for index in range(len(rates))]
    clusters = {f"case-{number}": f"cluster-{number // size}" for number in range(CASES)} if size > 1 else {}
    race, asked = Race([f"case-{number}" for number in range(CASES)], labels, clusters=clusters), 0
    common, own, alone = (
        _alike(source, size, 1)[:, 0],
        _alike(source, size, len(rates)),
        _alike(source, size, len(rates)),
    )
    for number in sorted(range(CASES), key=lambda n: _seat(f"case-{n}", clusters.get(f"case-{n}"))):
        for index in [int(label) for label in race.left] if race.winner is None else []:
            draw = own[number, index] if alone[number, index] < 0.5 else common[number]
            race.heard(_row(labels[index], f"case-{number}", passed=bool(draw < rates[index])))
            asked += 1
    if not race.waiting:
        race.last_look()
    return race, asked


def _seat(case: str, cluster: str | None) -> str:
    return place(unit_of(case, cluster)) + place(case)


def _alike(source: np.random.Generator, size: int, variants: int) -> np.ndarray:
    """A draw for each case and variant; most of a cluster share theirs."""
    drawn = source.random((CASES, variants))
    if size == 1:
        return drawn
    first = drawn[np.arange(CASES) // size * size]
    return np.where(source.random((CASES, variants)) < ALIKE, first, drawn)


def _row(label: str, case: str, *, passed: bool) -> Measurement:
    return Measurement(
        suite="s", suite_path="s.yaml", case_id=case, case_digest=case, variant=label, cell="", label=label, model="m",
        repeat=0, status="pass" if passed else "fail",
    )  # fmt: skip


def report(rounds: int) -> list[str]:
    """Print the table; return what is out of bounds (three standard errors are allowed for the simulation)."""
    print(f"\nraces over {CASES} cases, {rounds} of each       dropped one of the best   found the best     saved")
    allowed = NOMINAL + 3 * (NOMINAL * (1 - NOMINAL) / rounds) ** 0.5
    broken = []
    for name in SETTINGS:
        row = simulate(name, rounds=rounds)
        print(f"  {name:<44}{row.wrong:14.3f}{row.won:17.3f}{row.saved:10.0%}", flush=True)
        if row.wrong > allowed:
            broken.append(f"races, {name}: dropped one of the best in {row.wrong:.3f}")
    return broken
