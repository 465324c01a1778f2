"""Two runs counted by the database: paired case by case in one pass, so that a comparison needs no trial in memory."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from evalkit.model.results import GateOutcome
from evalkit.store.counting.counted import RATIOS, Group, count_parts, groups_of, part_of
from evalkit.store.counting.scored import Mark, ScoreRow, score_rows, scores_by_number
from evalkit.store.database.connection import WAIT_S, opened
from evalkit.store.database.ingest import check_tables, unread_runs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from evalkit.store.counting.scored import Scores

_GATES = """
select gate, suite, suite_path, variant, status, reason, numbers, line from gates where run_id = $run order by rowid
"""
_DOUBTS = """
select count(*) from (
  select run_id from runs where run_id in ($a, $b) and len(damage) > 0
  union all select run_id from responses where run_id in ($a, $b) and failure = 'pending'
)
"""
_KEPT_DOUBTS = "select count(*) from kept.runs where run_id in ($a, $b) and doubtful"
_KEPT_GROUPS = "select suite, cell, variant, label from kept.groups where run_id = $run order by part"
_SIDE = """
(select list_position($parts_{side}, part) as pair, * exclude (run_id, part) from {kind}cases
 where run_id = ${side} and list_contains($parts_{side}, part)) {side}
"""
_PAIRED = """
create or replace temp table paired as
select pair, case_id, case_digest, a.outcomes as a, b.outcomes as b, a.cluster, b.tags,
  {counts}, {averages}
from {{a}} full join {{b}} using (pair, case_id, case_digest)
""".format(
    counts=", ".join(
        f"coalesce({side}.{name}, 0) as {name}_{side}" for name in ("draws", "passed", "errors") for side in "ab"
    ),
    averages=", ".join(f"{side}.{name} as {name}_{side}" for name in RATIOS for side in "ab"),
)
_TOTALS = """
select list_position($parts, part), trials, errors from {kind}sides where run_id = $run and list_contains($parts, part)
"""
_KINDS = "select pair, a, b, cluster, count(*) from paired where draws_a > 0 and draws_b > 0 group by all"
_FLIPS = """
select pair, case_id, passed_a, draws_a, passed_b, draws_b, tags, errors_a, errors_b from paired
where draws_a > 0 and draws_b > 0 and passed_a * draws_b <> passed_b * draws_a
"""
_ALONE = """
select pair, draws_a > 0, case_id, passed_a + passed_b, draws_a + draws_b from paired where draws_a = 0 or draws_b = 0
order by case_id, case_digest
"""
_ERRORS = """
select distinct pair, case_id, errors_a > 0, errors_b > 0 from paired where errors_a + errors_b > 0 order by case_id
"""
_RATIOS = """
with grid as (select {grid} from paired), long as (
  select pair, unnest({names}) as metric, unnest([{a}]) as x, unnest([{b}]) as y, unnest([{big}]) as big from paired, grid
), parts as (
  select *, (x + big) - big as top_x, (y + big) - big as top_y, ln(case when x > 0 and y > 0 then y / x end) as log
  from long where x is not null and y is not null
)
select pair, metric, count(*), (sum(top_x) + fsum(x - top_x)) / count(*), (sum(top_y) + fsum(y - top_y)) / count(*),
  coalesce(var_samp(x), 0), coalesce(var_samp(y), 0), coalesce(covar_samp(x, y), 0),
  case when min(x) > 0 and min(y) > 0 then favg(log) end, case when min(x) > 0 and min(y) > 0 then coalesce(var_samp(log), 0) end,
  fsum(abs(y - x)), list_sum(list_sort(list(abs(y - x)), 'DESC')[1:ceil(0.05 * count(*))::bigint])
from parts group by all
""".format(  # noqa: S608 - names of columns
    names=list(RATIOS),
    a=", ".join(f"{name}_a" for name in RATIOS),
    b=", ".join(f"{name}_b" for name in RATIOS),
    big=", ".join(f"big_{name}" for name in RATIOS),
    grid=", ".join(
        f"2 ** ceil(log2(greatest(max(abs({name}_a)), max(abs({name}_b)), 1e-300) * count(*))) as big_{name}"
        for name in RATIOS
    ),
)
"""The sum of a column is exact, as Python's is: the upper parts of its values are multiples of one power of two, and add up without an error."""


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


@dataclass(frozen=True, slots=True)
class CountedPair:
    """Two sides of one suite, counted. Everything refers to each case's independent draws.

    ``kinds`` are ``(outcomes before, outcomes after, cluster, cases)``, outcomes as :mod:`evalkit.store.counting.counted` numbers them.
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


_Pair = tuple["Sequence[Group]", "Sequence[Group]"]
Verdicts = dict[int, tuple[tuple[str, str, str, str], ...]]
"""What the number of an outcome means in its run: ``(check, family, status, severity)`` of each verdict, sorted."""


class Meanings(NamedTuple):
    """What the numbers of outcomes mean in either run."""

    a: Verdicts
    b: Verdicts


class PairedRuns:
    """Two runs in the database, ready to be paired group by group. With ``kept``, each was counted before: see :mod:`evalkit.store.counting.kept`."""

    def __init__(self, connection: DuckDBPyConnection, a: str, b: str, *, kept: bool = False) -> None:
        self._connection = connection
        self._runs = {"a": a, "b": b}
        self._kept = kept
        self._groups: dict[str, tuple[Group, ...]] = {}

    @property
    def doubtful(self) -> bool:
        """Whether the journals say more: one of them is damaged, or waits for a batch."""
        return bool(self._rows(_KEPT_DOUBTS if self._kept else _DOUBTS, **self._runs)[0][0])

    def groups(self, side: Literal["a", "b"]) -> tuple[Group, ...]:
        """The labels of one of the runs, in the order in which they were measured."""
        if side not in self._groups:
            self._groups[side] = self._found_groups(self._runs[side])
        return self._groups[side]

    def gates(self) -> tuple[GateOutcome, ...]:
        """What became of the gates of run ``b``, in the order in which they were judged."""
        rows = self._rows(_GATES, run=self._runs["b"])
        return tuple(
            GateOutcome(gate, suite, path, variant, status, reason, json.loads(numbers), line)
            for gate, suite, path, variant, status, reason, numbers, line in rows
        )

    def count(self, pairs: Sequence[_Pair]) -> tuple[tuple[CountedPair, ...], Meanings]:
        """Pair the trials of each two groups, all of one suite and cell each; with what their outcomes mean."""
        kind, parts_a, parts_b = self._sides(pairs)
        sides = {side: _SIDE.format(kind=kind, side=side) for side in "ab"}
        self._rows(_PAIRED.format(**sides), **self._runs, parts_a=parts_a, parts_b=parts_b)
        totals = _TOTALS.format(kind=kind)
        found = _Found(
            kinds=self._by_pair(_KINDS),
            flips=self._by_pair(_FLIPS),
            alone=self._by_pair(_ALONE),
            errors=self._by_pair(_ERRORS),
            ratios=self._by_pair(_RATIOS),
            totals_a=self._by_pair(totals, run=self._runs["a"], parts=parts_a),
            totals_b=self._by_pair(totals, run=self._runs["b"], parts=parts_b),
        )
        scores = self._scores(kind)
        counted = (
            found.pair(place, scores[self._runs["a"]], scores[self._runs["b"]])
            for place in range(1, len(pairs) + 1)  # places in a list begin with 1
        )
        meanings = self._meanings(kind)
        return tuple(counted), Meanings(meanings[self._runs["a"]], meanings[self._runs["b"]])

    def _sides(self, pairs: Sequence[_Pair]) -> tuple[Literal["kept.", "counted_"], list[int], list[int]]:
        """How the names of the tables begin where both sides of ``pairs`` are counted, and their parts there."""
        if self._kept and all(len(side) == 1 for pair in pairs for side in pair):
            known_a, known_b = self.groups("a"), self.groups("b")
            return "kept.", [known_a.index(a[0]) for a, _ in pairs], [known_b.index(b[0]) for _, b in pairs]
        a = [part_of(self._runs["a"], 2 * place, left) for place, (left, _) in enumerate(pairs)]
        b = [part_of(self._runs["b"], 2 * place + 1, right) for place, (_, right) in enumerate(pairs)]
        count_parts(self._connection, a + b)
        return "counted_", [part.number for part in a], [part.number for part in b]

    def _found_groups(self, run_id: str) -> tuple[Group, ...]:
        if self._kept:
            return tuple(Group(*row) for row in self._rows(_KEPT_GROUPS, run=run_id))
        return groups_of(self._connection, run_id)

    def _meanings(self, kind: str) -> dict[str, Verdicts]:
        found: dict[str, Verdicts] = {run_id: {0: ()} for run_id in self._runs.values()}
        query = f"select * from {kind}meanings where run_id in ($a, $b) order by all"  # noqa: S608 - one of two words
        for run_id, number, *verdict in self._rows(query, **self._runs):
            found[run_id][number] = (*found[run_id].get(number, ()), (verdict[0], verdict[1], verdict[2], verdict[3]))
        return found

    def _scores(self, kind: str) -> dict[str, dict[int, dict[str, Mark]]]:
        found: dict[str, list[tuple[int, str, str, float | None]]] = {run_id: [] for run_id in self._runs.values()}
        query = f"select * from {kind}scores where run_id in ($a, $b)"  # noqa: S608 - one of two words
        for run_id, number, check, status, score in self._rows(query, **self._runs):
            found[run_id].append((number, check, status, score))
        return {run_id: scores_by_number(rows) for run_id, rows in found.items()}

    def _by_pair(self, sql: str, **values: object) -> dict[int, list[tuple[Any, ...]]]:
        found: dict[int, list[tuple[Any, ...]]] = {}
        for pair, *row in self._rows(sql, **values):
            found.setdefault(pair, []).append(tuple(row))
        return found

    def _rows(self, sql: str, **values: object) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql, values).fetchall()


class _Found(NamedTuple):
    """What the queries found, by the number of the pair."""

    kinds: dict[int, list[tuple[Any, ...]]]
    flips: dict[int, list[tuple[Any, ...]]]
    alone: dict[int, list[tuple[Any, ...]]]
    errors: dict[int, list[tuple[Any, ...]]]
    ratios: dict[int, list[tuple[Any, ...]]]
    totals_a: dict[int, list[tuple[Any, ...]]]
    totals_b: dict[int, list[tuple[Any, ...]]]

    def pair(self, number: int, scores_a: Scores, scores_b: Scores) -> CountedPair:
        """All of one pair."""
        kinds = tuple((tuple(x), tuple(y), cluster, cases) for x, y, cluster, cases in self.kinds.get(number, ()))
        ratios = {name: Ratio(*row) for name, *row in self.ratios.get(number, ())}
        (before,), (after,) = self.totals_a.get(number, [(0, 0)]), self.totals_b.get(number, [(0, 0)])
        return CountedPair(
            kinds=kinds,
            flips=tuple((*row[:5], tuple(row[5] or ()), row[6], row[7]) for row in self.flips.get(number, ())),
            alone=tuple((row[0], row[1], row[2], row[3]) for row in self.alone.get(number, ())),
            errors=tuple((row[0], row[1], row[2]) for row in self.errors.get(number, ())),
            totals=((before[0], before[1]), (after[0], after[1])),
            ratios={name: ratios.get(name) for name in RATIOS},
            scores=score_rows(kinds, scores_a, scores_b),
        )


@contextmanager
def paired_runs(
    database: Path, journals: Path, a: str, b: str, *, wait_s: float = WAIT_S
) -> Iterator[PairedRuns | None]:
    """Open the database for pairing the runs ``a`` and ``b``; None if it is not up to date with their journals. Raises StoreError."""
    with opened(database, read_only=True, wait_s=wait_s) as connection:
        check_tables(connection, database)
        unread = {news.folder.name for news in unread_runs(connection, journals)}
        yield None if {a, b} & unread else PairedRuns(connection, a, b)
