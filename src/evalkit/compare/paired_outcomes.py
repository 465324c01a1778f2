"""What became of the cases of a comparison, with those that could not be measured kept apart: they neither broke nor were fixed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

MOST_ERRORS = 0.02
"""Above this share of errors on a side, what could not be measured may matter more than what was."""


if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalkit.compare.values import Comparison, Flip, Metric

FlipName = Literal["broken", "fixed", "shaky", "unmeasured"]
FLIP_NAMES: tuple[FlipName, ...] = ("broken", "fixed", "shaky", "unmeasured")
"""What a flip may be called, in the order in which a reader wants them."""
NOT_COMPARABLE = "not comparable"
"""The reading of a metric where too much could not be measured."""


@dataclass(frozen=True, slots=True)
class PairedOutcomes:
    """Paired cases by what became of them; together they are all of them. ``unmeasured`` are known not to pass only because of an error."""

    both_pass: int
    fixed: int
    broken: int
    both_fail: int
    unmeasured: int

    def __iter__(self) -> Iterator[tuple[str, int]]:
        """What a reader calls each group, and how many it has; ``not measured`` only where there is one."""
        yield from (("broken", self.broken), ("fixed", self.fixed))
        yield from (("pass both", self.both_pass), ("fail both", self.both_fail))
        if self.unmeasured:
            yield "not measured", self.unmeasured


def paired_outcomes(comparison: Comparison) -> PairedOutcomes:
    """Count the paired cases of ``comparison``."""
    lost = [flip.kind for flip in comparison.flips if flip.error]
    fixed, broken = lost.count("fixed"), lost.count("broken")
    still = min(comparison.both_fail, _unflipped_errors(comparison))
    return PairedOutcomes(
        both_pass=comparison.both_pass,
        fixed=comparison.fixed - fixed,
        broken=comparison.broken - broken,
        both_fail=comparison.both_fail - still,
        unmeasured=fixed + broken + still,
    )


def _unflipped_errors(comparison: Comparison) -> int:
    """Paired cases with an error that count as failing on both sides; with repeats nobody can tell, and it is 0."""
    if max(comparison.repeats_a, comparison.repeats_b) > 1:
        return 0
    named = [comparison.extra.get(key) for key in ("error_cases_a", "error_cases_b")]
    cases = {case for names in named if isinstance(names, list | tuple) for case in names if isinstance(case, str)}
    apart = {*comparison.only_a, *comparison.only_b, *comparison.changed, *(flip.case_id for flip in comparison.flips)}
    return len(cases - apart)


def flip_name(flip: Flip) -> FlipName:
    """What to call ``flip``: a case that errors alone may have moved neither broke nor was fixed."""
    return "unmeasured" if flip.error else flip.kind


def shaky(comparison: Comparison) -> int:
    """How many cases moved without crossing ½; they are among those that pass, or fail, on both sides."""
    return sum(flip_name(flip) == "shaky" for flip in comparison.flips)


def comparable(comparison: Comparison) -> bool:
    """Whether enough was measured for a difference to be told: at most 2% errors on either side, as for a gate."""
    sides = ((comparison.errors_a, comparison.trials_a), (comparison.errors_b, comparison.trials_b))
    return all(errors <= trials * MOST_ERRORS for errors, trials in sides)


def metric_word(comparison: Comparison, metric: Metric) -> str:
    """``better``, ``worse``, …; :data:`NOT_COMPARABLE` where too much could not be measured."""
    return metric.word if comparable(comparison) else NOT_COMPARABLE
