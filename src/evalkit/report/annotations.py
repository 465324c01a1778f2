"""A run as GitHub's workflow commands, so that what went wrong stands beside the suite's line in a pull request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from evalkit.compare.paired_outcomes import flip_name
from evalkit.model.calls import CallFailure
from evalkit.report.clean import one_line, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from evalkit.errors import Where
    from evalkit.model.results import Result
    from evalkit.report.values import RunReport

Level = Literal["error", "warning"]
MOST = 10
"""Annotations of a level that GitHub shows per step."""
_LIMIT = 600


@dataclass(frozen=True, slots=True)
class Annotation:
    """One remark beside a line. ``path`` is as the report knows it: relative to the project."""

    level: Level
    title: str
    message: str
    path: str
    line: int | None = None


def annotations_of(report: RunReport) -> list[Annotation]:
    """Return what a reviewer must see, at most ``MOST`` of each level: gates first, then what could not be measured, then cases.

    Failed gates, errors and, in suites whose gates do not decide, failing cases are errors; undecided gates and cases that the candidate
    broke are warnings. The last of a level says how many there are more.
    """
    found = [*_gates(report), *_cases(report), *_broken(report)]
    return [one for level in ("error", "warning") for one in _bounded([one for one in found if one.level == level])]


def workflow_command(one: Annotation, folder: str = "") -> str:
    """Return the line that makes GitHub show ``one``; ``folder`` is the project within the repository, empty for its top.

    Whatever stands in it, it is one line and one command: GitHub ends a message at a line end and a property at ``:`` or ``,``.
    """
    path = f"{folder}/{one.path}" if folder else one.path
    line = "" if one.line is None else f",line={one.line}"
    return f"::{one.level} file={_property(path)}{line},title={_property(one.title)}::{_data(one.message)}"


def _bounded(found: list[Annotation]) -> list[Annotation]:
    if len(found) <= MOST:
        return found
    last = found[MOST - 1]
    more = len(found) - MOST + 1
    rest = Annotation(
        last.level, "evalkit", f"{more:,} more {last.level}s: the summary and the report have them", last.path
    )
    return [*found[: MOST - 1], rest]


def _gates(report: RunReport) -> Iterator[Annotation]:
    for gate in report.gates:
        if gate.status in {"failed", "undecided"}:
            level: Level = "error" if gate.status == "failed" else "warning"
            name = (
                f"gate {gate.gate} {gate.status} ({gate.variant})"
                if gate.variant
                else f"gate {gate.gate} {gate.status}"
            )
            yield Annotation(level, name, gate.reason, gate.suite_path, gate.line)


def _cases(report: RunReport) -> Iterator[Annotation]:
    """Errors first, then failing cases of suites that no gate decides about; one per test, though each repeat may have failed."""
    gated = {gate.suite_path for gate in report.gates if gate.status != "not_judged"}
    for status in ("error", "fail"):
        seen: set[str] = set()
        for result in report.results:
            trial = result.trial
            if result.status != status or result.pending or trial.test_id in seen:
                continue
            seen.add(trial.test_id)
            if status == "error" or trial.suite_path not in gated:
                word = "could not be measured" if status == "error" else "failed"
                yield _at(trial.case.where, "error", f"{trial.case.id} [{trial.variant.label}] {word}", reason(result))


def _broken(report: RunReport) -> Iterator[Annotation]:
    lost = _lost(report.results)
    for comparison in report.comparisons:
        for flip in comparison.flips:
            result = lost.get((comparison.suite, comparison.b.label, flip.case_id))
            if flip_name(flip) == "broken" and result is not None:
                title = f"{flip.case_id} broken by {comparison.names[1]}"
                told = f"passed {flip.a[0]}/{flip.a[1]} with {comparison.names[0]}, {flip.b[0]}/{flip.b[1]} with {comparison.names[1]}"
                yield _at(result.trial.case.where, "warning", title, f"{told}: {reason(result)}")


def _lost(results: Iterable[Result]) -> dict[tuple[str, str, str], Result]:
    """The last trial that failed, per suite, variant label and case."""
    return {(r.trial.suite, r.trial.variant.label, r.trial.case.id): r for r in results if r.status == "fail"}


def _at(where: Where, level: Level, title: str, message: str) -> Annotation:
    return Annotation(level, title, message, where.path, where.line)


def reason(result: Result) -> str:
    """Why a trial did not pass, in one sentence: the failure of its call, or its first counting check that did not pass; else empty."""
    if isinstance(result.reply, CallFailure):
        return f"{result.reply.kind}: {result.reply.message}"
    for verdict in result.verdicts:
        if verdict.severity == "fail" and verdict.status in {"fail", "error"}:
            return f"{verdict.check}: {verdict.reason}"
    return ""


def _data(text: str) -> str:
    return one_line(text, limit=_LIMIT).replace("%", "%25")


def _property(text: str) -> str:
    shown = visible(" ".join(text[: 4 * _LIMIT].split()))[:_LIMIT]
    return shown.replace("%", "%25").replace(":", "%3A").replace(",", "%2C")
