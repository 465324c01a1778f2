"""Pairing: the same case on both sides, all its repeats, and everything that could not be paired."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalkit.compare.values import Flip

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from evalkit.compare.values import FlipKind
    from evalkit.model.results import Measurement

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class PairedCase:
    """One case with its fresh trials before (``a``) and after (``b``); each side has at least one.

    ``a_draws`` and ``b_draws`` hold 1.0 for every trial that passed, 0.0 for one that failed or could not be measured.
    """

    case_id: str
    a: tuple[Measurement, ...]
    b: tuple[Measurement, ...]
    a_draws: tuple[float, ...]
    b_draws: tuple[float, ...]

    @property
    def cluster(self) -> str | None:
        """The case's cluster, None if it stands alone."""
        return self.a[0].cluster


@dataclass(frozen=True, slots=True)
class PairCounts:
    """How many cases are ``paired`` and ``unpaired``, and which of either side hold an error.

    ``delta_worst_case`` is the change of the pass rate if every case of one side had spoken against B; None without cases.
    """

    paired: int
    unpaired: int
    errors_a: tuple[str, ...]
    errors_b: tuple[str, ...]
    delta_worst_case: float | None

    @property
    def unpaired_share(self) -> float:
        """The share of all cases that could not be paired; 0.0 without cases."""
        total = self.paired + self.unpaired
        return self.unpaired / total if total else 0.0


@dataclass(frozen=True, slots=True)
class Pairing:
    """Cases on both sides, in the order of their ids, and the ids of those that are not.

    ``only_a`` and ``only_b`` ran on one side only, ``changed`` have the same id but other content; ``lost`` is what the former would change
    at worst, in cases. ``errors_a`` and ``errors_b`` are
    cases with a trial that could not be measured: paired, and counted as failures.
    """

    cases: tuple[PairedCase, ...]
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    changed: tuple[str, ...]
    errors_a: tuple[str, ...]
    errors_b: tuple[str, ...]
    lost: float

    @property
    def counts(self) -> PairCounts:
        """What gates say of the pairing."""
        unpaired = len(self.only_a) + len(self.only_b) + len(self.changed)
        changes = [_mean(case.b_draws) - _mean(case.a_draws) for case in self.cases]
        total = len(changes) + len(self.only_a) + len(self.only_b)
        worst = (sum(changes) + self.lost) / total if total else None
        return PairCounts(len(changes), unpaired, self.errors_a, self.errors_b, worst)


_PASSED, _NOT_PASSED = (1.0,), (0.0,)


def passes(rows: Sequence[Measurement]) -> tuple[float, ...]:
    """1.0 for a pass, 0.0 for a failure or an error: not measured is not passed (intention to treat)."""
    if len(rows) == 1:
        return _PASSED if rows[0].status == "pass" else _NOT_PASSED  # shared, because most cases have one trial
    return tuple([1.0 if row.status == "pass" else 0.0 for row in rows])


def by_case(rows: Sequence[Measurement]) -> dict[Key, tuple[Measurement, ...]]:
    """Group trials by case and content, without skipped ones, each case with its independent draws only.

    A repeat that shared another's answer is no new evidence: shared repeats are dropped, and one stands for all if none is fresh.
    """
    run = [row for row in rows if row.status != "skip"]
    single: dict[Key, tuple[Measurement, ...]] = {(row.case_id, row.case_digest): (row,) for row in run}
    if len(single) == len(run):
        return single  # one trial per case: nothing to group
    groups: dict[Key, list[Measurement]] = {}
    for row in run:
        groups.setdefault((row.case_id, row.case_digest), []).append(row)
    return {key: _independent(group) for key, group in groups.items()}


def _independent(group: list[Measurement]) -> tuple[Measurement, ...]:
    return tuple(row for row in group if row.fresh) or tuple(group[:1])


def pair(a: Sequence[Measurement], b: Sequence[Measurement]) -> Pairing:
    """Pair two sides of one suite by ``(case_id, case_digest)``; repeats stay together, never matched by index."""
    left, right = by_case(a), by_case(b)
    both = sorted(left.keys() & right.keys())
    alone_a, alone_b = left.keys() - right.keys(), right.keys() - left.keys()
    changed = {case_id for case_id, _ in alone_a} & {case_id for case_id, _ in alone_b}
    only_a = sorted(key for key in alone_a if key[0] not in changed)
    only_b = sorted(key for key in alone_b if key[0] not in changed)
    cases = tuple(
        PairedCase(key[0], rows_a := left[key], rows_b := right[key], passes(rows_a), passes(rows_b)) for key in both
    )
    lost = [-_mean(passes(left[key])) for key in only_a] + [_mean(passes(right[key])) - 1.0 for key in only_b]
    return Pairing(
        cases=cases,
        only_a=tuple(case_id for case_id, _ in only_a),
        only_b=tuple(case_id for case_id, _ in only_b),
        changed=tuple(sorted(changed)),
        errors_a=_errors(left),
        errors_b=_errors(right),
        lost=sum(lost),
    )


def _errors(side: dict[Key, tuple[Measurement, ...]]) -> tuple[str, ...]:
    return tuple(sorted({key[0] for key, rows in side.items() for row in rows if row.status == "error"}))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def flips(cases: Sequence[PairedCase]) -> tuple[Flip, ...]:
    """Every case that changed, in the order of :func:`most_urgent_first`."""
    return most_urgent_first(flip for case in cases if (flip := _flip(case)) is not None)


def most_urgent_first(found: Iterable[Flip]) -> tuple[Flip, ...]:
    """Broken first, then fixed, then shaky (moved on one side of ½).

    Within a kind: cases tagged ``critical`` first, then the larger change, then the id.
    """
    return tuple(sorted(found, key=_urgency))


def flip_kind(before: tuple[int, int], after: tuple[int, int]) -> FlipKind:
    """The kind of a change from ``(passed, draws)`` to another: by which side of ½ they are on."""
    was, now = 2 * before[0] >= before[1], 2 * after[0] >= after[1]
    return "shaky" if was == now else "broken" if was else "fixed"


def _flip(case: PairedCase) -> Flip | None:
    a, b = case.a_draws, case.b_draws
    if a == b or _mean(a) == _mean(b):
        return None
    before, after = (round(sum(a)), len(a)), (round(sum(b)), len(b))
    kind = flip_kind(before, after)
    errors = (_error_count(case.a), _error_count(case.b))
    error = errors_moved_it(kind, before, after, errors)
    return Flip(case.case_id, kind, before, after, tags=tuple(sorted(case.b[0].tags)), error=error)


def _error_count(rows: Sequence[Measurement]) -> int:
    return sum(row.status == "error" for row in rows)


def errors_moved_it(kind: FlipKind, before: tuple[int, int], after: tuple[int, int], errors: tuple[int, int]) -> bool:
    """Whether errors (before and after) may be all that moved a case: with them as passes it would not be of this ``kind``.

    Of a shaky case, any error may be.
    """
    if kind == "shaky":
        return any(errors)
    (passed, draws), lost = (after, errors[1]) if kind == "broken" else (before, errors[0])
    return 2 * (passed + lost) >= draws


_URGENCY: Mapping[FlipKind, int] = {"broken": 0, "fixed": 1, "shaky": 2}


def _urgency(flip: Flip) -> tuple[int, bool, float, str]:
    change = abs(flip.b[0] / flip.b[1] - flip.a[0] / flip.a[1])
    return _URGENCY[flip.kind], "critical" not in flip.tags, -change, flip.case_id
