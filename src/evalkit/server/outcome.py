"""A stored run in one word and one sentence, from what is counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalkit.compare import words

if TYPE_CHECKING:
    from evalkit.report.outcomes import Outcome
    from evalkit.store.browse.browsed import RunLine


def outcome_of(run: RunLine) -> Outcome:
    """What was concluded at the run's end; without that, counted trial by trial where no gate decides."""
    if run.outcome is not None:
        return run.outcome
    if not run.complete or not run.trials:
        return "unmeasured"
    judged = run.gates_passed + run.gates_failed + run.gates_undecided
    if run.gates_failed or (run.failed and not judged):
        return "failed"
    if run.errors:
        return "unmeasured"
    return "undecided" if run.gates_undecided else "passed"


def summary(run: RunLine) -> str:
    """The verdict at the run's end; without one, gates and then trials with their denominator."""
    if run.verdict:
        return run.verdict.partition(": ")[2] or run.verdict
    parts = []
    judged = run.gates_passed + run.gates_failed + run.gates_undecided
    if judged:
        rest = [
            f"{count} {word}"
            for count, word in ((run.gates_failed, "failed"), (run.gates_undecided, "undecided"))
            if count
        ]
        parts.append(f"of {words.number_of(judged, 'gate')} {', '.join([*rest, f'{run.gates_passed} passed'])}")
    counted = words.counts(run.passed, run.trials, errors=run.errors, skipped=run.skipped)
    planned = run.planned if run.planned is not None else run.trials + run.skipped
    missing = max(0, planned - run.trials - run.skipped)
    parts.append(f"{counted} trials passed" + (f", {missing:,} of {planned:,} not measured" if missing else ""))
    return "; ".join(parts)
