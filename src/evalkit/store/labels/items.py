"""What there is to label in a run: answers one by one, or two by two, in an order that says nothing about who gave them.

An item is known by a name that only the server can read (:class:`~evalkit.store.labels.secret.Veil`). The items stand in the order of their
names: as good as random, and the same every time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import starmap
from typing import TYPE_CHECKING, Any, NamedTuple

from evalkit.store.browse.questions import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from evalkit.store.browse.questions import Queries
    from evalkit.store.labels.secret import Veil

_FIRST = "select distinct trial_id from verdicts where run_id = $run and check_name = $check"
_LATER = f"""{_FIRST} union select trial_id from (
  select trial_id, row_number() over (partition by trial_id order by position) as place
  from verdicts where run_id = $run and check_name = $name
) where $name || ' (' || place || ')' = $check and place > 1
"""  # noqa: S608 - a constant of this module
_ANSWERS = """
select {name}, t.trial_id from trials t
where t.run_id = $run and t.trial_id in ({judged})
  and t.call_id in (select call_id from responses where run_id = $run and text is not null)
order by 1
"""
_SIDES = """
with sides as (
  select t.suite_path, t.case_id, t.case_digest, t.repeat_number, t.label, t.call_id
  from trials t join responses r on r.run_id = $run and r.call_id = t.call_id
  where t.run_id = $run and t.label in ($a, $b) and r.text is not null {some}
), pairs as (
  select a.suite_path, a.case_id, a.case_digest, a.repeat_number, a.call_id as first, b.call_id as second
  from sides a join sides b on a.label = $a and b.label = $b and a.suite_path = b.suite_path and a.case_id = b.case_id
    and a.case_digest = b.case_digest and a.repeat_number = b.repeat_number
)
"""
_PAIRS = _SIDES.format(some="") + "select {name}, suite_path, case_id, repeat_number::varchar from pairs order by 1"  # noqa: S608 - a constant of this module
_THESE_ANSWERS = """
select suite_path, case_id, case_digest, repeat_number, [call_id], label, trial_id from trials
where run_id = $run and list_contains($trials, trial_id)
"""
_THESE_PAIRS = f"""
{_SIDES.format(some="and list_contains($cases, t.case_id)")}
select suite_path, case_id, case_digest, repeat_number, [first, second] from pairs
"""  # noqa: S608 - a constant of this module
_LABELLED = (
    "select trial_id, passed, comment from labels where run_id = $run and check_name = $check and labelled_by = $by"
)
_PREFERRED_BY = """
select suite_path, case_id, repeat_number, winner, comment from preferences
where run_id = $run and label_a = $a and label_b = $b and preferred_by = $by
"""
_TEXTS = "select call_id, text from responses where run_id = $run and list_contains($calls, call_id)"
_CASES = """
select suite_path, case_id, case_digest, vars, expect from cases
where list_contains($digests, case_digest) and list_contains($cases, case_id)
"""
_ABOUT = "select suite_path, label, prompt, model from variants where run_id = $run"
_CHECKS = """
select check_name || case when place > 1 then ' (' || place || ')' else '' end as "check", any_value(family) as family from (
  select *, row_number() over (partition by trial_id, check_name order by position) as place from verdicts where run_id = $run
) group by all order by any_value(family) <> 'judge', "check"
"""
_PREFERRED = """
with said as (
  select label_a, label_b, suite_path, case_id, count(*) filter (winner = 'a') as a, count(*) filter (winner = 'b') as b,
    count(*) filter (winner = 'tie') as ties
  from preferences where run_id = $run and winner is not null group by all
)
select label_a, label_b, a, b, ties, count(*) from said group by all order by all
"""
_NUMBERED = re.compile(r"(.*) \(\d{1,9}\)", re.DOTALL)


Place = tuple[str, ...]
"""What a label or a preference of an item is known by: its trial, or its suite file, case and repeat."""


class Item(NamedTuple):
    """One answer, or two answers to one case. ``calls`` are those of the answers, in a pair first variant first; ``label`` and
    ``trial_id`` are those of one answer, empty for a pair."""

    suite_path: str
    case_id: str
    case_digest: str
    repeat: int
    calls: Sequence[str]
    label: str = ""
    trial_id: str = ""

    @property
    def place(self) -> Place:
        """What it is known by."""
        return (self.trial_id,) if self.trial_id else (self.suite_path, self.case_id, str(self.repeat))


@dataclass(frozen=True, slots=True)
class Word:
    """What one person said of an item: ``value`` is a label's ``passed`` or a preference's winner, None for a comment alone."""

    value: bool | str | None
    comment: str


@dataclass(frozen=True, slots=True)
class Contents:
    """What is shown of items: answers by call, variables and expectations by (suite file, case, digest of the case)."""

    texts: Mapping[str, str]
    cases: Mapping[tuple[str, str, str], tuple[dict[str, Any], dict[str, Any]]]


class PreferenceCount(NamedTuple):
    """In each of ``cases`` cases so many people prefer the answer of ``a``, of ``b``, or neither."""

    a: str
    b: str
    a_wins: int
    b_wins: int
    ties: int
    cases: int


def checks_of(store: Queries, run_id: str) -> list[str]:
    """The checks of a run, those that a model judges first; numbered as labels name them. Raises StoreError."""
    return [row["check"] for row in store.rows(_CHECKS, run=run_id)]


def answer_places(store: Queries, veil: Veil, run_id: str, check: str) -> dict[str, Place]:
    """The answers that ``check`` judged, by their names and in their order. Raises StoreError."""
    numbered = _NUMBERED.fullmatch(check)
    judged, name = (_LATER, {"name": numbered[1]}) if numbered else (_FIRST, dict[str, str]())
    sql = _ANSWERS.format(name=veil.sql("$run", "t.trial_id", "$check"), judged=judged)
    return {row[0]: row[1:] for row in store.tuples(sql, run=run_id, check=check, **name, **veil.pads)}


def pair_places(store: Queries, veil: Veil, run_id: str, labels: tuple[str, str]) -> dict[str, Place]:
    """The cases that both variants answered, by their names and in their order. ``labels`` are in alphabetical order. Raises StoreError."""
    sql = _PAIRS.format(name=veil.sql("$run", "suite_path", "case_id", "repeat_number::varchar", "$a", "$b"))
    rows = store.tuples(sql, run=run_id, a=labels[0], b=labels[1], **veil.pads)
    return {row[0]: row[1:] for row in rows}


def answers_at(store: Queries, run_id: str, places: Sequence[Place]) -> dict[Place, Item]:
    """The answers at some places, those that are still there. Raises StoreError."""
    rows = store.tuples(_THESE_ANSWERS, run=run_id, trials=[trial for (trial,) in places])
    return {item.place: item for item in starmap(Item, rows) if item.place in places}


def pairs_at(store: Queries, run_id: str, labels: tuple[str, str], places: Sequence[Place]) -> dict[Place, Item]:
    """The pairs of answers at some places, those that are still there. Raises StoreError."""
    rows = store.tuples(_THESE_PAIRS, run=run_id, a=labels[0], b=labels[1], cases=[case for _, case, _ in places])
    return {item.place: item for item in starmap(Item, rows) if item.place in places}


def labelled(store: Queries, run_id: str, check: str, *, by: str) -> dict[Place, Word]:
    """What ``by`` said of a check's answers, by the item's place. Raises StoreError."""
    rows = store.tuples(_LABELLED, run=run_id, check=check, by=by)
    return {(trial,): Word(passed, comment) for trial, passed, comment in rows}


def preferred_by(store: Queries, run_id: str, labels: tuple[str, str], *, by: str) -> dict[Place, Word]:
    """What ``by`` said of a pair of variants, by the item's place. Raises StoreError."""
    rows = store.tuples(_PREFERRED_BY, run=run_id, a=labels[0], b=labels[1], by=by)
    return {(path, case, str(repeat)): Word(winner, comment) for path, case, repeat, winner, comment in rows}


def contents(store: Queries, run_id: str, items: Iterable[Item]) -> Contents:
    """The answers and cases of some items. Raises StoreError."""
    wanted = list(items)
    texts = store.tuples(_TEXTS, run=run_id, calls=[call for item in wanted for call in item.calls])
    digests = sorted({item.case_digest for item in wanted})
    cases = store.tuples(_CASES, digests=digests, cases=sorted({item.case_id for item in wanted}))
    shown = {
        (path, case, digest): (plain(given, dict[str, Any]()), plain(expect, dict[str, Any]()))
        for path, case, digest, given, expect in cases
    }
    return Contents(dict(texts), shown)


def variants_of(store: Queries, run_id: str) -> dict[tuple[str, str], tuple[str | None, str | None]]:
    """Prompt and model by suite file and label. Raises StoreError."""
    return {(path, label): (prompt, model) for path, label, prompt, model in store.tuples(_ABOUT, run=run_id)}


def preferred(store: Queries, run_id: str) -> list[PreferenceCount]:
    """What people prefer, by pair of variants, cases alike together. Raises StoreError."""
    return [PreferenceCount(*row) for row in store.tuples(_PREFERRED, run=run_id)]
