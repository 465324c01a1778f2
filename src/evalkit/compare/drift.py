"""An alarm for a prompt that did not change and answers that did, which may be looked at after every run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalkit.compare.stats import mcnemar

if TYPE_CHECKING:
    from collections.abc import Iterable

ALPHA = 0.05
"""The chance of a false alarm over all looks together, however many there will be."""


@dataclass(frozen=True, slots=True)
class Look:
    """One run beside the reference run: of ``n`` common cases ``rose`` passed more often than then and ``fell`` less often.

    ``p`` is two-sided; there is an ``alarm`` if it is at most ``level``, this look's part of the whole chance of a false alarm.
    """

    n: int
    rose: int
    fell: int
    p: float
    level: float

    @property
    def alarm(self) -> bool:
        """Whether this look alone raises the alarm."""
        return self.p <= self.level


def drift_looks(counts: Iterable[tuple[int, int, int]], *, alpha: float = ALPHA) -> list[Look]:
    """Judge the looks ``(n, rose, fell)``, in the order in which they were taken, each against the same reference.

    If nothing changed, a case is as likely to rise as to fall, so that each look is an exact sign test (McNemar 1947), whatever the
    other cases do. Look t may spend alpha·6/(π²t²) of the chance of a false alarm (alpha spending, Lan & DeMets 1983): the parts add up to
    ``alpha`` over endless looks, and because they only add up (Boole's inequality) it does not matter that all looks share a reference.
    """
    return [
        Look(n, rose, fell, mcnemar(rose, fell).p_exact, alpha * 6.0 / (math.pi * look) ** 2)
        for look, (n, rose, fell) in enumerate(counts, 1)
    ]
