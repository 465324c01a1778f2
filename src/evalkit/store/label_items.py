"""What there is to label in a run: answers one by one, or two by two, in an order that says nothing about who gave them.

An item is known by a digest of what it is, so that a page that must not know the variant can still name it. The items stand in the order of
their digests, and so do the two sides of a pair: as good as random, and the same every time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalkit.store.browse import plain

if TYPE_CHECKING:
    from evalkit.store.browse import Queries

_JUDGED = """
with judged as (
  select v.trial_id, v.check_name || case when v.place > 1 then ' (' || v.place || ')' else '' end as check_name
  from (
    select *, row_number() over (partition by trial_id, check_name order by position) as place from verdicts where run_id = $run
  ) v
), items as (
  select md5($run || chr(31) || t.trial_id || chr(31) || $check) as key, t.*, r.text
  from trials t join judged j on j.trial_id = t.trial_id and j.check_name = $check
  join responses r on r.run_id = $run and r.call_id = t.call_id and r.text is not null
  where t.run_id = $run
), mine as (
  select trial_id, passed, comment from labels where run_id = $run and check_name = $check and labelled_by = $by
)
"""
_ANSWERS = f"""{_JUDGED}
select i.key, i.suite_path, i.case_id, i.label, i.repeat_number as repeat, i.text as answer, w.prompt, w.model, c.vars, c.expect,
  m.passed, coalesce(m.comment, '') as comment
from items i left join mine m on m.trial_id = i.trial_id
left join variants w on w.run_id = $run and w.suite_path = i.suite_path and w.label = i.label
left join cases c on c.suite_path = i.suite_path and c.case_id = i.case_id and c.case_digest = i.case_digest
where i.key > $after and (not $open or m.passed is null) order by i.key limit $limit
"""  # noqa: S608 - a constant of this module
_ANSWER = f"{_JUDGED} select * from items where key = $key and $by is not null limit 1"  # noqa: S608 - the same
_ANSWERS_LEFT = f"""{_JUDGED}
select count(*) as total, count(m.passed) as labelled from items i left join mine m on m.trial_id = i.trial_id
"""  # noqa: S608 - the same
_PAIRED = """
with sides as (
  select t.suite_path, t.case_id, t.case_digest, t.repeat_number, t.label, r.text
  from trials t join responses r on r.run_id = $run and r.call_id = t.call_id and r.text is not null
  where t.run_id = $run and t.label in ($a, $b)
), items as (
  select md5($run || chr(31) || a.suite_path || chr(31) || a.case_id || chr(31) || a.repeat_number || chr(31) || $a || chr(31) || $b) as key,
    a.suite_path, a.case_id, a.case_digest, a.repeat_number as repeat, a.text as answer_a, b.text as answer_b
  from sides a join sides b on a.label = $a and b.label = $b and a.suite_path = b.suite_path and a.case_id = b.case_id
    and a.case_digest = b.case_digest and a.repeat_number = b.repeat_number
), mine as (
  select suite_path, case_id, repeat_number as repeat, winner, comment from preferences
  where run_id = $run and label_a = $a and label_b = $b and preferred_by = $by
)
"""
_PAIRS = f"""{_PAIRED}
select i.*, c.vars, c.expect, m.winner, coalesce(m.comment, '') as comment from items i left join mine m using (suite_path, case_id, repeat)
left join cases c on c.suite_path = i.suite_path and c.case_id = i.case_id and c.case_digest = i.case_digest
where i.key > $after and (not $open or m.winner is null) order by i.key limit $limit
"""  # noqa: S608 - the same
_PAIR = f"{_PAIRED} select * from items where key = $key and $by is not null limit 1"  # noqa: S608 - the same
_PAIRS_LEFT = f"""{_PAIRED}
select count(*) as total, count(m.winner) as labelled from items i left join mine m using (suite_path, case_id, repeat)
"""  # noqa: S608 - the same
_CHECKS = """
select check_name || case when place > 1 then ' (' || place || ')' else '' end as "check", any_value(family) as family from (
  select *, row_number() over (partition by trial_id, check_name order by position) as place from verdicts where run_id = $run
) group by all order by any_value(family) <> 'judge', "check"
"""
_PREFERRED = """
select label_a as a, label_b as b, count(*) filter (winner = 'a') as a_wins, count(*) filter (winner = 'b') as b_wins,
  count(*) filter (winner = 'tie') as ties
from preferences where run_id = $run and winner is not null group by all order by all
"""


@dataclass(frozen=True, slots=True)
class Left:
    """How many items there are, and how many of them this person has labelled."""

    total: int
    labelled: int


@dataclass(frozen=True, slots=True)
class PreferenceCount:
    """How often people prefer which of two variants."""

    a: str
    b: str
    a_wins: int
    b_wins: int
    ties: int


def checks_of(store: Queries, run_id: str) -> list[str]:
    """The checks of a run, those that a model judges first; numbered as labels name them. Raises StoreError."""
    return [row["check"] for row in store.rows(_CHECKS, run=run_id)]


def answers_to_label(
    store: Queries, run_id: str, check: str, *, by: str, after: str, open_only: bool, limit: int
) -> list[dict[str, Any]]:
    """The answers that ``check`` judged, behind the key ``after``; with ``open_only`` those that ``by`` has not labelled. Raises StoreError."""
    rows = store.rows(_ANSWERS, run=run_id, check=check, by=by, after=after, open=open_only, limit=limit)
    return [_with_case(row) for row in rows]


def answer_of(store: Queries, run_id: str, check: str, key: str) -> dict[str, Any] | None:
    """The trial behind a key, None if there is none. Raises StoreError."""
    return next(iter(store.rows(_ANSWER, run=run_id, check=check, key=key, by="")), None)


def answers_left(store: Queries, run_id: str, check: str, *, by: str) -> Left:
    """How far ``by`` is with a check. Raises StoreError."""
    return Left(**store.rows(_ANSWERS_LEFT, run=run_id, check=check, by=by)[0])


def pairs_to_label(
    store: Queries, run_id: str, labels: tuple[str, str], *, by: str, after: str, open_only: bool, limit: int
) -> list[dict[str, Any]]:
    """The cases that both variants answered, behind the key ``after``. ``labels`` are in alphabetical order. Raises StoreError."""
    a, b = labels
    rows = store.rows(_PAIRS, run=run_id, a=a, b=b, by=by, after=after, open=open_only, limit=limit)
    return [_with_case(row) for row in rows]


def pair_of(store: Queries, run_id: str, labels: tuple[str, str], key: str) -> dict[str, Any] | None:
    """The case behind a key, None if there is none. Raises StoreError."""
    return next(iter(store.rows(_PAIR, run=run_id, a=labels[0], b=labels[1], key=key, by="")), None)


def pairs_left(store: Queries, run_id: str, labels: tuple[str, str], *, by: str) -> Left:
    """How far ``by`` is with a pair of variants. Raises StoreError."""
    return Left(**store.rows(_PAIRS_LEFT, run=run_id, a=labels[0], b=labels[1], by=by)[0])


def preferred(store: Queries, run_id: str) -> list[PreferenceCount]:
    """What people prefer, by pair of variants. Raises StoreError."""
    return [PreferenceCount(**row) for row in store.rows(_PREFERRED, run=run_id)]


def swapped(key: str) -> bool:
    """Whether the second variant stands on the left: the last bit of the digest."""
    return int(key[-1], 16) % 2 == 1


def _with_case(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "vars": plain(row["vars"], {}), "expect": plain(row["expect"], {})}
