"""One trial in full, out of the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalkit.store.browse.browsed import AttemptLine, LabelLine, TrialLine, TrialPage, VerdictLine
from evalkit.store.browse.questions import EXCERPT, plain, trial_lines, utc

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalkit.store.browse.questions import Queries

MOST_SIBLINGS = 100
"""Other trials of the same case that are listed beside a trial."""

_TRIAL = "select * from trials where run_id = $run and test_id = $test and repeat_number = $repeat limit 1"
_OF_CASE = """
select test_id, repeat_number from trials where run_id = $run and suite_path = $path and case_id = $case and label = $label
order by repeat_number, test_id limit $limit
"""
_ANSWER = "select * from responses where run_id = $run and call_id = $call limit 1"
_REQUEST = "select messages, params from requests where request_key = $key limit 1"
_CASE = "select vars, expect, tags from cases where suite_path = $path and case_id = $case and case_digest = $digest limit 1"
_VARIANT = "select prompt, model from variants where run_id = $run and suite_path = $path and label = $label limit 1"
_VERDICTS = """
select check_name || case when place > 1 then ' (' || place || ')' else '' end as "check", family, status, severity, reason, score, spans, line
from (
  select *, row_number() over (partition by check_name order by position) as place
  from verdicts where run_id = $run and trial_id = $trial
) order by position
"""
_LABELS = """
select check_name as "check", passed, labelled_by as "by", labelled_at as "at", comment from labels
where run_id = $run and trial_id = $trial order by labelled_at, check_name, labelled_by
"""
_ATTEMPTS = "select number, started_at, latency_s, wait_s, status, failure, message from attempts where run_id = $run and call_id = $call order by number"

_NOTHING: dict[str, Any] = {}


def trial_page(store: Queries, run_id: str, test_id: str, repeat: int, *, siblings: bool = True) -> TrialPage | None:
    """The trial with everything around it, its ``siblings`` if wanted; None if it is not stored. Raises StoreError."""
    trial = _first(store, _TRIAL, run=run_id, test=test_id, repeat=repeat)
    if not trial:
        return None
    path, case, call = trial["suite_path"], trial["case_id"], trial["call_id"]
    answer = _first(store, _ANSWER, run=run_id, call=call)
    request = _first(store, _REQUEST, key=trial["request_key"])
    row = _first(store, _CASE, path=path, case=case, digest=trial["case_digest"])
    variant = _first(store, _VARIANT, run=run_id, path=path, label=trial["label"])
    verdicts = [_verdict(one) for one in store.rows(_VERDICTS, run=run_id, trial=trial["trial_id"])]
    beside = trial_lines(store, run_id, suite_path=path, case_id=case, limit=MOST_SIBLINGS) if siblings else []
    return TrialPage(
        run_id=run_id,
        trial=_line(trial, answer, verdicts),
        suite_path=path,
        prompt=variant.get("prompt"),
        model=variant.get("model"),
        served=trial["served"],
        tags=row.get("tags") or [],
        vars=plain(row.get("vars"), _NOTHING),
        expect=plain(row.get("expect"), _NOTHING),
        messages=plain(request.get("messages"), []),
        params=plain(request.get("params"), _NOTHING),
        answer=answer.get("text"),
        refusal=answer.get("refusal"),
        tool_calls=plain(answer.get("tool_calls"), []),
        finish=answer.get("finish"),
        failure_message=answer.get("failure_message"),
        source=answer.get("source"),
        input_tokens=answer.get("input_tokens"),
        output_tokens=answer.get("output_tokens"),
        served_model=answer.get("served_model"),
        verdicts=verdicts,
        labels=list(_labels(store, run_id, trial["trial_id"])),
        attempts=list(_attempts(store, run_id, call)),
        siblings=[one for one in beside if (one.test_id, one.repeat) != (test_id, repeat)],
    )


def case_pages(
    store: Queries, run_id: str, *, suite_path: str, case_id: str, label: str, limit: int
) -> list[TrialPage]:
    """The repeats of one case of one variant in full, at most ``limit``. Raises StoreError."""
    rows = store.tuples(_OF_CASE, run=run_id, path=suite_path, case=case_id, label=label, limit=limit)
    found = (trial_page(store, run_id, test_id, repeat, siblings=False) for test_id, repeat in rows)
    return [one for one in found if one is not None]


def _first(store: Queries, sql: str, **values: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever the query asks for
    return next(iter(store.rows(sql, **values)), _NOTHING)


def _line(trial: dict[str, Any], answer: dict[str, Any], verdicts: list[VerdictLine]) -> TrialLine:
    text = answer.get("text")
    return TrialLine(
        test_id=trial["test_id"],
        repeat=trial["repeat_number"],
        suite=trial["suite"],
        case_id=trial["case_id"],
        label=trial["label"],
        variant=trial["variant"],
        status=trial["status"],
        failed_checks=[one.check for one in verdicts if one.status in {"fail", "error"} and one.severity == "fail"],
        excerpt=None if text is None else text[:EXCERPT],
        failure=answer.get("failure"),
        latency_s=answer.get("latency_s"),
        cost_usd=answer.get("cost_usd"),
    )


def _verdict(row: dict[str, Any]) -> VerdictLine:
    return VerdictLine(**{**row, "spans": plain(row["spans"], [])})


def _labels(store: Queries, run_id: str, trial_id: str) -> Iterator[LabelLine]:
    for row in store.rows(_LABELS, run=run_id, trial=trial_id):
        yield LabelLine(**{**row, "at": utc(row["at"])})


def _attempts(store: Queries, run_id: str, call_id: str | None) -> Iterator[AttemptLine]:
    for row in store.rows(_ATTEMPTS, run=run_id, call=call_id):
        yield AttemptLine(**{**row, "started_at": utc(row["started_at"])})
