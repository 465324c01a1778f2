"""A race of variants over the same cases: whoever is shown not to be the best is dropped, however often one looks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING

from evalkit.compare.gates.sequential import place
from evalkit.compare.pair import passes
from evalkit.compare.paired_outcomes import MOST_ERRORS
from evalkit.compare.statistics.eprocess import Wager
from evalkit.compare.statistics.paired import paired_scores

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from evalkit.model.results import Measurement

EARLY_HALF = 0.5
"""The part of the error that is spent on dropping early; the other half is left for the look at all cases."""


@dataclass(frozen=True, slots=True)
class Drop:
    """A variant that is not the best: ``better`` is better, having won ``won`` and lost ``lost`` of the first ``n`` cases.

    Where cases have clusters, ``n``, ``won`` and ``lost`` count clusters (``clustered``). ``e`` is the evidence of an early drop, ``p`` the
    corrected one-sided p-value of a drop at the look at all cases; the other is None.
    """

    label: str
    better: str
    n: int
    won: int
    lost: int
    e: float | None = None
    p: float | None = None
    clustered: bool = False


class Race:
    """The variants ``labels`` over ``cases``, hearing one measurement after another, in any order.

    The hypothesis of a variant is "none of the others is better than this one". Against it 1 is bet, case by case, on the variant that has
    done best beside it so far; both the opponent and the stake are fixed before the case is seen, so that the wealth is evidence at any
    moment (Ville 1939; Waudby-Smith & Ramdas 2024). The variant is dropped by Holm's (1979) rule over all variants: with m of them left,
    when 1 has become 2m/(1 − confidence). So, of all races, at most 1 − confidence ever drop a variant that is among the best: half of that
    is spent on the early looks, half on the look at all cases, where the score tests of all pairs are corrected in the same way.

    Cases are looked at in the order of :func:`evalkit.compare.gates.sequential.place`, once every variant that is left has its ``repeats``
    answers. Nothing is dropped while more than 2% of its answers are errors. ``clusters`` names the cluster of cases that share one: they
    are looked at together, and one bet is made on what all of them changed by, in units of the largest cluster.
    """

    def __init__(
        self,
        cases: Collection[str],
        labels: Sequence[str],
        *,
        confidence: float = 0.95,
        repeats: int = 1,
        clusters: Mapping[str, str] | None = None,
    ) -> None:
        if not 0.0 < confidence < 1.0:
            raise ValueError(f"a confidence lies strictly between 0 and 1, not {confidence}")
        units = _units(cases, clusters or {})
        self._units = [units[name] for name in sorted(units, key=place, reverse=True)]
        self._largest = max(map(len, self._units), default=1)
        self._alpha = 1.0 - confidence
        self._repeats = repeats
        self._heard: dict[str, dict[str, list[Measurement]]] = {}
        self._absent: set[str] = set()
        self._draws: dict[str, list[tuple[float, ...]]] = {label: [] for label in labels}
        self._clusters: list[int] = []
        self._errors = dict.fromkeys(labels, 0)
        self._won = dict.fromkeys(permutations(labels, 2), 0)
        self._wagers = dict.fromkeys(self._won, Wager(0.0))
        self._log_wealth = dict.fromkeys(labels, 0.0)
        self._units_seen = 0
        self.left: tuple[str, ...] = tuple(labels)
        self.drops: list[Drop] = []

    @property
    def winner(self) -> str | None:
        """The variant that is left alone; None while there are several."""
        return self.left[0] if len(self.left) == 1 else None

    @property
    def looked(self) -> int:
        """How many cases have been looked at."""
        return len(self._clusters)

    @property
    def waiting(self) -> int:
        """How many cases have not been looked at."""
        return sum(map(len, self._units))

    def heard(self, row: Measurement) -> None:
        """Take note of one answer of one variant."""
        if row.label in self._draws and len(self.left) > 1:
            self._heard.setdefault(row.case_id, {}).setdefault(row.label, []).append(row)
            self._look()

    def left_out(self, case_id: str) -> None:
        """Take note that nobody is asked this case."""
        self._absent.add(case_id)
        self._look()

    def _look(self) -> None:
        while self._units and len(self.left) > 1:
            asked = [case_id for case_id in self._units[-1] if self._complete(case_id)]
            if any(case_id not in asked and case_id not in self._absent for case_id in self._units[-1]):
                return
            self._units.pop()
            if asked:
                self._take([{label: self._heard[case_id][label] for label in self.left} for case_id in asked])
                self._drop_early()

    def _complete(self, case_id: str) -> bool:
        sides = self._heard.get(case_id, {})
        return all(len(sides.get(label, ())) == self._repeats for label in self.left)

    def _take(self, unit: Sequence[Mapping[str, Sequence[Measurement]]]) -> None:
        """Look at the cases of one unit: each variant's rate is the sum over them, in units of the largest cluster."""
        rates = dict.fromkeys(self.left, 0.0)
        for sides in unit:
            self._clusters.append(self._units_seen)
            for label, rows in sides.items():
                self._draws[label].append(passes(rows))
                self._errors[label] += any(row.status == "error" for row in rows)
                rates[label] += sum(self._draws[label][-1]) / (self._repeats * self._largest)
        self._units_seen += 1
        for label, rate in rates.items():
            opponent = self._opponent(label)
            self._log_wealth[label] += math.log1p(self._stake(opponent, label) * (rates[opponent] - rate))
        for pair in permutations(rates, 2):
            change = rates[pair[0]] - rates[pair[1]]
            self._won[pair] += change > 0.0
            if self._graded:
                self._wagers[pair] = self._wagers[pair].after(change)

    @property
    def _graded(self) -> bool:
        """Whether a unit can be won by more or less: by repeats, or by the cases of a cluster."""
        return self._repeats > 1 or self._largest > 1

    def _opponent(self, label: str) -> str:
        """Who has done best beside ``label`` in the cases so far."""
        others = (other for other in self.left if other != label)
        return max(others, key=lambda other: self._won[other, label] - self._won[label, other])

    def _stake(self, better: str, worse: str) -> float:
        """What to bet on ``better``: of single runs by the share of flips that it won (Krichevsky & Trofimov 1981), else by means."""
        if self._graded:
            return self._wagers[better, worse].stake
        won, lost = self._won[better, worse], self._won[worse, better]
        return max(0.0, (won - lost) / (won + lost + 1))

    def _drop_early(self) -> None:
        while len(self.left) > 1:
            sure = {label: self._log_wealth[label] for label in self.left if not self._doubtful(label)}
            worst = max(sure, key=sure.__getitem__, default=None)
            if worst is None or sure[worst] < math.log(len(self.left) / (EARLY_HALF * self._alpha)):
                return
            self._drop(worst, self._opponent(worst), e=math.exp(min(sure[worst], 700.0)))

    def _doubtful(self, label: str) -> bool:
        return self._errors[label] > MOST_ERRORS * self.looked

    def _drop(self, label: str, better: str, *, e: float | None = None, p: float | None = None) -> None:
        self.left = tuple(other for other in self.left if other != label)
        won, lost = self._won[better, label], self._won[label, better]
        self.drops.append(Drop(label, better, self._units_seen, won, lost, e, p, clustered=self._largest > 1))

    def last_look(self) -> None:
        """Compare those that are left over all cases; to be called once, when every case has been looked at.

        Raises ValueError before that.
        """
        if self._units and len(self.left) > 1:
            raise ValueError(f"{self.waiting} cases have not been looked at")
        while len(self.left) > 1:
            found = {label: self._least_p(label) for label in self.left if not self._doubtful(label)}
            worst = min(found, key=found.__getitem__, default=None)
            if worst is None:
                return
            p, better = found[worst]
            p = min(1.0, p * (len(self._draws) - 1) * len(self.left))
            if p > (1.0 - EARLY_HALF) * self._alpha:
                return
            self._drop(worst, better, p=p)

    def _least_p(self, label: str) -> tuple[float, str]:
        """The smallest one-sided p-value of "no better than ``label``" among those that are left, and whose it is."""
        return min((self._p(other, label), other) for other in self.left if other != label)

    def _p(self, better: str, worse: str) -> float:
        if not self.looked:
            return 1.0
        clusters = self._clusters if self._largest > 1 else None
        found = paired_scores(self._draws[worse], self._draws[better], clusters, binary=True)
        return found.p / 2.0 if found.z > 0.0 else 1.0 - found.p / 2.0


def _units(cases: Collection[str], clusters: Mapping[str, str]) -> dict[str, list[str]]:
    """The cases that are looked at together, by what decides when: a case that stands alone, or a cluster."""
    found: dict[str, list[str]] = {}
    for case_id in sorted(set(cases), key=place):
        found.setdefault(unit_of(case_id, clusters.get(case_id)), []).append(case_id)
    return found


def unit_of(case_id: str, cluster: str | None) -> str:
    """What a case is looked at with: itself, or its cluster, which no case's id is taken for."""
    return case_id if cluster is None else f"cluster\0{cluster}"
