"""What the gates that are judged together make of each other: Holm's correction, on the failing side only."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from evalkit.compare import words
from evalkit.compare.statistics.intervals import tail_share
from evalkit.compare.statistics.multiplicity import holm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.compare.gates.finding import Finding
    from evalkit.suites.spec import GateSpec


def corrected_together(judged: Sequence[tuple[GateSpec, Finding]]) -> list[Finding]:
    """The findings, in their order, after Holm's (1979) correction over all of them that test for a failure.

    Of many gates over an unchanged prompt, one would fail by chance too often. A pass needs no correction: all gates must pass.
    """
    tests = [finding.fail_p for _, finding in judged if finding.fail_p is not None]
    adjusted = iter(holm(tests))
    return [
        finding if finding.fail_p is None else _in_family(gate, finding, next(adjusted), len(tests))
        for gate, finding in judged
    ]


def _in_family(gate: GateSpec, finding: Finding, adjusted: float, size: int) -> Finding:
    numbers = {**finding.numbers, "p_adjusted": adjusted, "family_size": size}
    finding = replace(finding, numbers=numbers)
    if finding.status != "failed" or adjusted <= tail_share(gate.confidence):
        return finding
    required, n = numbers.get("required_n"), numbers.get("n")
    if isinstance(required, int) and isinstance(n, int):
        finding = replace(finding, numbers={**numbers, "need_more": max(0, required - n)})
    text = (
        f"alone it would fail ({finding.conclusion}), but of {size} gates judged together one looks like this by chance too "
        f"often (corrected one-sided {words.p_value(adjusted)}); more cases would decide it"
    )
    return replace(finding, status="undecided", conclusion=text)
