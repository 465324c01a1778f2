"""Runs counted case by case: what a comparison needs of one side, worked out for a run whether or not it is compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from duckdb import DuckDBPyConnection

    from evalkit.store.counting.facts import Group

STATUSES = ("pass", "fail", "error")
"""What a trial can come to, in the order in which they are numbered here."""
RATIOS = ("cost_usd", "latency_s", "input_tokens", "output_tokens")
"""The columns that are compared as a ratio."""

_WANTED = """
create or replace temp table wanted as
select unnest($runs) as run_id, unnest($suites) as suite, unnest($cells) as cell, unnest($labels) as label, unnest($parts) as part
"""
_VERDICTS = """
create or replace temp table kinds as select (row_number() over () - 1)::integer as kind, * from (
  select distinct check_name, family, status, severity from verdicts where run_id in ({runs})
)
"""
_KNOWN = """
select (select coalesce(max(kind), 0) from kinds), exists(select 1 from verdicts where run_id in ({runs}) and score is not null)
"""
_MARKS = """
create or replace temp table marks as select row_number() over () as mark, * from (
  select distinct check_name, status, coalesce(score, -1) as score from verdicts where run_id in ({runs}) and check_name in (
    select check_name from verdicts where run_id in ({runs}) and score is not null
  )
)
"""
_SETS = """
create or replace temp table sets as
select v.run_id, v.trial_id, bitstring_agg(kind, 0, {most}) as verdicts{marks}
from verdicts v join kinds k using (check_name, family, status, severity) {joined}
where run_id in ({runs}) group by v.run_id, v.trial_id
"""
_MARKED = (
    ", list_sort(list(mark) filter (mark is not null)) as marks",
    "left join marks m on m.check_name = v.check_name and m.status = v.status and m.score = coalesce(v.score, -1)",
)
_UNMARKED = (", null::bigint[] as marks", "")
_NUMBERED = """
create or replace temp table numbered as
select row_number() over () as number, * from (select distinct run_id, verdicts, coalesce(marks, []) as marks from sets)
"""
_MEANINGS = """
create or replace temp table counted_meanings as
select run_id, number, check_name, family, status, severity from numbered, kinds where get_bit(verdicts, kind) = 1
"""
_SCORES = """
create or replace temp table counted_scores as
select run_id, number, check_name, status, nullif(score, -1) as score
from (select run_id, number, unnest(marks) as mark from numbered) join marks using (mark)
"""
_NO_SCORES = """
create or replace temp table counted_scores (run_id varchar, number bigint, check_name varchar, status varchar, score double)
"""
_DRAWS = """
create or replace temp table draws as
select t.run_id, w.part, t.case_id, t.case_digest, t.repeat_number, t.status, t.tags, t.cluster,
  coalesce(r.source <> 'shared', true) as fresh, r.cost_usd, r.latency_s, r.input_tokens, r.output_tokens,
  3 * coalesce(n.number, 0) + case t.status when 'pass' then 0 when 'fail' then 1 else 2 end as outcome
from trials t join wanted w on (w.run_id, w.suite, w.cell, w.label) = (t.run_id, t.suite, t.cell, t.label)
left join (select * from responses where run_id in ({runs})) r on r.run_id = t.run_id and r.call_id = t.call_id
left join sets s on s.run_id = t.run_id and s.trial_id = t.trial_id
left join numbered n on n.run_id = s.run_id and n.verdicts = s.verdicts and n.marks = coalesce(s.marks, [])
where t.run_id in ({runs})
"""
_SIDES = """
create or replace temp table counted_sides as
select run_id, part, count(*) as trials, count(*) filter (status = 'error') as errors, bool_and(fresh) as fresh
from draws group by all
"""
_READ_SIDES = "select part, trials, errors from counted_sides where run_id = $run order by part"
_READ_MEANINGS = "select * exclude (run_id) from counted_meanings where run_id = $run order by all"
_READ_SCORES = "select * exclude (run_id) from counted_scores where run_id = $run order by all"
_INDEPENDENT = """
create or replace temp table independent as select * from draws where fresh
union all select * exclude (place) from (
  select *, row_number() over (partition by run_id, part, case_id, case_digest order by repeat_number) as place
  from draws anti join (select run_id, part, case_id, case_digest from draws where fresh) using (run_id, part, case_id, case_digest)
) where place = 1
"""
_CASES = """
create or replace temp table counted_cases as
select run_id, part, case_id, case_digest, list_sort(list(outcome)) as outcomes, count(*) as draws,
  count(*) filter (status = 'pass') as passed, count(*) filter (status = 'error') as errors,
  any_value(cluster) as cluster, any_value(tags) as tags, {averages}
from {{draws}} group by run_id, part, case_id, case_digest order by run_id, part, case_id, case_digest
""".format(averages=", ".join(f"fsum({name}) / count({name}) as {name}" for name in RATIOS))


class CountedRun(NamedTuple):
    """What was counted of a run, beside its cases: ``sides`` are ``(part, trials, errors)``, ``meanings`` ``(number, check, family, status,
    severity)`` and ``scores`` ``(number, check, status, score)``. In its run, a number stands for the verdicts and the scores of a trial."""

    sides: tuple[tuple[int, int, int], ...]
    meanings: tuple[tuple[int, str, str, str, str], ...]
    scores: tuple[tuple[int, str, str, float | None], ...]


class Part(NamedTuple):
    """Trials that are counted as one: those of some ``labels`` of one suite and cell in a run. ``number`` is unique in the run."""

    run_id: str
    number: int
    suite: str
    cell: str
    labels: tuple[str, ...]


def part_of(run_id: str, number: int, groups: Sequence[Group]) -> Part:
    """The ``groups`` of a run, all of one suite and cell, as one part."""
    return Part(run_id, number, groups[0].suite, groups[0].cell, tuple(group.label for group in groups))


def count_parts(connection: DuckDBPyConnection, parts: Iterable[Part]) -> dict[str, CountedRun]:
    """Count each part by case; what was counted of each run, and its cases in a temporary table that later calls replace.

    ``counted_cases`` has each case's independent draws: their outcomes, in order, and averages.
    Cases are in the order of their ids, because sums of floats depend on it and ids of runs are not to show in them. An outcome is
    3·number + the place of its status in ``STATUSES``; the number 0 is no verdict.
    """
    parts = list(parts)
    _name(connection, parts)
    runs = {f"run_{place}": run_id for place, run_id in enumerate(sorted({part.run_id for part in parts}))}
    where = ", ".join(f"${name}" for name in runs)
    connection.execute(_VERDICTS.format(runs=where), runs)
    most, scored = connection.execute(_KNOWN.format(runs=where), runs).fetchall()[0]
    if scored:
        connection.execute(_MARKS.format(runs=where), runs)
    marks, joined = _MARKED if scored else _UNMARKED
    connection.execute(_SETS.format(most=int(most), runs=where, marks=marks, joined=joined), runs)
    for statement in (_NUMBERED, _MEANINGS, _SCORES if scored else _NO_SCORES):
        connection.execute(statement)
    connection.execute(_DRAWS.format(runs=where), runs)
    connection.execute(_SIDES)
    fresh = connection.execute("select coalesce(bool_and(fresh), true) from counted_sides").fetchall()[0][0]
    if not fresh:
        connection.execute(_INDEPENDENT)
    connection.execute(_CASES.format(draws="draws" if fresh else "independent"))
    return {run_id: _counted(connection, run_id) for run_id in runs.values()}


def _counted(connection: DuckDBPyConnection, run_id: str) -> CountedRun:
    sides, meanings, scores = (
        tuple(connection.execute(sql, {"run": run_id}).fetchall())
        for sql in (_READ_SIDES, _READ_MEANINGS, _READ_SCORES)
    )
    return CountedRun(sides, meanings, scores)


def _name(connection: DuckDBPyConnection, parts: Iterable[Part]) -> None:
    rows = [(part.run_id, part.suite, part.cell, label, part.number) for part in parts for label in part.labels]
    columns: dict[str, list[Any]] = {
        name: [row[place] for row in rows] for place, name in enumerate(("runs", "suites", "cells", "labels", "parts"))
    }
    connection.execute(_WANTED, columns)
