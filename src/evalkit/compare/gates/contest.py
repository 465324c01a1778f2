"""One paired gate and the two sides it is about: what every paired rule needs to know and say."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalkit.compare import words
from evalkit.compare.gates.finding import Finding, Tally, Unmeasured, pairing_doubts
from evalkit.compare.pair import pair
from evalkit.compare.statistics.distributions import normal_quantile
from evalkit.compare.statistics.intervals import critical_z

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalkit.compare.evidence import Evidence
    from evalkit.compare.pair import PairCounts, PairedCase
    from evalkit.model.calls import JSON
    from evalkit.model.results import GateStatus, Measurement
    from evalkit.suites.spec import GateSpec

POWER = 0.8


@dataclass(frozen=True, slots=True)
class Contest:
    """A paired gate with its ``cases`` (none where the database counted them). ``doubts`` are about the data: errors, cases without a partner."""

    gate: GateSpec
    a_name: str
    b_name: str
    cases: tuple[PairedCase, ...]
    counts: PairCounts
    before: Unmeasured
    after: Unmeasured
    doubts: tuple[str, ...]

    @classmethod
    def between(
        cls, gate: GateSpec, a: Sequence[Measurement], b: Sequence[Measurement], *, names: tuple[str, str]
    ) -> Contest:
        """Pair the trials of both sides, already narrowed to the gate's slice. Raises ValueError if a margin is missing."""
        if gate.margin is None and gate.kind == "no_regression":
            raise ValueError(f"the gate {gate.text!r} has no margin")
        pairing, before, after = pair(a, b), Tally.of(a).unmeasured, Tally.of(b).unmeasured
        counts = pairing.counts
        return cls(gate, *names, pairing.cases, counts, before, after, pairing_doubts(counts, before, after))

    @classmethod
    def counted(cls, gate: GateSpec, found: Evidence, *, names: tuple[str, str]) -> Contest:
        """The contest of two sides that were counted."""
        counts = found.counts
        before, after = Unmeasured(found.errors_a, found.trials_a), Unmeasured(found.errors_b, found.trials_b)
        return cls(gate, *names, (), counts, before, after, pairing_doubts(counts, before, after))

    @property
    def margin(self) -> float:
        """The gate's margin, or what B must be better by; 0.0 if not said."""
        return self.gate.margin or 0.0

    @property
    def coverage(self) -> str:
        """``over 200 paired cases (errors 0/200 and 1/200, unpaired 0)``."""
        errors = f"errors {self.before.errors}/{self.before.total} and {self.after.errors}/{self.after.total}"
        cases = words.number_of(self.counts.paired, "paired case")
        return f"over {cases} ({errors}, unpaired {self.counts.unpaired})"

    def finding(
        self,
        status: GateStatus,
        facts: str,
        conclusion: str,
        *,
        numbers: Mapping[str, JSON],
        fail_p: float | None = None,
        doubts: tuple[str, ...] = (),
    ) -> Finding:
        """A finding that also carries the counts of this contest and the doubts about its data."""
        counts: dict[str, JSON] = {
            "n": self.counts.paired,
            "margin": self.margin,
            "confidence": self.gate.confidence,
            "unpaired": self.counts.unpaired,
            "delta_worst_case": self.counts.delta_worst_case,
            "errors_a": self.before.errors,
            "errors_b": self.after.errors,
            "trials_a": self.before.total,
            "trials_b": self.after.total,
        }
        return Finding(status, facts, conclusion, counts | dict(numbers), fail_p, (*self.doubts, *doubts))


def cases_to_show(n: int, *, half_width: float, distance: float, confidence: float) -> int | None:
    """Cases that show an effect at ``distance`` from the limit with 80% chance, the half-width shrinking as 1/√n.

    None if there is no distance to show.
    """
    if distance <= 0.0 or not math.isfinite(half_width):
        return None
    z = critical_z(confidence)
    return max(n + 1, math.ceil(n * ((z + normal_quantile(POWER)) / z * half_width / distance) ** 2))


def show_advice(required: int | None, n: int) -> str:
    """What would decide a gate that asks for more than no change."""
    if required is None:
        return "the observed change is no more than asked for, so more cases help only if the true one is larger"
    return f"if the observed change is the true one, about {required} cases ({required - n} more) would show it"
