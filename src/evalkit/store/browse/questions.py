"""Questions that pages ask of the store: each is bounded, and narrows to one run before it looks at anything large."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from evalkit.store.browse.browsed import CheckLine, GateLine, RunLine, RunPage, TrialLine, VariantLine

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Protocol

    class Queries(Protocol):
        """Whatever answers SQL: see :class:`evalkit.store.mirror.Mirror`."""

        def rows(self, sql: str, **values: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - whatever a column holds
            """One dict per row."""

        def tuples(self, sql: str, **values: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401 - whatever a column holds
            """One tuple per row."""


T = TypeVar("T")

EXCERPT = 200
"""Characters of an answer in a list."""

_OUTCOMES = frozenset({"passed", "failed", "undecided", "unmeasured"})

_RUNS = """
with page as (
  select * from runs
  where $before is null or (started_at, run_id) < (select (started_at, run_id) from runs where run_id = $before)
  order by started_at desc nulls last, run_id desc limit $limit
), counted as (
  select run_id, count(*) as trials, count(*) filter (status = 'pass') as passed, count(*) filter (status = 'fail') as failed,
    count(*) filter (status = 'error') as errors
  from trials where run_id in (select run_id from page) group by run_id
), gated as (
  select run_id, count(*) filter (status = 'passed') as gates_passed, count(*) filter (status = 'failed') as gates_failed,
    count(*) filter (status = 'undecided') as gates_undecided, count(*) filter (status = 'not_judged') as gates_not_judged
  from gates where run_id in (select run_id from page) group by run_id
), named as (
  select run_id, list(distinct suite order by suite) as suites from suites where run_id in (select run_id from page) group by run_id
), passed_over as (
  select run_id, sum(trials)::bigint as skipped from skips where run_id in (select run_id from page) group by run_id
), paid as (
  select run_id, case when count(*) filter (paid_usd is null) = 0 then sum(paid_usd) end as paid_usd
  from responses where run_id in (select run_id from page) group by run_id
)
select page.*, coalesce(suites, []) as suites, coalesce(trials, 0) as trials, coalesce(passed, 0) as passed,
  coalesce(failed, 0) as failed, coalesce(errors, 0) as errors, coalesce(skipped, 0) as skipped,
  coalesce(gates_passed, 0) as gates_passed, coalesce(gates_failed, 0) as gates_failed,
  coalesce(gates_undecided, 0) as gates_undecided, coalesce(gates_not_judged, 0) as gates_not_judged, paid_usd,
  json_extract_string(extra, '$.summary.outcome') as outcome, json_extract_string(extra, '$.summary.verdict') as verdict,
  json_extract_string(extra, '$.rescored') as rescored
from page left join counted using (run_id) left join gated using (run_id) left join named using (run_id)
left join passed_over using (run_id) left join paid using (run_id)
order by started_at desc nulls last, run_id desc
"""
_ONE_RUN = _RUNS.replace(
    "where $before is null or (started_at, run_id) < (select (started_at, run_id) from runs where run_id = $before)\n",
    "where run_id = $run\n",
).replace("limit $limit", "limit 1")
_VARIANTS = """
select t.suite, t.suite_path, t.label, t.variant, any_value(w.prompt) as prompt, any_value(w.model) as model, count(*) as trials,
  count(*) filter (t.status = 'pass') as passed, count(*) filter (t.status = 'fail') as failed,
  count(*) filter (t.status = 'error') as errors,
  case when count(*) filter (r.cost_usd is null and r.failure is null) = 0 then sum(r.cost_usd) end as cost_usd,
  quantile_cont(r.latency_s, 0.5) as latency_p50_s, quantile_cont(r.latency_s, 0.95) as latency_p95_s
from trials t left join responses r on r.run_id = $run and r.call_id = t.call_id
left join variants w on w.run_id = $run and w.suite_path = t.suite_path and w.label = t.label
where t.run_id = $run group by all order by t.suite_path, t.label
"""
_CHECKS = """
select t.suite, t.label, v.check_name as "check", any_value(v.family) as family, count(*) filter (v.status = 'pass') as passed,
  count(*) filter (v.status = 'fail') as failed, count(*) filter (v.status = 'error') as errors,
  count(*) filter (v.status = 'skip') as skipped
from verdicts v join trials t on t.run_id = $run and t.trial_id = v.trial_id
where v.run_id = $run group by all order by t.suite, v.check_name, t.label
"""
_GATES = "select suite, suite_path, variant, gate, status, reason, line from gates where run_id = $run order by case status when 'failed' then 0 when 'undecided' then 1 when 'not_judged' then 2 else 3 end, suite_path, line, variant"
_TRIALS = """
with page as (
  select t.* from trials t {joins}
  where t.run_id = $run {where}
  order by t.test_id, t.repeat_number limit $limit
), answers as (
  select call_id, text, failure, latency_s, cost_usd from responses where run_id = $run and call_id in (select call_id from page)
), failures as (
  select trial_id, list(check_name order by position) as failed_checks from verdicts
  where run_id = $run and status in ('fail', 'error') and severity = 'fail' and trial_id in (select trial_id from page)
  group by trial_id
)
select test_id, repeat_number as repeat, suite, case_id, label, variant, status, coalesce(failed_checks, []) as failed_checks,
  left(text, $excerpt) as excerpt, failure, latency_s, cost_usd
from page left join answers using (call_id) left join failures using (trial_id)
order by test_id, repeat
"""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which trials of a run to list. Empty means all; ``check`` is one that failed or could not judge, ``text`` is looked for in answers
    and case ids, letter case aside."""

    status: Literal["", "pass", "fail", "error"] = ""
    label: str = ""
    suite: str = ""
    check: str = ""
    tag: str = ""
    text: str = ""


def list_runs(store: Queries, *, limit: int, before: str | None = None) -> list[RunLine]:
    """The newest runs, at most ``limit``; with ``before`` those that started before that run. Raises StoreError."""
    return [_run_line(row) for row in store.rows(_RUNS, limit=limit, before=before)]


def has_run(store: Queries, run_id: str) -> bool:
    """Whether a run is stored. Raises StoreError."""
    return bool(store.rows("select 1 from runs where run_id = $run limit 1", run=run_id))


def run_line(store: Queries, run_id: str) -> RunLine | None:
    """One run as the list shows it, None if it is not stored. Raises StoreError."""
    return next((_run_line(row) for row in store.rows(_ONE_RUN, run=run_id)), None)


def run_page(store: Queries, run_id: str) -> RunPage | None:
    """One run with its variants, checks and gates, None if it is not stored. Raises StoreError."""
    found = store.rows(_ONE_RUN, run=run_id)
    if not found:
        return None
    row = found[0]
    return RunPage(
        run=_run_line(row),
        command=row["command"],
        evalkit_version=row["evalkit_version"],
        python_version=row["python_version"],
        possibly_billed=row["possibly_billed"] or 0,
        damage=row["damage"] or [],
        variants=[VariantLine(**one) for one in store.rows(_VARIANTS, run=run_id)],
        checks=[CheckLine(**one) for one in store.rows(_CHECKS, run=run_id)],
        gates=[GateLine(**one) for one in store.rows(_GATES, run=run_id)],
    )


def list_trials(
    store: Queries, run_id: str, wanted: Filter, *, limit: int, after: tuple[str, int] | None = None
) -> list[TrialLine]:
    """The trials of a run in the order of their test ids, at most ``limit``, those behind ``after`` (test id, repeat) only. Raises StoreError."""
    joins, where, values = _narrowed(wanted)
    if after is not None:
        where += " and (t.test_id, t.repeat_number) > ($after_test, $after_repeat)"
        values |= {"after_test": after[0], "after_repeat": after[1]}
    sql = _TRIALS.format(joins=joins, where=where)
    return [TrialLine(**row) for row in store.rows(sql, run=run_id, limit=limit, excerpt=EXCERPT, **values)]


def trial_lines(
    store: Queries, run_id: str, *, suite_path: str, case_id: str, limit: int, label: str | None = None
) -> list[TrialLine]:
    """The trials of one case in a run, all or those of one variant. Raises StoreError."""
    where = "and t.suite_path = $suite_path and t.case_id = $case_id and ($label is null or t.label = $label)"
    sql = _TRIALS.format(joins="", where=where)
    values = {"suite_path": suite_path, "case_id": case_id, "label": label}
    return [TrialLine(**row) for row in store.rows(sql, run=run_id, limit=limit, excerpt=EXCERPT, **values)]


def _narrowed(wanted: Filter) -> tuple[str, str, dict[str, Any]]:
    """The joins, the conditions and the values of a filter; every piece of SQL is a constant."""
    joins, where = "", ""
    values: dict[str, Any] = {}
    for name in ("status", "label", "suite"):
        if getattr(wanted, name):
            where += f" and t.{name} = ${name}"
            values[name] = getattr(wanted, name)
    if wanted.check:
        where += (
            " and t.trial_id in (select trial_id from verdicts where run_id = $run and check_name = $check"
            " and status in ('fail', 'error'))"
        )
        values["check"] = wanted.check
    if wanted.tag:
        joins += (
            " join cases c on c.suite_path = t.suite_path and c.case_id = t.case_id and c.case_digest = t.case_digest"
        )
        where += " and list_contains(c.tags, $tag)"
        values["tag"] = wanted.tag
    if wanted.text:
        joins += " left join responses r on r.run_id = $run and r.call_id = t.call_id"
        where += " and (contains(lower(r.text), lower($text)) or contains(lower(t.case_id), lower($text)))"
        values["text"] = wanted.text
    return joins, where, values


def _run_line(row: Mapping[str, Any]) -> RunLine:
    values = {name: row[name] for name in RunLine.__dataclass_fields__}
    values |= {name: utc(row[name]) for name in ("started_at", "finished_at")}
    if row["outcome"] not in _OUTCOMES:
        values |= {"outcome": None, "verdict": None}
    return RunLine(**values)


def utc(moment: datetime | None) -> datetime | None:
    """A stored time, which is UTC without saying so, as one that says so."""
    return None if moment is None else moment.replace(tzinfo=UTC)


def plain(text: str | None, empty: T) -> T:
    """The value of a JSON column; ``empty`` for what is null or of another type."""
    value = None if text is None else json.loads(text)
    return value if isinstance(value, type(empty)) else empty
