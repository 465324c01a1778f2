"""How long answers used to be, from what is stored: the best guess at how long they will be."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil
from typing import TYPE_CHECKING

from evalkit.errors import ConfigError, StoreError
from evalkit.store.database.ingest import DATABASE_FILE
from evalkit.store.database.query import run_sql

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_ANSWERS = """
select w.prompt, w.model, median(r.output_tokens)
from trials t join responses r using (call_id)
join variants w on w.run_id = t.run_id and w.suite_path = t.suite_path and w.label = t.label
where r.output_tokens is not null and r.failure is null and r.source <> 'shared' and t.served = 'primary' group by all
"""
_FOLLOWUPS = """
select q.model, median(r.output_tokens)
from followups f join responses r using (call_id) join requests q using (request_key)
where q.kind = 'chat' and r.output_tokens is not null and r.failure is null and r.source <> 'shared' group by all
"""
_WAIT_S = 2.0


@dataclass(frozen=True, slots=True)
class PastOutputs:
    """Median output tokens of earlier calls. ``answers`` by prompt reference and model, ``followups`` (of judges) by model.

    ``problem`` says why the database could not be read, if it could not.
    """

    answers: Mapping[tuple[str, str], int] = field(default_factory=dict)
    followups: Mapping[str, int] = field(default_factory=dict)
    problem: str | None = None


def past_outputs(reports: Path) -> PastOutputs:
    """Read the medians from the database of a reports folder; none if there is no database yet."""
    database = reports / DATABASE_FILE
    if not database.exists():
        return PastOutputs()
    try:
        answers = run_sql(database, _ANSWERS, wait_s=_WAIT_S).rows
        followups = run_sql(database, _FOLLOWUPS, wait_s=_WAIT_S).rows
    except (ConfigError, StoreError) as error:
        return PastOutputs(problem=error.message)
    return PastOutputs(
        {(prompt, model): ceil(tokens) for prompt, model, tokens in answers},
        {model: ceil(tokens) for model, tokens in followups},
    )
