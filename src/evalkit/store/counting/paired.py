"""Two runs counted by the database: paired case by case in one pass, so that a comparison needs no trial in memory."""

from __future__ import annotations

import math
from contextlib import contextmanager
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from evalkit.store.counting.counted import RATIOS, count_parts, part_of
from evalkit.store.counting.facts import facts_of
from evalkit.store.counting.scored import ScoreRow, score_rows, scores_by_number
from evalkit.store.database.connection import WAIT_S, opened
from evalkit.store.database.ingest import check_tables, unread_runs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from evalkit.model.results import GateOutcome
    from evalkit.store.counting.counted import CountedRun
    from evalkit.store.counting.facts import Group
    from evalkit.store.counting.kept import KeptRun
    from evalkit.store.counting.scored import Scores

_MOST = 0.05
"""The share of the cases whose change is summed up apart: see :class:`evalkit.compare.statistics.ratios.RatioMoments`."""

_SIDE = """
(select list_position($parts_{side}, part) as pair, * exclude (run_id, part) from {cases}
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
_KINDS = "select pair, a, b, cluster, count(*) from paired where draws_a > 0 and draws_b > 0 group by all"
_NOTED = """
select pair, case_id, passed_a, draws_a, passed_b, draws_b, tags, errors_a, errors_b from paired
where draws_a = 0 or draws_b = 0 or errors_a + errors_b > 0 or passed_a * draws_b <> passed_b * draws_a
"""
_RATIOS = """
with grid as (select {grid} from paired), long as (
  select pair, unnest({names}) as metric, unnest([{a}]) as x, unnest([{b}]) as y, unnest([{big}]) as big from paired, grid
), parts as (
  select *, abs(y - x) as moved, (x + big) - big as top_x, (y + big) - big as top_y, ln(case when x > 0 and y > 0 then y / x end) as log
  from long where x is not null and y is not null
)
select pair, metric, count(*), (sum(top_x) + fsum(x - top_x)) / count(*), (sum(top_y) + fsum(y - top_y)) / count(*),
  var_samp(x), var_samp(y), covar_samp(x, y), least(min(x), min(y)) > 0, favg(log), var_samp(log),
  sum(moved), list_sum(max(moved, $most)[1:ceil({share} * count(*))::bigint])
from parts group by all
""".format(  # noqa: S608 - names of columns
    share=_MOST,
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
_Side = Literal["a", "b"]
Verdicts = dict[int, tuple[tuple[str, str, str, str], ...]]
"""What the number of an outcome means in its run: ``(check, family, status, severity)`` of each verdict, sorted."""


class Meanings(NamedTuple):
    """What the numbers of outcomes mean in either run."""

    a: Verdicts
    b: Verdicts


class PairedRuns:
    """Two runs in the database, ready to be paired group by group. With ``kept``, each was counted before."""

    def __init__(
        self, connection: DuckDBPyConnection, a: str, b: str, *, kept: Mapping[str, KeptRun] | None = None
    ) -> None:
        self._connection = connection
        self._runs: dict[_Side, str] = {"a": a, "b": b}
        self._kept = kept
        self._facts = {
            run_id: kept[run_id].facts if kept else facts_of(connection, run_id) for run_id in self._runs.values()
        }

    @property
    def doubtful(self) -> bool:
        """Whether the journals of one of them say more."""
        return any(facts.doubtful for facts in self._facts.values())

    def groups(self, side: _Side) -> tuple[Group, ...]:
        """The labels of one of the runs, in the order in which they were measured."""
        return self._facts[self._runs[side]].groups

    def gates(self) -> tuple[GateOutcome, ...]:
        """What became of the gates of run ``b``, in the order in which they were judged."""
        return self._facts[self._runs["b"]].gates

    def count(self, pairs: Sequence[_Pair]) -> tuple[tuple[CountedPair, ...], Meanings]:
        """Pair the trials of each two groups, all of one suite and cell each; with what their outcomes mean."""
        sides = self._sides(pairs)
        chosen = {side: _SIDE.format(cases=sides.cases, side=side) for side in self._runs}
        (paired,) = self._rows(_PAIRED.format(**chosen), **self._runs, parts_a=sides.parts_a, parts_b=sides.parts_b)
        kinds, noted = self._by_pair(_KINDS), self._by_pair(_NOTED)
        ratios = self._by_pair(_RATIOS, most=max(1, math.ceil(_MOST * paired[0])))
        a, b = (sides.counted[run_id] for run_id in self._runs.values())
        found = _Found(
            kinds, noted, ratios, _totals(a), _totals(b), scores_by_number(a.scores), scores_by_number(b.scores)
        )
        counted = (
            found.pair(place, part_a, part_b)
            for place, (part_a, part_b) in enumerate(
                zip(sides.parts_a, sides.parts_b, strict=True), 1
            )  # as in a list of SQL
        )
        return tuple(counted), Meanings(_meanings(a), _meanings(b))

    def _sides(self, pairs: Sequence[_Pair]) -> _Sides:
        """Where both sides of ``pairs`` are counted, now or before."""
        if self._kept and all(len(side) == 1 for pair in pairs for side in pair):
            known_a, known_b = self.groups("a"), self.groups("b")
            counted = {run_id: kept.counted for run_id, kept in self._kept.items()}
            parts_a, parts_b = [known_a.index(a[0]) for a, _ in pairs], [known_b.index(b[0]) for _, b in pairs]
            return _Sides("kept.cases", counted, parts_a, parts_b)
        a = [part_of(self._runs["a"], 2 * place, left) for place, (left, _) in enumerate(pairs)]
        b = [part_of(self._runs["b"], 2 * place + 1, right) for place, (_, right) in enumerate(pairs)]
        counted = count_parts(self._connection, a + b)
        return _Sides("counted_cases", counted, [part.number for part in a], [part.number for part in b])

    def _by_pair(self, sql: str, **values: object) -> dict[int, list[tuple[Any, ...]]]:
        found: dict[int, list[tuple[Any, ...]]] = {}
        for pair, *row in self._rows(sql, **values):
            found.setdefault(pair, []).append(tuple(row))
        return found

    def _rows(self, sql: str, **values: object) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql, values).fetchall()


class _Sides(NamedTuple):
    """The table of ``cases``, what was counted beside them by run, and the part of each side of each pair."""

    cases: Literal["kept.cases", "counted_cases"]
    counted: Mapping[str, CountedRun]
    parts_a: list[int]
    parts_b: list[int]


def _totals(run: CountedRun) -> dict[int, tuple[int, int]]:
    """Trials and errors by part."""
    return {part: (trials, errors) for part, trials, errors in run.sides}


def _meanings(run: CountedRun) -> Verdicts:
    found: Verdicts = {0: ()}
    for number, *verdict in run.meanings:
        found[number] = (*found.get(number, ()), (verdict[0], verdict[1], verdict[2], verdict[3]))
    return found


class _Found(NamedTuple):
    """What the queries found, by the number of the pair, and what is known of the runs."""

    kinds: dict[int, list[tuple[Any, ...]]]
    noted: dict[int, list[tuple[Any, ...]]]
    ratios: dict[int, list[tuple[Any, ...]]]
    totals_a: dict[int, tuple[int, int]]
    totals_b: dict[int, tuple[int, int]]
    scores_a: Scores
    scores_b: Scores

    def pair(self, number: int, part_a: int, part_b: int) -> CountedPair:
        """All of one pair."""
        kinds = tuple((tuple(x), tuple(y), cluster, cases) for x, y, cluster, cases in self.kinds.get(number, ()))
        ratios = {name: _ratio(row) for name, *row in self.ratios.get(number, ())}
        flips, alone, errors = _sorted_out(self.noted.get(number, ()))
        return CountedPair(
            kinds=kinds,
            flips=flips,
            alone=alone,
            errors=errors,
            totals=(self.totals_a.get(part_a, (0, 0)), self.totals_b.get(part_b, (0, 0))),
            ratios={name: ratios.get(name) for name in RATIOS},
            scores=score_rows(kinds, self.scores_a, self.scores_b),
        )


def _sorted_out(
    rows: Iterable[tuple[Any, ...]],
) -> tuple[tuple[FlipRow, ...], tuple[tuple[bool, str, int, int], ...], tuple[tuple[str, bool, bool], ...]]:
    """Cases that moved, cases of one side, and cases with errors, the latter two in the order of their ids."""
    flips: list[FlipRow] = []
    alone, errors = [], []
    for case, passed_a, draws_a, passed_b, draws_b, tags, errors_a, errors_b in rows:
        if errors_a or errors_b:
            errors.append((case, errors_a > 0, errors_b > 0))
        if not draws_a or not draws_b:
            alone.append((draws_a > 0, case, passed_a + passed_b, draws_a + draws_b))
        elif passed_a * draws_b != passed_b * draws_a:
            flips.append((case, passed_a, draws_a, passed_b, draws_b, tuple(tags or ()), errors_a, errors_b))
    return tuple(flips), tuple(sorted(alone, key=itemgetter(1))), tuple(sorted(errors, key=itemgetter(0)))


def _ratio(row: Sequence[Any]) -> Ratio:
    """A row of the query: a single case has no variance, and what is not all above 0 no logarithm."""
    n, mean_a, mean_b, variance_a, variance_b, covariance, above_zero, mean_log, variance_log, *moved = row
    logs = (mean_log, variance_log or 0.0) if above_zero else (None, None)
    return Ratio(n, mean_a, mean_b, variance_a or 0.0, variance_b or 0.0, covariance or 0.0, *logs, *moved)


@contextmanager
def paired_runs(
    database: Path, journals: Path, a: str, b: str, *, wait_s: float = WAIT_S
) -> Iterator[PairedRuns | None]:
    """Open the database for pairing the runs ``a`` and ``b``; None if it is not up to date with their journals. Raises StoreError."""
    with opened(database, read_only=True, wait_s=wait_s) as connection:
        check_tables(connection, database)
        unread = {news.folder.name for news in unread_runs(connection, journals)}
        yield None if {a, b} & unread else PairedRuns(connection, a, b)
