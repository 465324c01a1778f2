"""What the database knows about one suite over time: figures of every whole run, and what can be compared between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from evalkit.store.database.connection import WAIT_S, opened
from evalkit.store.database.ingest import DATABASE_FILE, check_tables, ingest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    Rows = Callable[..., list[tuple[Any, ...]]]

_WHOLE = """
with whole as (
  select run_id, started_at, mode, git_revision, git_branch, json_extract_string(extra, '$.summary.outcome') as outcome,
    json_extract_string(extra, '$.rescored') as rescored
  from runs where complete and not partial order by started_at desc, run_id desc limit $most
)
"""
_POINTS = f"""{_WHOLE}
select t.suite, u.run_id, u.started_at, u.mode, u.outcome, u.rescored, u.git_revision, u.git_branch, t.label, w.prompt, w.prompt_digest, w.model,
  count(*), count(*) filter (t.status = 'pass'), count(*) filter (t.status = 'error'),
  count(*) filter (r.source in ('live', 'scripted')),
  case when count(*) filter (r.cost_usd is null) = 0 then fsum(r.cost_usd) end,
  quantile_cont(r.latency_s, 0.5), quantile_cont(r.latency_s, 0.95)
from trials t join whole u on u.run_id = t.run_id
left join responses r on r.call_id = t.call_id
left join variants w on w.run_id = t.run_id and w.suite_path = t.suite_path and w.label = t.label
where list_contains($suites, t.suite) group by all order by u.started_at, u.run_id, t.label
"""  # noqa: S608 - two constants of this module
_DRAWS = f"""{_WHOLE}
select suite, run_id, label, passed, repeats, cluster, count(*) from (
  select t.suite, t.run_id, t.label, count(*) filter (t.status = 'pass') as passed, count(*) as repeats, any_value(t.cluster) as cluster
  from trials t join whole u on u.run_id = t.run_id
  where list_contains($suites, t.suite) group by t.suite, t.run_id, t.label, t.case_id, t.case_digest
) group by all
"""  # noqa: S608 - two constants of this module
_MEASURES = """
select t.run_id, t.label, hash(t.cluster, case when t.cluster is null then t.case_id || chr(0) || t.case_digest end), r.latency_s, r.cost_usd
from trials t left join responses r on r.call_id = t.call_id
where t.suite = $suite and list_contains($runs, t.run_id) order by t.rowid
"""
_MOST_TRIALS = 100_000
"""Trials whose own figures are read: those of the newest runs. What is older has no intervals of time and cost."""
_SUITES = """
select s.suite, count(distinct u.run_id), max(u.started_at) from suites s join runs u on u.run_id = s.run_id and u.complete and not u.partial
group by all order by max(u.started_at) desc, s.suite
"""
_EVERY_RUN = 2**40
_MEASURED = """
create or replace temp table measured as
select row_number() over (order by u.started_at, u.run_id) as place, u.run_id, u.started_at, w.suite_path, w.label,
  w.prompt_digest as digest, w.model, w.params::varchar as params
from variants w join suites s on s.run_id = w.run_id and s.suite_path = w.suite_path
join runs u on u.run_id = w.run_id and u.complete and not u.partial where s.suite = $suite
"""
_NUMBERED = """
create or replace temp table numbered as
select row_number() over () as number, * from (select distinct case_id, case_digest from cases)
"""
_FRESH = "r.source in ('live', 'scripted') and t.served = 'primary' and t.status in ('pass', 'fail')"
_LISTED = f", list(case t.status when 'pass' then 1 else 0 end order by t.repeat_number) filter ({_FRESH}) as draws"
_UNITS = f"""
create or replace temp table units as
select m.place, n.number, any_value(t.cluster) as cluster, count(*) as trials, count(*) filter (t.status = 'pass') as passed,
  count(*) filter ({_FRESH}) as fresh, count(*) filter (t.status = 'pass' and {_FRESH}) as fresh_passed{{draws}}
from trials t join measured m on m.run_id = t.run_id and m.suite_path = t.suite_path and m.label = t.label
join numbered n on n.case_id = t.case_id and n.case_digest = t.case_digest
left join responses r on r.call_id = t.call_id
where t.suite = $suite group by m.place, n.number
"""  # noqa: S608 - constants of this module
_UNIT_DRAWS = """
select run_id, label, passed, trials, cluster, count(*) from units join measured using (place) group by all
"""
_SAME = """
create or replace temp table same as
with own as (
  select * from measured semi join (select place from units where fresh > 0) using (place)
), now as (
  select label, last(digest order by place) as digest, last(model order by place) as model, last(params order by place) as params
  from own group by label
), alike as (
  select own.* from own semi join now using (label, digest, model, params)
)
select place, run_id, started_at, label, first(place) over earliest as start, first(run_id) over earliest as reference
from alike window earliest as (partition by label order by place)
"""
_LOOKS = """
select label, reference, run_id, started_at, count(*), count(*) filter (change > 1e-9), count(*) filter (change < -1e-9)
from (
  select s.label, s.reference, s.run_id, s.started_at, u.cluster, case when u.cluster is null then u.number end as number,
    sum({change}) as change
  from same s join units u on u.place = s.place and u.fresh > 0
  join units o on o.place = s.start and o.number = u.number and o.fresh > 0
  where s.place <> s.start group by all
) group by all order by started_at, run_id, label
"""
_CHANGE = "u.fresh_passed - o.fresh_passed"
_COMMON = "least(len(u.draws), len(o.draws))"
_LISTED_CHANGE = f"list_sum(u.draws[1:{_COMMON}]) / {_COMMON} - list_sum(o.draws[1:{_COMMON}]) / {_COMMON}"
_FLAKY = """
select label, case_id, passed, draws, 2 * (passed / draws) * (1 - passed / draws) * draws / (draws - 1) as rate from (
  select label, number, sum(fresh_passed)::bigint as passed, sum(fresh)::bigint as draws
  from same join units using (place) where fresh > 0 group by all having sum(fresh) > 1
) join numbered using (number) order by rate desc, label, case_id
"""
_CASES = """
select t.label, t.case_id, avg(r.latency_s), case when count(*) filter (r.cost_usd is null) = 0 then avg(r.cost_usd) end
from trials t join responses r on r.call_id = t.call_id
where t.suite = $suite and t.run_id = $run and r.failure is null group by all order by t.label, t.case_id
"""


@dataclass(frozen=True, slots=True)
class PointRow:
    """One label of one whole run. ``outcome`` is what was concluded of the whole run, ``rescored`` the run whose answers it judged again. ``cost_usd`` is of its answers, None if one has no known price; ``fresh`` answers were asked in this run."""

    run_id: str
    started_at: datetime
    mode: str
    outcome: str | None
    rescored: str | None
    git_revision: str | None
    git_branch: str | None
    label: str
    prompt: str
    prompt_digest: str
    model: str
    trials: int
    passed: int
    errors: int
    fresh: int
    cost_usd: float | None
    latency_p50_s: float | None
    latency_p95_s: float | None
    draws: tuple[tuple[int, int, str | None, int], ...]
    """``(passed, repeats, cluster, cases)``: how many cases of a cluster, or of none, passed so many of their repeats."""


@dataclass(frozen=True, slots=True)
class LookRow:
    """A run with fresh answers beside the first such run of the same prompt, model and parameters. Errors are left out.

    ``n`` counts cases, those of a cluster as one, of which ``rose`` passed more often than then.
    """

    label: str
    reference: str
    run_id: str
    started_at: datetime
    n: int
    rose: int
    fell: int


@dataclass(frozen=True, slots=True)
class FlakyRow:
    """A case whose fresh answers, to the same request, passed ``passed`` of ``draws`` times. ``rate``: 2p(1−p)·K/(K−1)."""

    label: str
    case_id: str
    passed: int
    draws: int
    rate: float


@dataclass(frozen=True, slots=True)
class CaseRow:
    """What a case took in the newest run, per answer."""

    label: str
    case_id: str
    latency_s: float | None
    cost_usd: float | None


class Measure(NamedTuple):
    """What one trial took; ``unit`` is the same number for the trials of a case, or of a cluster of cases. None is unknown."""

    unit: int
    latency_s: float | None
    cost_usd: float | None


@dataclass(frozen=True, slots=True)
class HistoryRows:
    """Everything about one suite, oldest first. ``measures`` are by run and label, of the newest runs."""

    points: tuple[PointRow, ...]
    measures: Mapping[tuple[str, str], Sequence[Measure]]
    looks: tuple[LookRow, ...]
    flaky: tuple[FlakyRow, ...]
    cases: tuple[CaseRow, ...]


def read_history(reports: Path, suite: str, *, wait_s: float = WAIT_S) -> HistoryRows:
    """Bring the database of a reports folder up to date and read one suite's history. Only whole runs count. Raises StoreError."""
    database = reports / DATABASE_FILE
    ingest(reports / "journal", database, wait_s=wait_s)
    with opened(database, read_only=True, wait_s=wait_s) as connection:
        check_tables(connection, database)

        def rows(query: str, **values: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401 - what DuckDB takes as a parameter
            return connection.execute(query, values).fetchall()

        return history_rows(rows, suite)


def history_rows(rows: Rows, suite: str) -> HistoryRows:
    """One suite's history; ``rows(query, **values)`` answers SQL over the tables, always on the same connection.

    Every trial is looked at once: cases and the variants of runs are numbers then, which are joined and counted in a tenth of the time of
    their names.
    """
    rows(_MEASURED, suite=suite)
    rows(_NUMBERED)
    repeats = bool(rows("select count(*) from trials where suite = $suite and repeat_number > 0", suite=suite)[0][0])
    rows(_UNITS.format(draws=_LISTED if repeats else ""), suite=suite)
    rows(_SAME)
    points = _points(rows, [suite], _EVERY_RUN, ((suite, *row) for row in rows(_UNIT_DRAWS)))[suite]
    return HistoryRows(
        points=points,
        measures=_measures(rows, suite, points),
        looks=tuple(LookRow(*row) for row in rows(_LOOKS.format(change=_LISTED_CHANGE if repeats else _CHANGE))),
        flaky=tuple(FlakyRow(*row) for row in rows(_FLAKY)),
        cases=tuple(CaseRow(*row) for row in rows(_CASES, suite=suite, run=points[-1].run_id)) if points else (),
    )


def _measures(
    rows: Callable[..., list[tuple[Any, ...]]], suite: str, points: Sequence[PointRow]
) -> dict[tuple[str, str], list[Measure]]:
    newest, left = set[str](), _MOST_TRIALS
    for point in reversed(points):
        left -= point.trials
        if left < 0:
            break
        newest.add(point.run_id)
    found: dict[tuple[str, str], list[Measure]] = {}
    for run_id, label, *measure in rows(_MEASURES, suite=suite, runs=sorted(newest)):
        found.setdefault((run_id, label), []).append(Measure(*measure))
    return found


def suites_with_history(rows: Rows) -> list[tuple[str, int, datetime]]:
    """Every suite that whole runs measured: its name, how many they are, and when the newest started (UTC); the newest first."""
    return [(suite, runs, newest) for suite, runs, newest in rows(_SUITES)]


def read_latest(
    database: Path, suites: Sequence[str], *, most: int, wait_s: float = WAIT_S
) -> dict[str, tuple[PointRow, ...]]:
    """The points of ``suites`` in the newest ``most`` whole runs, oldest first, as the database has them. Raises StoreError."""
    with opened(database, read_only=True, wait_s=wait_s) as connection:
        check_tables(connection, database)

        def rows(query: str, **values: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401 - what DuckDB takes as a parameter
            return connection.execute(query, values).fetchall()

        return _points(rows, suites, most, rows(_DRAWS, suites=suites, most=most))


def _points(
    rows: Rows, suites: Sequence[str], most: int, counts: Iterable[tuple[Any, ...]]
) -> dict[str, tuple[PointRow, ...]]:
    draws: dict[tuple[str, str, str], list[tuple[int, int, str | None, int]]] = {}
    for suite, run_id, label, *count in counts:
        draws.setdefault((suite, run_id, label), []).append((count[0], count[1], count[2], count[3]))
    points: dict[str, list[PointRow]] = {suite: [] for suite in suites}
    for suite, run_id, *row in rows(_POINTS, suites=suites, most=most):
        points[suite].append(PointRow(run_id, *(*row, tuple(draws[suite, run_id, row[6]]))))
    return {suite: tuple(found) for suite, found in points.items()}
