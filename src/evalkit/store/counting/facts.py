"""What a comparison must know of a run before it counts anything: small, and the same whatever it is compared with."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from evalkit.model.results import GateOutcome

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_GATES = """
select gate, suite, suite_path, variant, status, reason, numbers, line from gates where run_id = $run order by rowid
"""
_DOUBTS = """
select exists(select 1 from runs where run_id = $run and len(damage) > 0)
  or exists(select 1 from responses where run_id = $run and failure = 'pending')
"""
_GROUPS = """
select suite, cell, variant, label from trials where run_id = $run group by all order by min(rowid)
"""


class Group(NamedTuple):
    """The trials of one label in a run."""

    suite: str
    cell: str
    variant: str
    label: str


class RunFacts(NamedTuple):
    """``doubtful``: the journals say more, as one of them is damaged, or waits for a batch. ``groups`` in the order in which they were
    measured, ``gates`` in that in which they were judged."""

    doubtful: bool
    groups: tuple[Group, ...]
    gates: tuple[GateOutcome, ...]


def facts_of(connection: DuckDBPyConnection, run_id: str) -> RunFacts:
    """The facts of a stored run; no groups if it is not stored."""
    doubtful, groups, gates = (
        connection.execute(sql, {"run": run_id}).fetchall() for sql in (_DOUBTS, _GROUPS, _GATES)
    )
    return RunFacts(
        doubtful=bool(doubtful[0][0]),
        groups=tuple(Group(*row) for row in groups),
        gates=tuple(
            GateOutcome(gate, suite, path, variant, status, reason, json.loads(numbers), line)
            for gate, suite, path, variant, status, reason, numbers, line in gates
        ),
    )
