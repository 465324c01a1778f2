"""A ranking of three or more variants from pairwise judgements."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_STEPS = 20_000
_CLOSE = 1e-13


def bradley_terry(
    wins: Mapping[tuple[str, str], float],
    ties: Mapping[tuple[str, str], float] | None = None,
    *,
    prior: float = 0.0,
) -> dict[str, float]:
    """Bradley & Terry's (1952) strengths as logarithms that average 0, by Hunter's (2004) minorisation steps.

    ``wins[x, y]`` counts how often x beat y; a tie is half a win each way, in either order. P(x beats y) = 1/(1 + exp(s_y − s_x)).
    ``prior`` adds that many ties between all: with it a variant that never lost has a finite strength. Raises ValueError if a
    variant won nothing or everything and there is no prior, or for counts below 0.
    """
    names = sorted({name for pair in (*wins, *(ties or {})) for name in pair})
    won = _half_ties(names, wins, ties or {}, prior)
    _check(names, won)
    games = {(x, y): won[x, y] + won[y, x] for x in names for y in names if x != y}
    totals = {x: math.fsum(won[x, y] for y in names if y != x) for x in names}
    strength = dict.fromkeys(names, 1.0)
    for _ in range(_STEPS):
        new = {
            x: totals[x] / math.fsum(games[x, y] / (strength[x] + strength[y]) for y in names if y != x) for x in names
        }
        centre = math.exp(math.fsum(map(math.log, new.values())) / len(names))
        new = {name: value / centre for name, value in new.items()}
        moved = max(abs(new[name] - strength[name]) / new[name] for name in names)
        strength = new
        if moved < _CLOSE:
            break
    return {name: math.log(value) for name, value in strength.items()}


def _half_ties(
    names: list[str], wins: Mapping[tuple[str, str], float], ties: Mapping[tuple[str, str], float], prior: float
) -> dict[tuple[str, str], float]:
    won = {(x, y): prior / 2.0 for x in names for y in names if x != y}
    for (x, y), count in wins.items():
        won[x, y] += count
    for (x, y), count in ties.items():
        won[x, y] += count / 2.0
        won[y, x] += count / 2.0
    return won


def _check(names: list[str], won: Mapping[tuple[str, str], float]) -> None:
    """Strengths exist only if, however the variants are divided, each part beat the other at least once (Ford 1957)."""
    if len(names) < 2 or min(won.values()) < 0.0:
        raise ValueError("a ranking needs two variants or more and counts that are not negative")
    for forwards in (True, False):
        if len(_reached(names, won, forwards=forwards)) < len(names):
            raise ValueError(
                "some variants won or lost everything against the others; give a prior, such as one tie each"
            )


def _reached(names: list[str], won: Mapping[tuple[str, str], float], *, forwards: bool) -> set[str]:
    """The variants that a chain of wins (backwards: of losses) leads to from the first one."""
    reached, todo = {names[0]}, [names[0]]
    while todo:
        x = todo.pop()
        beaten = [y for y in names if y not in reached and won[(x, y) if forwards else (y, x)] > 0.0]
        reached.update(beaten)
        todo += beaten
    return reached
