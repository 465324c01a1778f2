"""An earlier measurement of a suite that a run is compared with: which of its variants stands beside which of today's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalkit.compare import words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.model.results import Measurement


@dataclass(frozen=True, slots=True)
class StoredBaseline:
    """What one suite measured in an earlier run. ``source`` names it for the reader; ``run_id`` is the run it comes from.

    Without ``rows``, ``problem`` says why there is no baseline.
    """

    source: str
    rows: tuple[Measurement, ...] = ()
    run_id: str | None = None
    problem: str = ""

    def beside(self, today: Sequence[Measurement]) -> tuple[Measurement, ...]:
        """The rows to pair with ``today``, the trials of one label; none if nothing here is clearly their counterpart.

        That is the same label; else the variant's only label (its model was changed); else the only variant in the same cell; else
        the only label there is (the suite went on to the next prompt version).
        """
        if not today:
            return ()
        now = today[0]
        for labels in (
            {row.label for row in self.rows if row.label == now.label},
            {row.label for row in self.rows if row.variant == now.variant},
            {row.label for row in self.rows if row.cell == now.cell},
            {row.label for row in self.rows},
        ):
            if len(labels) == 1:
                return tuple(row for row in self.rows if row.label in labels)
        return ()

    def missing(self, label: str) -> str:
        """Why there is nothing to compare ``label`` with."""
        if not self.rows:
            return f"no baseline: {self.problem}"
        known = words.listed(tuple(dict.fromkeys(row.label for row in self.rows)))
        return f"no baseline: {self.source} has no counterpart of {words.shown(label)}, only {known}"
