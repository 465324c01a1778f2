"""Two runs counted by the database: paired case by case in one pass, so that a comparison needs no trial in memory."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from evalkit.model.results import GateOutcome
from evalkit.store.connection import WAIT_S, opened
from evalkit.store.database import check_tables, unread_runs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from duckdb import DuckDBPyConnection

STATUSES = ("pass", "fail", "error")
"""What a trial can come to, in the order in which they are numbered here."""

_GROUPS = """
select suite, cell, variant, label from trials where run_id = $run group by all order by min(rowid)
"""
_GATES = """
select gate, suite, suite_path, variant, status, reason, numbers, line from gates where run_id = $run order by rowid
"""
_DOUBTS = """
select count(*) from (
  select run_id from runs where run_id in ($a, $b) and len(damage) > 0
  union all select run_id from responses where run_id in ($a, $b) and failure = 'pending'
)
"""
_VERDICTS = """
create temp table kinds as select (row_number() over () - 1)::integer as kind, * from (
  select distinct check_name, family, status, severity from verdicts where run_id in ($a, $b)
)
"""
_SETS = """
create temp table sets as
select trial_id, bitstring_agg(kind, 0, {most}) as verdicts
from verdicts join kinds using (check_name, family, status, severity) where run_id in ($a, $b) group by trial_id
"""
_NUMBERED = """
create temp table numbered as select row_number() over () as number, verdicts from (select distinct verdicts from sets)
"""
_MEANING = """
select number, check_name, family, status, severity from numbered, kinds where get_bit(verdicts, kind) = 1 order by number, kind
"""
_SIDE = """
select {side} as side, t.trial_id, t.case_id, t.case_digest, t.repeat_number, t.status, t.tags, t.cluster,
  coalesce(r.source <> 'shared', true) as fresh, r.cost_usd, r.latency_s, r.input_tokens, r.output_tokens,
  3 * coalesce(n.number, 0) + case t.status when 'pass' then 0 when 'fail' then 1 else 2 end as outcome
from trials t left join responses r on r.run_id = ${run} and r.call_id = t.call_id
left join sets s on s.trial_id = t.trial_id left join numbered n on n.verdicts = s.verdicts
where t.run_id = ${run} and t.suite = $suite_{side} and t.cell = $cell_{side} and list_contains($labels_{side}, t.label)
"""
_SIDES = (
    f"create or replace temp table sides as {_SIDE.format(side=0, run='a')} union all {_SIDE.format(side=1, run='b')}"
)
_KEPT = """
create or replace temp table kept as select * from sides where fresh
union all select * exclude (place) from (
  select *, row_number() over (partition by side, case_id, case_digest order by repeat_number) as place
  from sides anti join (select side, case_id, case_digest from sides where fresh) using (side, case_id, case_digest)
) where place = 1
"""
_CASES = """
create or replace temp table paired as
select case_id, case_digest,
  list_sort(list(outcome) filter (side = 0)) as a, list_sort(list(outcome) filter (side = 1)) as b,
  count(*) filter (side = 0) as draws_a, count(*) filter (side = 1) as draws_b,
  count(*) filter (side = 0 and status = 'pass') as passed_a, count(*) filter (side = 1 and status = 'pass') as passed_b,
  count(*) filter (side = 0 and status = 'error') as errors_a, count(*) filter (side = 1 and status = 'error') as errors_b,
  any_value(cluster) filter (side = 0) as cluster, any_value(tags) filter (side = 1) as tags,
  {averages}
from {draws} group by case_id, case_digest
"""
_KINDS = "select a, b, cluster, count(*) from paired where draws_a > 0 and draws_b > 0 group by all"
_FLIPS = """
select case_id, passed_a, draws_a, passed_b, draws_b, tags, errors_a, errors_b from paired
where draws_a > 0 and draws_b > 0 and passed_a * draws_b <> passed_b * draws_a
"""
_ALONE = """
select draws_a > 0, case_id, passed_a + passed_b, draws_a + draws_b from paired where draws_a = 0 or draws_b = 0
order by case_id, case_digest
"""
_ERRORS = (
    "select distinct case_id, errors_a > 0, errors_b > 0 from paired where errors_a + errors_b > 0 order by case_id"
)
_SCORED = """
create temp table scored as
select trial_id, check_name, case when bool_or(status = 'error') then 0.0 else avg(score) end as score
from verdicts where run_id in ($a, $b) and check_name in (
  select check_name from verdicts where run_id in ($a, $b) and score is not null
) group by all having bool_or(status <> 'skip')
"""
_SCORES = """
with names as (select distinct check_name from scored semi join sides using (trial_id)),
trials as (
  select s.*, n.check_name, c.trial_id is not null as judged, c.score, s.outcome = 2 as unanswered
  from {draws} s cross join names n left join scored c on c.trial_id = s.trial_id and c.check_name = n.check_name
),
cases as (
  select check_name, any_value(cluster) filter (side = 0) as cluster,
    list_sort(list(score) filter (side = 0 and score is not null)) as a, list_sort(list(score) filter (side = 1 and score is not null)) as b,
    count(*) filter (side = 0 and unanswered) as lost_a, count(*) filter (side = 1 and unanswered) as lost_b,
    count(*) filter (side = 0 and judged and score is null) as unknown_a,
    count(*) filter (side = 1 and judged and score is null) as unknown_b,
    bool_or(judged) or not bool_or(outcome >= 3) as applies
  from trials group by check_name, case_id, case_digest
)
select check_name, a, b, lost_a, lost_b, unknown_a, unknown_b, cluster, count(*) from cases where applies group by all order by check_name
"""
_TOTALS = "select side, count(*), count(*) filter (status = 'error'), bool_and(fresh) from sides group by side"
_RATIO = """
select '{metric}', count(*), favg(x), favg(y), coalesce(var_samp(x), 0), coalesce(var_samp(y), 0), coalesce(covar_samp(x, y), 0),
  case when min(x) > 0 and min(y) > 0 then favg(log) end, case when min(x) > 0 and min(y) > 0 then coalesce(var_samp(log), 0) end,
  fsum(abs(y - x)), list_sum(list_sort(list(abs(y - x)), 'DESC')[1:ceil(0.05 * count(*))::bigint])
from (
  select {metric}_a as x, {metric}_b as y, ln(case when x > 0 and y > 0 then y / x end) as log
  from paired where x is not null and y is not null
)
"""
RATIOS = ("cost_usd", "latency_s", "input_tokens", "output_tokens")
"""The columns that are compared as a ratio."""


class Group(NamedTuple):
    """The trials of one label in a run."""

    suite: str
    cell: str
    variant: str
    label: str


class Ratio(NamedTuple):
    """One column over the cases where both sides know it: how many, means, variances and covariance (n − 1), log(B/A), and \\|B − A\\|."""

    n: int
    mean_a: float
    mean_b: float
    variance_a: float
    variance_b: float
    covariance: float
    mean_log: float | None
    variance_log: float | None
    moved: float
    most_moved: float


FlipRow = tuple[str, int, int, int, int, tuple[str, ...], int, int]
"""A case that moved: ``(case, passed before, draws, passed after, draws, tags, errors before, errors after)``."""


class ScoreRow(NamedTuple):
    """Cases (``cases`` of them) alike in the scores of ``check``: those before and after, of how many trials there was no answer to judge
    (``lost_…``), and how many were judged without a score (``unknown_…``).
    """

    check: str
    a: tuple[float, ...]
    b: tuple[float, ...]
    lost_a: int
    lost_b: int
    unknown_a: int
    unknown_b: int
    cluster: str | None
    cases: int


@dataclass(frozen=True, slots=True)
class CountedPair:
    """Two sides of one suite, counted. Everything refers to each case's independent draws.

    ``kinds`` are ``(outcomes before, outcomes after, cluster, cases)``; an outcome is 3·number + the place of its status in ``STATUSES``.
    ``alone`` are cases of one side ``(before, case, passed, draws)``; ``errors`` ``(case, before, after)``; ``totals`` are
    ``(trials, errors)`` of each side. ``scores`` are for each check that gave any.
    """

    kinds: tuple[tuple[tuple[int, ...], tuple[int, ...], str | None, int], ...]
    flips: tuple[FlipRow, ...]
    alone: tuple[tuple[bool, str, int, int], ...]
    errors: tuple[tuple[str, bool, bool], ...]
    totals: tuple[tuple[int, int], tuple[int, int]]
    ratios: dict[str, Ratio | None]
    scores: tuple[ScoreRow, ...]


class PairedRuns:
    """Two runs in the database, ready to be paired group by group. ``verdicts[number]`` are the verdicts of an outcome."""

    def __init__(self, connection: DuckDBPyConnection, a: str, b: str) -> None:
        self._connection = connection
        self._runs = {"a": a, "b": b}
        self._scored = False
        self.verdicts: dict[int, tuple[tuple[str, str, str, str], ...]] = {0: ()}

    @property
    def doubtful(self) -> bool:
        """Whether the journals say more: one of them is damaged, or waits for a batch."""
        return bool(self._rows(_DOUBTS, **self._runs)[0][0])

    def groups(self, side: str) -> tuple[Group, ...]:
        """The labels of run ``a`` or ``b``, in the order in which they were measured."""
        return tuple(Group(*row) for row in self._rows(_GROUPS, run=self._runs[side]))

    def gates(self) -> tuple[GateOutcome, ...]:
        """What became of the gates of run ``b``, in the order in which they were judged."""
        rows = self._rows(_GATES, run=self._runs["b"])
        return tuple(
            GateOutcome(gate, suite, path, variant, status, reason, json.loads(numbers), line)
            for gate, suite, path, variant, status, reason, numbers, line in rows
        )

    def prepare(self) -> None:
        """Number the sets of verdicts that occur, and find the scores; to be called once, before :meth:`count`."""
        self._rows(_SCORED, **self._runs)
        self._scored = bool(self._rows("select count(*) from scored")[0][0])
        self._rows(_VERDICTS, **self._runs)
        most = self._rows("select coalesce(max(kind), 0) from kinds")[0][0]
        self._rows(_SETS.format(most=int(most)), **self._runs)
        self._rows(_NUMBERED)
        found: dict[int, list[tuple[str, str, str, str]]] = {}
        for number, *verdict in self._rows(_MEANING):
            found.setdefault(number, []).append((verdict[0], verdict[1], verdict[2], verdict[3]))
        self.verdicts |= {number: tuple(verdicts) for number, verdicts in found.items()}

    def count(self, a: Sequence[Group], b: Sequence[Group]) -> CountedPair:
        """Pair the trials of ``a``, all of one suite and cell, with those of ``b``."""
        self._rows(_SIDES, **self._runs, **_named(0, a), **_named(1, b))
        totals = {side: (trials, errors, fresh) for side, trials, errors, fresh in self._rows(_TOTALS)}
        draws = "sides"
        if not all(fresh for _, _, fresh in totals.values()):
            self._rows(_KEPT)
            draws = "kept"
        averages = (f"favg({name}) filter (side = {i}) as {name}_{'ab'[i]}" for name in RATIOS for i in (0, 1))
        self._rows(_CASES.format(averages=", ".join(averages), draws=draws))
        ratios = self._rows(" union all ".join(_RATIO.format(metric=name) for name in RATIOS))
        return CountedPair(
            kinds=tuple((tuple(x), tuple(y), cluster, cases) for x, y, cluster, cases in self._rows(_KINDS)),
            flips=tuple((*row[:5], tuple(row[5] or ()), row[6], row[7]) for row in self._rows(_FLIPS)),
            alone=tuple((row[0], row[1], row[2], row[3]) for row in self._rows(_ALONE)),
            errors=tuple((row[0], row[1], row[2]) for row in self._rows(_ERRORS)),
            totals=(totals.get(0, (0, 0))[:2], totals.get(1, (0, 0))[:2]),
            scores=tuple(
                ScoreRow(name, tuple(x or ()), tuple(y or ()), *rest)
                for name, x, y, *rest in (self._rows(_SCORES.format(draws=draws)) if self._scored else ())
            ),
            ratios={name: Ratio(*row) if row[0] else None for name, *row in ratios},
        )

    def _rows(self, sql: str, **values: object) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql, values).fetchall()


def _named(side: int, groups: Sequence[Group]) -> dict[str, object]:
    return {
        f"suite_{side}": groups[0].suite,
        f"cell_{side}": groups[0].cell,
        f"labels_{side}": [group.label for group in groups],
    }


@contextmanager
def paired_runs(
    database: Path, journals: Path, a: str, b: str, *, wait_s: float = WAIT_S
) -> Iterator[PairedRuns | None]:
    """Open the database for pairing the runs ``a`` and ``b``; None if it is not up to date with their journals. Raises StoreError."""
    with opened(database, read_only=True, wait_s=wait_s) as connection:
        check_tables(connection, database)
        unread = {news.folder.name for news in unread_runs(connection, journals)}
        yield None if {a, b} & unread else PairedRuns(connection, a, b)
