"""Why cases flipped: the check that did not pass, and what it said."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from evalkit.compare.paired_outcomes import flip_name
from evalkit.model.calls import CallFailure
from evalkit.report.clean import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from evalkit.compare.values import Comparison, Flip
    from evalkit.model.results import Result, Verdict

_REASON = 160
"""Characters of a reason beside a case; the case has the rest."""


def flipped_results(comparison: Comparison, results: Iterable[Result]) -> Mapping[tuple[str, str], list[Result]]:
    """The results of the cases that flipped, by the label of their variant and their id; those of another run are not among them."""
    here = {side.label for side in (comparison.a, comparison.b) if side.run_id is None}
    flipped = {flip.case_id for flip in comparison.flips}
    found: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        trial = result.trial
        if trial.suite == comparison.suite and trial.variant.label in here and trial.case.id in flipped:
            found.setdefault((trial.variant.label, trial.case.id), []).append(result)
    return found


def flip_reason(comparison: Comparison, flip: Flip, found: Mapping[tuple[str, str], list[Result]]) -> str:
    """In one line why a case does not pass on the side where it passes less often; empty if that is not known here."""
    shares = [passed / draws if draws else 0.0 for passed, draws in (flip.a, flip.b)]
    worse = comparison.a if shares[0] < shares[1] else comparison.b
    for result in found.get((worse.label, flip.case_id), []):
        if isinstance(result.reply, CallFailure):
            return one_line(f"no answer: {result.reply.kind}: {result.reply.message}", limit=_REASON)
        for verdict in _against(result):
            return one_line(f"{verdict.check}: {verdict.reason}", limit=_REASON)
    return ""


def broken_by(comparison: Comparison, found: Mapping[tuple[str, str], list[Result]]) -> tuple[tuple[str, int], ...]:
    """The checks that broken cases do not pass now, each with how many cases; most first. A case may have several."""
    counts: Counter[str] = Counter()
    for flip in comparison.flips:
        if flip_name(flip) == "broken":
            results = found.get((comparison.b.label, flip.case_id), [])
            counts.update({verdict.check for result in results for verdict in _against(result)})
    return tuple(sorted(counts.items(), key=lambda one: (-one[1], one[0])))


def _against(result: Result) -> list[Verdict]:
    """The verdicts that keep a result from passing."""
    return [one for one in result.verdicts if one.status in {"fail", "error"} and one.severity == "fail"]
