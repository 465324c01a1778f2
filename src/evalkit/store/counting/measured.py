"""The rows that comparisons work on, and the prompts beside them, out of the store instead of a run's journals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalkit.model.results import Measurement, PromptRecord
from evalkit.store.browse.questions import plain

if TYPE_CHECKING:
    from evalkit.store.browse.questions import Queries

_ROWS = """
with judged as (
  select trial_id, list(check_name order by position) as names, list(family order by position) as families,
    list(status order by position) as statuses, list(severity order by position) as severities,
    case when count(score) > 0 then list(score order by position) end as scores
  from verdicts where run_id = $run group by trial_id
)
select t.suite, t.suite_path, t.case_id, t.case_digest, t.variant, t.cell, t.label, coalesce(w.model, '') as model,
  t.repeat_number as repeat, t.status, names, families, statuses, severities, scores, t.tags, t.cluster, r.cost_usd, r.latency_s,
  r.input_tokens, r.output_tokens, coalesce(r.source <> 'shared', true) as fresh,
  case when r.failure is null then t.served end as served, coalesce(r.failure = 'pending', false) as pending
from trials t left join judged j on j.trial_id = t.trial_id
left join responses r on r.run_id = $run and r.call_id = t.call_id
left join variants w on w.run_id = $run and w.suite_path = t.suite_path and w.label = t.label
where t.run_id = $run order by t.suite_path, t.test_id, t.repeat_number
"""
_PROMPTS = """
select w.suite_path, w.label, p.ref, p.digest, p.path, p.sources, p.description, p.git_at
from variants w join prompts p on p.ref = w.prompt and p.digest = w.prompt_digest where w.run_id = $run
"""


def measurements(store: Queries, run_id: str) -> tuple[Measurement, ...]:
    """What a run measured, as :meth:`evalkit.model.results.Result.measurement` tells it; none if the run is not stored. Raises StoreError.

    Equal lists of verdicts are one object: a comparison looks at them a million times.
    """
    known: dict[Any, Any] = {}
    return tuple(_measurement(row, known) for row in store.rows(_ROWS, run=run_id) if not row.pop("pending"))


def prompts_of(store: Queries, run_id: str) -> dict[tuple[str, str], PromptRecord]:
    """The prompt of each variant of a run, by suite path and label. Raises StoreError."""
    return {
        (row["suite_path"], row["label"]): PromptRecord(
            ref=row["ref"],
            digest=row["digest"],
            path=row["path"],
            sources=plain(row["sources"], dict[str, str]()),
            description=row["description"] or "",
            at=row["git_at"],
        )
        for row in store.rows(_PROMPTS, run=run_id)
    }


def _measurement(row: dict[str, Any], known: dict[Any, Any]) -> Measurement:
    lists = tuple(tuple(row.pop(name) or ()) for name in ("names", "families", "statuses", "severities"))
    checks = known.get(lists)
    if checks is None:
        checks = known[lists] = tuple(zip(*lists, strict=True))
    tags = tuple(row.pop("tags") or ())
    given = zip(lists[0], row.pop("scores") or (), strict=False)  # no scores at all is the common case
    scores = tuple((name, score) for name, score in given if score is not None)
    return Measurement(**row, checks=checks, scores=scores, tags=known.setdefault(("tags", tags), frozenset(tags)))
