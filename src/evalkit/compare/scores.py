"""The scores that checks give, paired by case and counted together: what the change of a mean score rests on."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from evalkit.compare.estimate import rate_of, scored_change
from evalkit.compare.kinds import clusters_in, variance_of_mean
from evalkit.compare.pair import pair
from evalkit.compare.slices import narrow
from evalkit.compare.statistics.paired import scored
from evalkit.compare.statistics.score import Moments, case_moments, sample_variance

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from evalkit.compare.estimate import RateChange
    from evalkit.compare.pair import PairedCase
    from evalkit.model.results import Measurement


class ScoredCases(NamedTuple):
    """Cases (``cases`` of them) with these scores before (``a``) and after (``b``), each in [0, 1], all of one ``cluster`` or of none."""

    a: tuple[float, ...]
    b: tuple[float, ...]
    cluster: str | None
    cases: int


@dataclass(frozen=True, slots=True)
class ScoreTable:
    """The paired cases of one check's scores. ``unknown`` of the ``trials`` were judged and have no score: the mean is then unknown."""

    kinds: tuple[ScoredCases, ...]
    trials: int
    unknown: int = 0

    @classmethod
    def of(cls, cases: Sequence[PairedCase], check: str) -> ScoreTable:
        """Count ``cases``, narrowed to what ``check`` judged. What could not be measured scores 0 (intention to treat)."""
        rows = [row for case in cases for row in (*case.a, *case.b)]
        counts = Counter((scores_of(case.a, check), scores_of(case.b, check), case.cluster) for case in cases)
        return cls(
            tuple(ScoredCases(*key, count) for key, count in counts.items()), len(rows), without_score(rows, check)
        )


def score_tables(a: Sequence[Measurement], b: Sequence[Measurement]) -> dict[str, ScoreTable]:
    """The table of every check that gave a score in a trial of either side, in alphabetical order."""
    everything = [*a, *b]
    found = {}
    for name in sorted({name for row in everything for name, _ in row.scores}):
        sides = (narrow(rows, f"check:{name}", among=everything) for rows in (a, b))
        found[name] = ScoreTable.of(pair(*sides).cases, name)
    return found


def scores_of(rows: Iterable[Measurement], check: str) -> tuple[float, ...]:
    """The scores of ``check`` in the trials of a case, in rising order; 0 for what could not be measured."""
    return tuple(sorted(0.0 if row.status == "error" else _score(row, check) or 0.0 for row in rows))


def without_score(rows: Iterable[Measurement], check: str) -> int:
    """How many trials were judged by ``check`` without a score."""
    return sum(row.status != "error" and _score(row, check) is None for row in rows)


def _score(row: Measurement, check: str) -> float | None:
    """The score that the check gave in one trial, on average if the suite has it several times; None if it gave none."""
    found = [score for name, score in row.scores if name == check]
    return math.fsum(found) / len(found) if found else None


def score_change(table: ScoreTable, confidence: float) -> RateChange | None:
    """The change of the mean score, by the score interval on effective counts with Student's t; None without cases.

    As :func:`evalkit.compare.statistics.paired.paired_scores` finds it from the same draws.
    """
    kinds = table.kinds
    if not kinds:
        return None
    clusters = clusters_in(kinds)
    found = scored(_moments(kinds, clusters), confidence, published=False)
    share = _noise_share(kinds, found.n, found.s2)
    change = scored_change(
        found,
        a=rate_of([(math.fsum(one.a), len(one.a), one) for one in kinds], clusters, confidence),
        b=rate_of([(math.fsum(one.b), len(one.b), one) for one in kinds], clusters, confidence),
        n_clusters=clusters,
        noise_share=share,
        repeats=min(min(len(one.a), len(one.b)) for one in kinds) if clusters is None else None,
    )
    return replace(change, df=found.df, sd_between=None if share is None else math.sqrt(found.s2 * (1.0 - share)))


def _moments(kinds: Sequence[ScoredCases], clusters: int | None) -> Moments:
    """What :func:`evalkit.compare.statistics.score.moments_of` finds, of cases that are counted."""
    n = sum(one.cases for one in kinds)
    found = [(case_moments(one.a, one.b), one) for one in kinds]
    up, down, square = (math.fsum(one.cases * moment[place] for moment, one in found) / n for place in range(3))
    variance = variance_of_mean([(moment[0] - moment[1], one) for moment, one in found], up - down, clusters)
    inverse = math.fsum(one.cases * (1.0 / len(one.a) + 1.0 / len(one.b)) for one in kinds)
    return Moments(n, up, down, square, variance, inverse, clusters or n, clustered=clusters is not None)


def _noise_share(kinds: Sequence[ScoredCases], n: int, s2: float) -> float | None:
    """The part of the variance between cases that repeats could remove; as for pass rates (Miller 2024, section 3.1)."""
    if s2 <= 0.0 or any(min(len(one.a), len(one.b)) < 2 for one in kinds):
        return None
    within = math.fsum(one.cases * sample_variance(draws) / len(draws) for one in kinds for draws in (one.a, one.b))
    return min(1.0, within / n / s2)
