"""Runs counted ahead, in tables of a mirror: a comparison of two of them only joins what is there."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, NamedTuple

from evalkit.model.results import GateOutcome
from evalkit.store.counting.counted import CountedRun, count_parts, part_of
from evalkit.store.counting.facts import Group, RunFacts, facts_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_TABLES = """
drop schema if exists kept cascade;
create schema kept;
create table kept.runs (run_id varchar, known varchar);
create table kept.said (run_id varchar, trial_id varchar, suite_path varchar, case_id varchar, request_key varchar, text varchar);
create table kept.cases (
  run_id varchar, part integer, case_id varchar, case_digest varchar, outcomes bigint[], draws bigint,
  passed bigint, errors bigint, cluster varchar, tags varchar[], cost_usd double, latency_s double, input_tokens double, output_tokens double
);
"""
_NAMES = ("runs", "said", "cases")
_UNCOUNTED = """
select run_id from runs anti join kept.runs using (run_id) order by started_at desc nulls last, run_id desc limit $limit
"""


def make_room(connection: DuckDBPyConnection) -> None:
    """Create the tables, in a schema of their own; to be called once for a new mirror."""
    connection.execute(_TABLES)


class KeptRun(NamedTuple):
    """What is known of a run that was counted: the part of a group is its place among the facts' groups."""

    facts: RunFacts
    counted: CountedRun


def keep_counts(connection: DuckDBPyConnection, run_id: str) -> None:
    """Count one run and keep what was counted, within a transaction of the caller."""
    drop_counts(connection, run_id)
    facts = facts_of(connection, run_id)
    found = count_parts(connection, [part_of(run_id, part, [group]) for part, group in enumerate(facts.groups)])
    connection.execute("insert into kept.cases select * from counted_cases")
    connection.execute(
        "insert into kept.runs values (?, ?)", [run_id, json.dumps(KeptRun(facts, found[run_id]), default=asdict)]
    )


def drop_counts(connection: DuckDBPyConnection, run_id: str) -> None:
    """Forget what was counted of a run, within a transaction of the caller."""
    for name in _NAMES:
        connection.execute(f"delete from kept.{name} where run_id = ?", [run_id])  # noqa: S608 - names of this module


def kept_runs(connection: DuckDBPyConnection, a: str, b: str) -> dict[str, KeptRun] | None:
    """What is kept of both runs; None unless both were counted, and by the same scores: what gave none in its own run may count beside one
    where it did."""
    rows = connection.execute(
        "select run_id, known from kept.runs where run_id in ($a, $b)", {"a": a, "b": b}
    ).fetchall()
    found = {run_id: _read(known) for run_id, known in rows}
    scored = {frozenset(check for _, check, *_ in run.counted.scores) for run in found.values()}
    return found if len(found) == len({a, b}) and len(scored) == 1 else None


def _read(known: str) -> KeptRun:
    (doubtful, groups, gates), counted = json.loads(known)
    facts = RunFacts(doubtful, tuple(Group(*row) for row in groups), tuple(GateOutcome(**row) for row in gates))
    return KeptRun(facts, CountedRun(*(tuple(tuple(row) for row in rows) for rows in counted)))


def uncounted(connection: DuckDBPyConnection, *, limit: int) -> list[str]:
    """Runs that were not counted yet, the newest first."""
    return [run_id for (run_id,) in connection.execute(_UNCOUNTED, {"limit": limit}).fetchall()]
