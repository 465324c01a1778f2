"""Runs counted ahead, in tables of a mirror: a comparison of two of them only joins what is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalkit.store.counting.counted import count_parts, groups_of, part_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_TABLES = """
drop schema if exists kept cascade;
create schema kept;
create table kept.runs (run_id varchar, doubtful boolean, scored varchar[]);
create table kept.groups (run_id varchar, part integer, suite varchar, cell varchar, variant varchar, label varchar);
create table kept.sides (run_id varchar, part integer, trials bigint, errors bigint, fresh boolean);
create table kept.meanings (run_id varchar, number bigint, check_name varchar, family varchar, status varchar, severity varchar);
create table kept.scores (run_id varchar, number bigint, check_name varchar, status varchar, score double);
create table kept.cases (
  run_id varchar, part integer, case_id varchar, case_digest varchar, outcomes bigint[], draws bigint,
  passed bigint, errors bigint, cluster varchar, tags varchar[], cost_usd double, latency_s double, input_tokens double, output_tokens double
);
"""
_NAMES = ("runs", "groups", "sides", "meanings", "scores", "cases")
_RUN = """
insert into kept.runs select run_id, len(damage) > 0 or exists(
  select 1 from responses where run_id = $run and failure = 'pending'
), coalesce((select list(distinct check_name order by check_name) from kept.scores where run_id = $run), []) from runs where run_id = $run
"""
_UNCOUNTED = """
select run_id from runs anti join kept.runs using (run_id) order by started_at desc nulls last, run_id desc limit $limit
"""


def make_room(connection: DuckDBPyConnection) -> None:
    """Create the tables, in a schema of their own; to be called once for a new mirror."""
    connection.execute(_TABLES)


def keep_counts(connection: DuckDBPyConnection, run_id: str) -> None:
    """Count one run and keep what was counted, within a transaction of the caller."""
    drop_counts(connection, run_id)
    groups = groups_of(connection, run_id)
    for part, group in enumerate(groups):
        connection.execute("insert into kept.groups values (?, ?, ?, ?, ?, ?)", [run_id, part, *group])
    count_parts(connection, [part_of(run_id, part, [group]) for part, group in enumerate(groups)])
    connection.execute("insert into kept.sides select * from counted_sides")
    connection.execute("insert into kept.meanings select * from counted_meanings")
    connection.execute("insert into kept.scores select * from counted_scores")
    connection.execute("insert into kept.cases select * from counted_cases")
    connection.execute(_RUN, {"run": run_id})


def drop_counts(connection: DuckDBPyConnection, run_id: str) -> None:
    """Forget what was counted of a run, within a transaction of the caller."""
    for name in _NAMES:
        connection.execute(f"delete from kept.{name} where run_id = ?", [run_id])  # noqa: S608 - names of this module


def are_counted(connection: DuckDBPyConnection, a: str, b: str) -> bool:
    """Whether both runs were counted, and by the same scores: what gave none in its own run may count beside one where it did."""
    rows = connection.execute(
        "select run_id, scored from kept.runs where run_id in ($a, $b)", {"a": a, "b": b}
    ).fetchall()
    return {run_id for run_id, _ in rows} == {a, b} and all(scored == rows[0][1] for _, scored in rows)


def uncounted(connection: DuckDBPyConnection, *, limit: int) -> list[str]:
    """Runs that were not counted yet, the newest first."""
    return [run_id for (run_id,) in connection.execute(_UNCOUNTED, {"limit": limit}).fetchall()]
