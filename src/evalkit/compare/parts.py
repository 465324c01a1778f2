"""The parts of a pass rate: one metric per check family, and per check if asked for, over the same paired cases."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from evalkit.compare.estimate import Counts, change_of_counts, rate_change, single_runs
from evalkit.compare.metric import rate_metric
from evalkit.compare.pair import pair
from evalkit.compare.slices import narrow, share

if TYPE_CHECKING:
    from collections.abc import Sequence, Set

    from evalkit.compare.estimate import RateChange
    from evalkit.compare.pair import PairedCase
    from evalkit.compare.values import Metric
    from evalkit.model.results import Measurement, Status

_UNANSWERED = -1
"""Stands for a trial that got no answer: it has no verdicts, and is an error of whatever its case is judged by."""


def part_metrics(
    cases: Sequence[PairedCase],
    a: Sequence[Measurement],
    b: Sequence[Measurement],
    *,
    confidence: float,
    margin: float | None,
    checks: bool = False,
) -> list[Metric]:
    """``pass_rate(family:x)`` of every family with a counting check, and with ``checks`` also ``pass_rate(check:x)`` of every check.

    ``cases`` are the pairs of ``a`` and ``b``. For single runs everything is counted in one pass; with repeats or clusters each part
    is narrowed and paired on its own. A part that no pair has is left out.
    """
    if single_runs(cases) and all(case.cluster is None for case in cases):
        changes = _counted(cases, confidence, checks=checks)
    else:
        changes = _paired(a, b, confidence, checks=checks)
    return [rate_metric(f"pass_rate({name})", change, margin) for name, change in changes.items()]


def _names(kinds: Set[tuple[str, str, str]], *, checks: bool) -> list[str]:
    """Slices for ``(check, family, severity)``: families in alphabetical order, then checks."""
    families = sorted({f"family:{family}" for _, family, severity in kinds if severity == "fail"})
    return families + (sorted({f"check:{check}" for check, _, _ in kinds}) if checks else [])


def _paired(
    a: Sequence[Measurement], b: Sequence[Measurement], confidence: float, *, checks: bool
) -> dict[str, RateChange]:
    everything = [*a, *b]
    kinds = {(check, family, severity) for row in everything for check, family, _, severity in row.checks}
    found = {}
    for name in _names(kinds, checks=checks):
        pairing = pair(narrow(a, name, among=everything), narrow(b, name, among=everything))
        change = rate_change(pairing.cases, confidence)
        if change is not None:
            found[name] = change
    return found


def _counted(cases: Sequence[PairedCase], confidence: float, *, checks: bool) -> dict[str, RateChange]:
    """Trials with the same verdicts are alike, and there are few kinds of them: count pairs of kinds, then look at each kind once."""
    numbers: dict[tuple[object, ...], int] = {}
    rows: list[Measurement] = []
    pairs: Counter[tuple[int, int]] = Counter()
    for case in cases:
        kinds = []
        for row in (case.a[0], case.b[0]):
            number = _UNANSWERED if row.status == "error" and not row.checks else numbers.get(row.checks)
            if number is None:
                number = numbers[row.checks] = len(rows)
                rows.append(row)
            kinds.append(number)
        pairs[kinds[0], kinds[1]] += 1
    named = {(check, family, severity) for row in rows for check, family, _, severity in row.checks}
    found = {}
    for name in _names(named, checks=checks):
        prefix, _, rest = name.partition(":")
        counts = _table(pairs, [share(row, prefix, rest) for row in rows])
        if counts.n:
            found[name] = change_of_counts(counts, confidence)
    return found


def _table(pairs: Counter[tuple[int, int]], shares: list[Status | None]) -> Counts:
    """The paired table of one part. ``shares[kind]`` is the part's outcome in trials of that kind, None where they have none."""
    table = dict.fromkeys(((True, True), (False, True), (True, False), (False, False)), 0)
    for (a, b), count in pairs.items():
        before: Status | None = "error" if a == _UNANSWERED else shares[a]
        after: Status | None = "error" if b == _UNANSWERED else shares[b]
        if before in {None, "skip"} or after in {None, "skip"}:
            continue
        table[before == "pass", after == "pass"] += count
    return Counts(table[True, True], table[False, True], table[True, False], table[False, False])
