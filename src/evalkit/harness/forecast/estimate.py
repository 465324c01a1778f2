"""What a run would call and cost, as values: rows per suite, variant, purpose and model, and their sums."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from evalkit.metrics.summary import total

if TYPE_CHECKING:
    from collections.abc import Iterable

    from evalkit.metrics.cost import PriceOrigin
    from evalkit.metrics.tokens import TokenMethod
    from evalkit.model.results import Mode

Purpose = Literal["answers", "checks"]
"""``answers`` are the calls of the variants under test; ``checks`` those of judges, embeddings and other follow-ups."""

OutputBasis = Literal["earlier calls", "max_output_tokens", "assumed", "none"]
"""What the expected output rests on: the median of earlier calls, the request's own limit, a default, or there is none to expect."""

SCHEMA = "evalkit.estimate/1"


@dataclass(frozen=True, slots=True)
class EstimateRow:
    """The calls of one suite × variant for one purpose to one model.

    ``new`` calls would be paid; ``cached`` are answered by the response cache, ``shared`` equal another request of the same run,
    ``scripted`` and ``replayed`` cost nothing. Tokens and US dollars are of the new calls alone. ``output_tokens`` and ``cost_usd`` are
    expected, the ``worst_`` ones are for answers as long as allowed. A price that nobody knows is None; ``batch_cost_usd`` is the expected
    cost through the provider's batch API, None if that has no known price.
    """

    suite: str
    suite_path: str
    variant: str
    purpose: Purpose
    model: str
    new: int
    cached: int
    shared: int
    scripted: int
    replayed: int
    input_tokens: int
    output_tokens: int
    worst_output_tokens: int
    cost_usd: float | None
    worst_cost_usd: float | None
    batch_cost_usd: float | None
    counted: TokenMethod
    basis: OutputBasis
    price: PriceOrigin

    @property
    def calls(self) -> int:
        """Every request, paid or not."""
        return self.new + self.cached + self.shared + self.scripted + self.replayed


@dataclass(frozen=True, slots=True)
class EstimateTotals:
    """Sums of rows. A cost is None if one of its parts is unknown; ``known_cost_usd`` sums the parts that are known."""

    calls: int
    new: int
    input_tokens: int
    output_tokens: int
    worst_output_tokens: int
    cost_usd: float | None
    known_cost_usd: float
    worst_cost_usd: float | None
    batch_cost_usd: float | None


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run would cost, if it were started now. ``prices`` names the table of prices, None if no row is priced by it.

    ``assumed_output_tokens`` and ``assumed_worst_output_tokens`` stand in where a request sets no limit. ``unforeseen`` counts checks
    that cannot say what they will ask before there is an answer. ``ceilings`` say which ceiling the run would reach.
    """

    mode: Mode
    rows: tuple[EstimateRow, ...]
    prices: str | None
    assumed_output_tokens: int
    assumed_worst_output_tokens: int
    unforeseen: int = 0
    notes: tuple[str, ...] = ()
    ceilings: tuple[str, ...] = ()

    @property
    def totals(self) -> EstimateTotals:
        """The sums over all rows."""
        return totals_of(self.rows)


def totals_of(rows: Iterable[EstimateRow]) -> EstimateTotals:
    """Sum ``rows``."""
    found = list(rows)
    return EstimateTotals(
        calls=sum(row.calls for row in found),
        new=sum(row.new for row in found),
        input_tokens=sum(row.input_tokens for row in found),
        output_tokens=sum(row.output_tokens for row in found),
        worst_output_tokens=sum(row.worst_output_tokens for row in found),
        cost_usd=total([0.0, *(row.cost_usd for row in found)]),
        known_cost_usd=sum(row.cost_usd or 0.0 for row in found),
        worst_cost_usd=total([0.0, *(row.worst_cost_usd for row in found)]),
        batch_cost_usd=total([0.0, *(row.batch_cost_usd for row in found)]),
    )
