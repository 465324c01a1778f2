"""What both sides answered in the cases that flipped, for a terminal."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from evalkit.compare.paired_outcomes import FLIP_NAMES, flip_name
from evalkit.model.calls import CallFailure
from evalkit.report import wording
from evalkit.report.clean import around, one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from evalkit.compare.values import Comparison, Flip
    from evalkit.model.results import Result

_MOST = 20
"""Cases shown of each kind of flip."""
_ANSWER = 600
_VARS = 200

Answered = tuple[str, str, str]
"""Run, label of the variant, case."""


def flips_text(comparison: Comparison, results: Mapping[str, Sequence[Result]], *, width: int = 100) -> str:
    """Return, without a final line feed, each flipped case with what both sides answered and why one did not pass.

    ``results`` are those of the runs of both sides, by run id; a side whose run is not among them (a saved baseline) has no answers.
    At most 20 cases of each kind; of repeats the first that did not pass. ``width`` is where lines wrap.
    """
    found = _by_case(comparison, results)
    lines: list[str] = []
    for kind in FLIP_NAMES:
        flips = [flip for flip in comparison.flips if flip_name(flip) == kind]
        for flip in flips[:_MOST]:
            lines += [
                f"{wording.SYMBOLS.get(kind, '!')} {wording.FLIP_WORDS[kind]}  {one_line(flip.case_id, limit=120)}"
            ]
            lines += _case_lines(comparison, flip, found, width)
        if len(flips) > _MOST:
            lines.append(f"  and {len(flips) - _MOST} more {wording.FLIP_WORDS[kind]}; the report has them all")
    return "\n".join(lines) if lines else "no case flipped"


def _by_case(comparison: Comparison, results: Mapping[str, Sequence[Result]]) -> dict[Answered, Result]:
    found: dict[Answered, Result] = {}
    for run_id, rows in results.items():
        for result in rows:
            if result.trial.suite == comparison.suite:
                key = run_id, result.trial.variant.label, result.trial.case.id
                if key not in found or (found[key].status == "pass" and result.status != "pass"):
                    found[key] = result
    return found


def _case_lines(comparison: Comparison, flip: Flip, found: Mapping[Answered, Result], width: int) -> Iterator[str]:
    sides = [
        (name, found.get((side.run_id or "", side.label, flip.case_id)))
        for name, side in zip(comparison.names, (comparison.a, comparison.b), strict=True)
    ]
    asked = next((result.trial.case.vars for _, result in sides if result is not None), {})
    yield from _wrapped(
        "  ", one_line(", ".join(f"{name}: {value}" for name, value in asked.items()), limit=_VARS), width
    )
    for name, result in sides:
        if result is None:
            yield f"  {one_line(name)}: no answer is stored here"
        else:
            head = f"{one_line(name)}: {wording.SYMBOLS[result.status]} {_reason(result)}"
            yield from _wrapped("  ", head, width)
            yield from _wrapped("    ", _answer(result), width)


def _reason(result: Result) -> str:
    if isinstance(result.reply, CallFailure):
        return one_line(f"{result.reply.kind}: {result.reply.message}", limit=300)
    missed = (one for one in result.verdicts if one.status in {"fail", "error"} and one.severity == "fail")
    return "; ".join(one_line(f"{one.check}: {one.reason}", limit=300) for one in missed)


def _answer(result: Result) -> str:
    if isinstance(result.reply, CallFailure):
        return ""
    spans = next((one.spans for one in result.verdicts if one.status == "fail" and one.spans), ())
    return around(result.reply.text or result.reply.refusal or "(empty)", spans, width=_ANSWER)


def _wrapped(indent: str, text: str, width: int) -> Iterable[str]:
    return textwrap.wrap(text, max(width, 40), initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)
