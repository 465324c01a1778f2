"""Gates on the mean score of a check: no worse by more than a margin, better by at least so much, or above a threshold."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from evalkit.compare import words
from evalkit.compare.estimate import Rate, RateChange, cluster_labels, scored_change
from evalkit.compare.finding import Finding
from evalkit.compare.gate_rate import judge_change
from evalkit.compare.gate_single import judge_level, nothing_run, rate_name
from evalkit.compare.intervals import effective_sample, wilson
from evalkit.compare.pair import by_case
from evalkit.compare.paired import paired_scores
from evalkit.compare.score import sample_variance

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from evalkit.compare.contest import Contest
    from evalkit.model.results import Measurement
    from evalkit.suites.spec import GateSpec

    Draws = Sequence[Sequence[float]]


def judge_score(contest: Contest) -> Finding:
    """``no_regression`` or ``better_than`` on a mean score, by the score interval on effective counts, with Student's t."""
    gate, cases = contest.gate, contest.cases
    if not cases:
        return nothing_run(gate)
    rows = [row for case in cases for row in (*case.a, *case.b)]
    unknown = _without_score(rows, gate)
    if unknown:
        return contest.finding("undecided", *_unknown(gate, unknown, len(rows)), numbers={"unknown": unknown})
    a, b = (
        [_scores(side, gate) for side in sides] for sides in ([case.a for case in cases], [case.b for case in cases])
    )
    return judge_change(contest, _change(a, b, cluster_labels([case.cluster for case in cases]), gate.confidence))


def judge_mean_score(gate: GateSpec, rows: Sequence[Measurement]) -> Finding:
    """A mean score against a threshold, three-valued, by the Clopper-Pearson interval on effective counts."""
    groups = list(by_case(rows).values())
    if not groups:
        return nothing_run(gate)
    unknown = _without_score([row for group in groups for row in group], gate)
    if unknown:
        return Finding("undecided", *_unknown(gate, unknown, sum(map(len, groups))), {"unknown": unknown})
    clusters = cluster_labels([group[0].cluster for group in groups])
    return judge_level(gate, rows, _mean([_scores(group, gate) for group in groups], clusters, gate.confidence))


def _unknown(gate: GateSpec, unknown: int, total: int) -> tuple[str, str]:
    text = f"the check {gate.scored} gave no score in {unknown} of {words.number_of(total, 'trial')}, so the mean is unknown"
    return rate_name(gate), f"{text}; ask for the pass rate of such a check"


def _without_score(rows: Iterable[Measurement], gate: GateSpec) -> int:
    return sum(row.status != "error" and _score(row, gate) is None for row in rows)


def _scores(rows: Sequence[Measurement], gate: GateSpec) -> list[float]:
    """The scores of a case; 0 for what could not be measured (intention to treat)."""
    return [0.0 if row.status == "error" else _score(row, gate) or 0.0 for row in rows]


def _score(row: Measurement, gate: GateSpec) -> float | None:
    """The score that the check gave in one trial, on average if the suite has it several times; None if it gave none."""
    found = [score for name, score in row.scores if name == gate.scored]
    return math.fsum(found) / len(found) if found else None


def _change(a: Draws, b: Draws, clusters: Sequence[str] | None, confidence: float) -> RateChange:
    found = paired_scores(a, b, clusters, confidence)
    return scored_change(
        found,
        a=_mean(a, clusters, confidence),
        b=_mean(b, clusters, confidence),
        n_clusters=None if clusters is None else len(set(clusters)),
        noise_share=_noise_share(a, b, found.s2),
        repeats=min(len(draws) for draws in (*a, *b)) if clusters is None else None,
    )


def _mean(draws: Draws, clusters: Sequence[str] | None, confidence: float) -> Rate:
    rate, n_eff = effective_sample(draws, clusters, confidence)
    return Rate(rate, n_eff, len(draws), wilson(min(rate * n_eff, n_eff), n_eff, confidence))


def _noise_share(a: Draws, b: Draws, s2: float) -> float | None:
    """The part of the variance between cases that repeats could remove; as for pass rates (Miller 2024, section 3.1)."""
    if s2 <= 0.0 or any(len(draws) < 2 for draws in (*a, *b)):
        return None
    within = math.fsum(sample_variance(draws) / len(draws) for draws in (*a, *b)) / len(a)
    return min(1.0, within / s2)
