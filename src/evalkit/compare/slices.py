"""A slice of a suite: the cases with a tag, the trials of a model, or one check's or check family's share in every trial."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from evalkit.suites.gate_kinds import BOTH

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from evalkit.model.cases import Severity
    from evalkit.model.results import Family, Measurement, Status


def narrow(
    rows: Sequence[Measurement], slice_: str | None, *, among: Iterable[Measurement] | None = None
) -> list[Measurement]:
    """Return the rows that belong to ``slice_``, their ``status`` reduced to what the slice is about.

    ``tag:x`` keeps the cases tagged x, ``model:x`` the trials asked of model x. ``check:x`` keeps trials that had the check x and takes its verdict, whatever its severity;
    ``family:x`` does so for all counting checks of the family. A trial that got no answer has no verdicts: it stays, as an error, if its
    case has such a check elsewhere in ``among`` (default: ``rows``), or if nothing is known of the case. None keeps everything, and
    slices joined by ``&`` what belongs to all of them.
    Raises ValueError for an unknown prefix.
    """
    if slice_ is None:
        return list(rows)
    first, both, others = slice_.partition(BOTH)
    if both:
        return narrow(narrow(rows, first, among=among), others, among=among)
    prefix, _, name = slice_.partition(":")
    if prefix == "tag":
        return [row for row in rows if name in row.tags]
    if prefix == "model":
        return [row for row in rows if row.model == name]
    if prefix not in {"check", "family"}:
        raise ValueError(f"a slice is tag:…, check:…, family:… or model:…, not {slice_!r}")
    unanswered = any(row.status == "error" and not row.checks for row in rows)
    known, other = _applicable(rows if among is None else among, prefix, name) if unanswered else (set(), set())
    kept = []
    for row in rows:
        status = share(row, prefix, name)
        key = (row.case_id, row.case_digest)
        if status is None and row.status == "error" and not row.checks and (key in known or key not in other):
            status = "error"
        if status is not None:
            kept.append(row if status == row.status else replace(row, status=status))
    return kept


def _applicable(
    rows: Iterable[Measurement], prefix: str, name: str
) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    """Cases seen with the slice's checks, and all cases seen with any checks."""
    known, seen = set(), set()
    for row in rows:
        if row.checks:
            seen.add((row.case_id, row.case_digest))
            if share(row, prefix, name) is not None:
                known.add((row.case_id, row.case_digest))
    return known, seen


def share(row: Measurement, prefix: str, name: str) -> Status | None:
    """The status of the slice's checks (``prefix`` is ``check`` or ``family``) in one trial; None if it had none."""
    return share_of(row.checks, prefix, name)


def share_of(checks: Iterable[tuple[str, Family, Status, Severity]], prefix: str, name: str) -> Status | None:
    """As :func:`share`, of a trial's verdicts."""
    if prefix == "check":
        found: set[Status] = {status for check, _, status, _ in checks if check == name}
    else:
        found = {status for _, family, status, severity in checks if family == name and severity == "fail"}
    order: tuple[Status, ...] = ("error", "fail", "pass", "skip")
    return next((status for status in order if status in found), None)
