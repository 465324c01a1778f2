"""What is stored as pandas frames whose columns have the same type whatever they hold."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from evalkit.store.database.connection import WAIT_S, opened
from evalkit.store.database.ingest import DATABASE_FILE, check_tables, ingest
from evalkit.store.database.schema import relations

if TYPE_CHECKING:
    from pathlib import Path

    from duckdb import DuckDBPyConnection
    from pandas import DataFrame

_QUERIES = {
    "runs": "from runs order by started_at, run_id",
    "trials": "select o.*, t.suite_path, t.case_digest, t.request_key, c.tags from (trial_overview) o join trials t using (trial_id) "
    "left join cases c on c.suite_path = t.suite_path and c.case_id = t.case_id and c.case_digest = t.case_digest order by o.run_id, o.test_id, o.repeat_number",
    "verdicts": "select v.*, t.suite, t.case_id, t.label, t.variant, t.repeat_number from verdicts v join trials t using (trial_id) "
    "order by v.run_id, v.trial_id, v.position",
    "requests": "from requests order by request_key",
    "calls": "from responses order by run_id, call_id",
    "attempts": "from attempts order by run_id, call_id, number",
    "cases": "from cases order by suite_path, case_id, case_digest",
    "prompts": "from prompts order by ref, digest",
    "gates": "from gates order by run_id, suite_path, line, variant",
    "labels": "from labels order by run_id, trial_id, check_name, labelled_by",
}
_TYPES = {
    "VARCHAR": "str",
    "JSON": "str",
    "INTEGER": "Int64",
    "BIGINT": "Int64",
    "BOOLEAN": "boolean",
    "DOUBLE": "float64",
    "TIMESTAMP": "datetime64[us]",
}


@dataclass(frozen=True, slots=True)
class Frames:
    """What is stored, as pandas frames: times are UTC, JSON columns are text, what is unknown is missing and never 0.

    ``runs``: one row per session. ``trials``: one per case, variant and repeat, with its answer, cost and failed checks (the view
    ``trial_overview``) and its case's tags. ``verdicts``: one per check and trial, with the trial's suite, case, label, variant and repeat. ``requests``: one per
    distinct request, as it was sent. ``calls``: one per settled call, ``attempts`` one per try at it. ``cases``: one per content of
    a case, ``prompts`` one per text of a prompt. ``gates``: one per gate and variant. ``labels``: one per label of a person. Text is ``str``,
    numbers ``Int64`` and ``float64``, truth ``boolean``, times ``datetime64[us]``, lists ``object``. The columns are described in ``docs/store.md``.
    """

    runs: DataFrame
    trials: DataFrame
    verdicts: DataFrame
    requests: DataFrame
    calls: DataFrame
    attempts: DataFrame
    cases: DataFrame
    prompts: DataFrame
    gates: DataFrame
    labels: DataFrame


def load_frames(reports: Path, *, wait_s: float = WAIT_S) -> Frames:
    """Read the database of a reports folder. Without one, it is made from the journals first. Raises StoreError."""
    database = reports / DATABASE_FILE
    if not database.exists() and (reports / "journal").is_dir():
        ingest(reports / "journal", database, wait_s=wait_s)
    with opened(database, read_only=True, wait_s=wait_s) as connection:
        check_tables(connection, database)
        return Frames(**{one.name: _frame(connection, _query(one.name)) for one in fields(Frames)})


def _query(name: str) -> str:
    """The query of a frame; what stands for a view is our own text, not the view that a received file holds."""
    overview = next(relation.query for relation in relations() if relation.name == "trial_overview")
    return _QUERIES[name].replace("(trial_overview)", f"({overview})")


def _frame(connection: DuckDBPyConnection, query: str) -> DataFrame:
    found = connection.execute(query)
    types = {str(column[0]): _TYPES.get(str(column[1])) for column in found.description or ()}
    return found.df().astype({name: kind for name, kind in types.items() if kind is not None})
