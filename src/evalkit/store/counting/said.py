"""The answers that people labelled, looked up once: a label counts wherever the same request has the same answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SAID = """
select l.run_id, l.trial_id, o.suite_path, o.case_id, o.request_key, p.text
from (select distinct run_id, trial_id from labels where passed is not null {new}) l
join trials o on o.run_id = l.run_id and o.trial_id = l.trial_id
join responses p on p.run_id = l.run_id and p.call_id = o.call_id
"""
"""The labelled answers with what was asked; ``new`` narrows the labels."""
_KEEP = f"insert into kept.said {SAID.format(new='and trial_id not in (select trial_id from kept.said)')}"  # noqa: S608 - constants


def keep_said(connection: DuckDBPyConnection) -> None:
    """Look up the answers whose labels are new, in a mirror: among a million trials that takes longer than all the counting."""
    connection.execute(_KEEP)
