"""What a call costs in US dollars, after the fact and at worst beforehand. A price nobody knows is None, never 0."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, Protocol

from evalkit.metrics.table import find_model
from evalkit.metrics.tokens import input_estimate
from evalkit.model.calls import Usage

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from genai_prices.types import ModelInfo, ModelPrice, TieredPrices

    from evalkit.model.calls import Request

DEFAULT_OUTPUT_TOKENS = 4096
"""Output tokens assumed at worst when a request sets no ``max_output_tokens``."""

PriceOrigin = Literal["project", "table", "free", "unknown"]
"""Where a price comes from: ``[tool.evalkit.prices]``, the table of ``genai-prices``, nobody is paid, nobody knows."""

_BATCH = {"processing": "batch"}
_BATCH_SHARE = 0.5


class _Price(Protocol):
    def rates(self, at: datetime | None, *, batch: bool) -> _Rates | None: ...


class Prices:
    """Prices by ``provider/model``, looked up once per model, at the time of each call.

    ``overrides`` is ``[tool.evalkit.prices]``: ``input_usd_per_mtok``, ``output_usd_per_mtok``, ``cached_input_usd_per_mtok`` and
    ``cache_write_usd_per_mtok`` (without these two, input read from or written to the provider's prompt cache costs as much as other
    input), in US dollars per million tokens. They win over the table of the package ``genai-prices``, which is read from what is
    installed, without network, and only for providers that it knows under the very name used in the model reference. ``scripted`` answers
    and OpenAI's moderation cost 0, because nobody is ever paid.
    """

    def __init__(self, overrides: Mapping[str, Mapping[str, float]]) -> None:
        self._overrides = overrides
        self._known: dict[str, _Price | None] = {}

    def cost_usd(self, model: str, usage: Usage, *, at: datetime | None = None, batch: bool = False) -> float | None:
        """Return what ``usage`` costs, or None if the price or a token count is unknown.

        ``at`` is when the call was made (default: now): a price that changed since is the one of that time. ``batch`` is the price of the
        provider's batch API: the table's, or half of what the project states. Reasoning tokens are part of the output. Cache writes are
        priced at the five-minute rate; tools billed per use and service tiers are not counted.
        """
        price = self._price(model)
        rates = None if price is None else price.rates(at, batch=batch)
        return None if rates is None else rates.usd(usage)

    def worst_case_usd(self, request: Request) -> float | None:
        """Return what ``request`` may cost at most, as an estimate for a budget; None if the price is unknown.

        Input is estimated at one token per four bytes of UTF-8 and priced as written to the prompt cache where that is dearer; output is
        ``max_output_tokens`` or 4096.
        """
        most = request.params.get("max_output_tokens")
        output = most if isinstance(most, int) else DEFAULT_OUTPUT_TOKENS
        usage = Usage(input_tokens=input_estimate(request), output_tokens=output if request.kind == "chat" else 0)
        return self.dearest_usd(request.model, usage)

    def dearest_usd(self, model: str, usage: Usage, *, batch: bool = False) -> float | None:
        """Return what ``usage`` costs if all its input is written to the prompt cache, or none of it, whichever costs more."""
        plain = self.cost_usd(model, usage, batch=batch)
        written = self.cost_usd(model, replace(usage, cache_write_tokens=usage.input_tokens), batch=batch)
        return plain if plain is None or written is None else max(plain, written)

    def origin(self, model: str) -> PriceOrigin:
        """Say where the price of ``model`` comes from."""
        price = self._price(model)
        if price is None:
            return "unknown"
        if isinstance(price, _Free):
            return "free"
        return "project" if model in self._overrides else "table"

    def _price(self, model: str) -> _Price | None:
        if model not in self._known:
            self._known[model] = self._look_up(model)
        return self._known[model]

    def _look_up(self, model: str) -> _Price | None:
        if model in self._overrides:
            return _Stated(_stated_rates(self._overrides[model]))
        if model.startswith("scripted/"):
            return _Free()
        found = find_model(model)
        if found is None:
            return None
        # The table's own words for it: "All OpenAI moderation models and endpoints are free of charge".
        return _Free() if model.startswith("openai/") and found.id == "moderation" else _Tabled(found)


def _stated_rates(given: Mapping[str, float]) -> _Rates:
    base = given.get("input_usd_per_mtok")
    return _Rates(
        _flat(base),
        _flat(given.get("output_usd_per_mtok")),
        _flat(given.get("cached_input_usd_per_mtok", base)),
        _flat(given.get("cache_write_usd_per_mtok", base)),
    )


_Rate = tuple[tuple[int, float], ...]
"""US dollars per million tokens, by the size of the input: the last step whose number of tokens the input is above. Empty is unknown."""


@dataclass(frozen=True, slots=True)
class _Rates:
    """What a token of each kind costs."""

    input: _Rate
    output: _Rate
    cached: _Rate
    written: _Rate
    free: bool = False

    def usd(self, usage: Usage) -> float | None:
        if self.free:
            return 0.0
        counts = _counts(usage)
        if counts is None:
            return None
        sent, answered, cached, written = counts
        total = 0.0
        for number, rate in (
            (sent - cached - written, self.input),
            (cached, self.cached),
            (written, self.written),
            (answered, self.output),
        ):
            if number and not rate:
                return None
            total += number * _at(rate, sent) if number else 0.0
        return total / 1e6

    def scaled(self, share: float) -> _Rates:
        """The same rates, each ``share`` of what it was."""

        def less(rate: _Rate) -> _Rate:
            return tuple((start, usd * share) for start, usd in rate)

        return _Rates(less(self.input), less(self.output), less(self.cached), less(self.written), self.free)


def _flat(usd: float | None) -> _Rate:
    return () if usd is None else ((-1, usd),)


def _at(rate: _Rate, sent: int) -> float:
    return next(usd for start, usd in reversed(rate) if sent > start)


def _counts(usage: Usage) -> tuple[int, int, int, int] | None:
    """Input, output, cached and written tokens; None if one is unknown or they contradict each other."""
    sent, answered = usage.input_tokens, usage.output_tokens
    cached, written = usage.cached_input_tokens or 0, usage.cache_write_tokens or 0
    if sent is None or answered is None or min(answered, cached, written) < 0 or cached + written > sent:
        return None
    return sent, answered, cached, written


class _Free:
    """Nobody is paid; no token counts are needed."""

    def rates(self, at: datetime | None, *, batch: bool) -> _Rates:
        del at, batch
        return _Rates((), (), (), (), free=True)


class _Stated:
    """What the project's configuration says. A batch costs half, as OpenAI and Anthropic price it."""

    def __init__(self, rates: _Rates) -> None:
        self._rates = rates

    def rates(self, at: datetime | None, *, batch: bool) -> _Rates:
        del at
        return self._rates.scaled(_BATCH_SHARE) if batch else self._rates


class _Tabled:
    """What the table says of one model; the price may depend on the time of the call."""

    def __init__(self, model: ModelInfo) -> None:
        self._model = model
        self._constant = None if isinstance(model.prices, list) else _table_rates(model.prices)

    def rates(self, at: datetime | None, *, batch: bool) -> _Rates | None:
        if self._constant is not None and not batch:
            return self._constant
        when = at or datetime.now(UTC)
        if batch and not self._has_batch_price(when):
            return None
        return _table_rates(self._model.get_prices(when, _BATCH if batch else None))

    def _has_batch_price(self, when: datetime) -> bool:
        variants = [variant for variant in self._model.price_variants or () if variant.when == _BATCH]
        return any(variant.constraint is None or variant.constraint.active(when) for variant in variants)


def _table_rates(prices: ModelPrice) -> _Rates:
    base = _steps(prices.input_mtok)
    return _Rates(
        base,
        _steps(prices.output_mtok),
        _steps(prices.cache_read_mtok) or base,
        _steps(prices.cache_write_mtok) or base,
    )


def _steps(price: Decimal | TieredPrices | None) -> _Rate:
    """The table's tiers: one whose start the input is above prices all tokens of the call."""
    if price is None:
        return ()
    from genai_prices.types import TieredPrices

    if not isinstance(price, TieredPrices):
        return _flat(float(price))
    return ((-1, float(price.base)), *((tier.start, float(tier.price)) for tier in price.tiers))
