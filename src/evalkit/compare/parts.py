"""The parts of a pass rate: one metric per check family, and per check if asked for, over the same paired cases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalkit.compare.estimate import change_of
from evalkit.compare.metric import rate_metric

if TYPE_CHECKING:
    from evalkit.compare.kinds import CaseTable
    from evalkit.compare.values import Metric


def part_metrics(table: CaseTable, *, confidence: float, margin: float | None, checks: bool = False) -> list[Metric]:
    """``pass_rate(family:x)`` of every family with a counting check, and with ``checks`` also ``pass_rate(check:x)`` of every check.

    A part that no pair has is left out.
    """
    found = [
        (f"pass_rate({prefix}:{name})", change_of(table.part(prefix, name), confidence))
        for prefix, name in table.names(checks=checks)
    ]
    return [rate_metric(name, change, margin) for name, change in found if change is not None]
