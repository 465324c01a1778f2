"""Gates on the mean score of a check: no worse by more than a margin, better by at least so much, or above a threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalkit.compare import words
from evalkit.compare.estimate import Rate, cluster_labels
from evalkit.compare.gates.finding import Finding
from evalkit.compare.gates.rate import judge_change
from evalkit.compare.gates.single import judge_level, nothing_run, rate_name
from evalkit.compare.pair import by_case
from evalkit.compare.scores import ScoreTable, score_change, scores_of, without_score
from evalkit.compare.statistics.intervals import effective_sample, wilson

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.compare.gates.contest import Contest
    from evalkit.model.results import Measurement
    from evalkit.suites.spec import GateSpec


def judge_score(contest: Contest) -> Finding:
    """``no_regression`` or ``better_than`` on a mean score, by the score interval on effective counts, with Student's t."""
    gate = contest.gate
    table = ScoreTable.of(contest.cases, gate.scored or "")
    if table.unknown:
        facts, text = _unknown(gate, table.unknown, table.trials)
        return contest.finding("undecided", facts, text, numbers={"unknown": table.unknown})
    change = score_change(table, gate.confidence)
    return nothing_run(gate) if change is None else judge_change(contest, change)


def judge_mean_score(gate: GateSpec, rows: Sequence[Measurement]) -> Finding:
    """A mean score against a threshold, three-valued, by the Clopper-Pearson interval on effective counts."""
    groups, check = list(by_case(rows).values()), gate.scored or ""
    if not groups:
        return nothing_run(gate)
    unknown = without_score([row for group in groups for row in group], check)
    if unknown:
        return Finding("undecided", *_unknown(gate, unknown, sum(map(len, groups))), {"unknown": unknown})
    clusters = cluster_labels([group[0].cluster for group in groups])
    return judge_level(gate, rows, _mean([scores_of(group, check) for group in groups], clusters, gate.confidence))


def _unknown(gate: GateSpec, unknown: int, total: int) -> tuple[str, str]:
    text = f"the check {gate.scored} gave no score in {unknown} of {words.number_of(total, 'trial')}, so the mean is unknown"
    return rate_name(gate), f"{text}; ask for the pass rate of such a check"


def _mean(draws: Sequence[Sequence[float]], clusters: Sequence[str] | None, confidence: float) -> Rate:
    rate, n_eff = effective_sample(draws, clusters, confidence)
    return Rate(rate, n_eff, len(draws), wilson(min(rate * n_eff, n_eff), n_eff, confidence))
