"""The verdicts of one run beside people's labels of the same answers, counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from evalkit.store.counting.said import SAID
from evalkit.store.database.connection import WAIT_S, opened
from evalkit.store.database.ingest import check_tables

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from evalkit.model.results import Status

Person = Literal["pass", "fail", "split", "none"]
"""What people say of an answer, by majority; ``split`` if they are divided, ``none`` if nobody was asked."""

_COUNTS = """
with said as materialized ({said}), voices as (
  select t.trial_id, l.check_name, l.labelled_by, arg_max(l.passed, coalesce(l.labelled_at, '-infinity'::timestamp)) as passed
  from trials t
  join responses r on r.run_id = $run and r.call_id = t.call_id
  join said s on s.suite_path = t.suite_path and s.case_id = t.case_id and s.request_key = t.request_key and s.text = r.text
  join labels l on l.trial_id = s.trial_id and l.passed is not null
  where t.run_id = $run group by all
), people as (
  select trial_id, check_name, sum(case when passed then 1 else -1 end) as balance from voices group by all
), judged as (
  select trial_id, status,
    check_name || case when place > 1 then ' (' || place || ')' else '' end as check_name
  from (
    select *, row_number() over (partition by trial_id, check_name order by position) as place
    from verdicts where run_id = $run and check_name in (
      select check_name from people union select regexp_replace(check_name, ' \\(\\d+\\)$', '') from people
    )
  )
), told as (
  select t.suite, j.check_name, t.label, j.status,
    case when p.balance is null then 'none' when p.balance > 0 then 'pass' when p.balance < 0 then 'fail' else 'split' end as person,
    case when t.cluster is null then 'case ' || t.case_id else 'cluster ' || t.cluster end as unit, count(*) as answers
  from judged j join trials t on t.run_id = $run and t.trial_id = j.trial_id
  left join people p on p.trial_id = j.trial_id and p.check_name = j.check_name
  group by all
), labelled as (
  select distinct suite, check_name from told where person in ('pass', 'fail') and status in ('pass', 'fail')
), units as (
  select suite, check_name, unit,
    list({{'label': label, 'verdict': status, 'person': person, 'number': answers}} order by label, status, person) as answers
  from told semi join labelled using (suite, check_name) group by all
)
select suite, check_name, answers, count(*) from units group by all order by all
"""


class JudgedAnswers(NamedTuple):
    """``number`` answers of one variant whose verdict is ``verdict``, where people say ``person``."""

    label: str
    verdict: Status
    person: Person
    number: int


@dataclass(frozen=True, slots=True)
class JudgedCases:
    """Cases (``cases`` of them; those of one cluster are one) whose answers, repeats and variants together, fared alike with one check."""

    suite: str
    check: str
    answers: tuple[JudgedAnswers, ...]
    cases: int


def count_labelled(database: Path, run_id: str, *, wait_s: float = WAIT_S) -> tuple[JudgedCases, ...]:
    """The verdicts of ``run_id`` beside what people say of the answers, of the checks that have a labelled answer.

    A label counts for every answer to the same request with the same text, whichever run it was given in. Raises StoreError.
    """
    with opened(database, read_only=True, wait_s=wait_s) as connection:
        check_tables(connection, database)
        return labelled_counts(lambda sql, **values: connection.execute(sql, values).fetchall(), run_id)


def labelled_counts(
    tuples: Callable[..., list[tuple[Any, ...]]], run_id: str, *, kept: bool = False
) -> tuple[JudgedCases, ...]:
    """The same; ``tuples(query, **values)`` answers SQL over the tables. ``kept``: those of a mirror, after :func:`~evalkit.store.counting.said.keep_said`."""
    rows = tuples(_COUNTS.format(said="from kept.said" if kept else SAID.format(new="")), run=run_id)
    return tuple(
        JudgedCases(suite, check, tuple(JudgedAnswers(**one) for one in answers), cases)
        for suite, check, answers, cases in rows
    )
