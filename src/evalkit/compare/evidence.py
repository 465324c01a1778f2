"""What a comparison is made from, whether it was counted in memory or by the database."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalkit.compare.estimate import RATIO_METRICS, ratio_moments, single_trials
from evalkit.compare.kinds import CaseTable
from evalkit.compare.pair import PairCounts, flips, pair
from evalkit.compare.scores import score_tables

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalkit.compare.scores import ScoreTable
    from evalkit.compare.statistics.ratios import RatioMoments
    from evalkit.compare.values import Flip
    from evalkit.model.results import Measurement


@dataclass(frozen=True, slots=True)
class Evidence:
    """Two sides of one suite, paired and counted.

    ``table`` holds the paired cases, ``flips`` those that changed, in the order in which they are shown. ``only_a``, ``only_b`` and ``changed``
    (same id, other content) could not be paired; ``lost`` is the sum of their changes at worst. ``errors_…`` and ``trials_…`` count trials,
    ``error_cases_…`` names their cases. ``ratios`` are by metric, None where no case is known on both sides; ``scores`` by check.
    """

    table: CaseTable
    flips: tuple[Flip, ...]
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    changed: tuple[str, ...]
    lost: float
    errors_a: int
    errors_b: int
    trials_a: int
    trials_b: int
    error_cases_a: tuple[str, ...]
    error_cases_b: tuple[str, ...]
    ratios: Mapping[str, RatioMoments | None]
    scores: Mapping[str, ScoreTable]

    @property
    def counts(self) -> PairCounts:
        """What gates say of the pairing; as :attr:`evalkit.compare.pair.Pairing.counts`."""
        draws = self.table.passes()
        paired, alone = sum(one.cases for one in draws), len(self.only_a) + len(self.only_b)
        seen = paired + alone
        worst = (math.fsum(one.cases * one.change for one in draws) + self.lost) / seen if seen else None
        return PairCounts(paired, alone + len(self.changed), self.error_cases_a, self.error_cases_b, worst)


def evidence_of(a: Sequence[Measurement], b: Sequence[Measurement]) -> Evidence:
    """Pair and count the trials of both sides."""
    pairing = pair(a, b)
    single = single_trials(pairing.cases)
    return Evidence(
        table=CaseTable.of(pairing.cases),
        flips=flips(pairing.cases),
        only_a=pairing.only_a,
        only_b=pairing.only_b,
        changed=pairing.changed,
        lost=pairing.lost,
        errors_a=_errors(a),
        errors_b=_errors(b),
        trials_a=_trials(a),
        trials_b=_trials(b),
        error_cases_a=pairing.errors_a,
        error_cases_b=pairing.errors_b,
        ratios={name: ratio_moments(pairing.cases, name, single=single) for name in RATIO_METRICS},
        scores=score_tables(a, b),
    )


def _errors(rows: Sequence[Measurement]) -> int:
    return sum(row.status == "error" for row in rows)


def _trials(rows: Sequence[Measurement]) -> int:
    return sum(row.status != "skip" for row in rows)
