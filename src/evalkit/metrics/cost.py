"""What a call costs in US dollars, after the fact and at worst beforehand. A price nobody knows is None, never 0."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any, Protocol

from evalkit.canon import canonical_json
from evalkit.model.calls import Usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalkit.model.calls import Request

DEFAULT_OUTPUT_TOKENS = 4096
"""Output tokens assumed at worst when a request sets no ``max_output_tokens``."""

_BYTES_PER_TOKEN = 4
_TOKENS_PER_MESSAGE = 8


class _Price(Protocol):
    def usd(self, usage: Usage) -> float | None: ...


class Prices:
    """Prices by ``provider/model``, looked up once per model.

    ``overrides`` is ``[tool.evalkit.prices]``: ``input_usd_per_mtok``, ``output_usd_per_mtok``, ``cached_input_usd_per_mtok`` (without it
    cached input costs as much as other input), in US dollars per million tokens. They win over the table of the package ``genai-prices``,
    which is read from what is installed, without network. That table is asked only for providers it knows under the very name used
    in the model reference (``openai``, ``anthropic``, ``mistral``, …): a gateway or a server of one's own has prices of its own, so give
    them as overrides. ``scripted`` answers cost 0, because nobody is ever paid.
    """

    def __init__(self, overrides: Mapping[str, Mapping[str, float]]) -> None:
        self._overrides = overrides
        self._known: dict[str, _Price | None] = {}

    def cost_usd(self, model: str, usage: Usage) -> float | None:
        """Return what ``usage`` costs, or None if the price or a token count is unknown.

        Cache writes, tools billed per use, and discounts of service tiers are not known here and not counted.
        """
        price = self._price(model)
        return None if price is None else price.usd(usage)

    def worst_case_usd(self, request: Request) -> float | None:
        """Return what ``request`` may cost at most, as an estimate for a budget; None if the price is unknown.

        Input is estimated at one token per four bytes of UTF-8, output is ``max_output_tokens`` or 4096.
        """
        most = request.params.get("max_output_tokens")
        output = most if isinstance(most, int) else DEFAULT_OUTPUT_TOKENS
        usage = Usage(input_tokens=input_estimate(request), output_tokens=output if request.kind == "chat" else 0)
        return self.cost_usd(request.model, usage)

    def _price(self, model: str) -> _Price | None:
        if model not in self._known:
            self._known[model] = self._look_up(model)
        return self._known[model]

    def _look_up(self, model: str) -> _Price | None:
        if model in self._overrides:
            given = self._overrides[model]
            base = given.get("input_usd_per_mtok")
            cached = given.get("cached_input_usd_per_mtok", base)
            return _PerToken(base, given.get("output_usd_per_mtok"), cached)
        provider, _, name = model.partition("/")
        return _PerToken(0.0, 0.0, 0.0, free=True) if provider == "scripted" else _from_table(provider, name)


def input_estimate(request: Request) -> int:
    """Return about how many tokens ``request`` sends: UTF-8 bytes / 4, rounded up, and a few for each message's frame.

    An estimate for reservations and forecasts; the provider's ``usage`` is the truth.
    """
    texts = [message.content for message in request.messages]
    texts += [canonical_json(call.arguments) for message in request.messages for call in message.tool_calls]
    texts += [f"{tool.name} {tool.description} {canonical_json(tool.parameters)}" for tool in request.tools]
    if request.output_schema is not None:
        texts.append(canonical_json(request.output_schema))
    size = sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)
    return ceil(size / _BYTES_PER_TOKEN) + _TOKENS_PER_MESSAGE * len(request.messages)


@dataclass(frozen=True, slots=True)
class _PerToken:
    """A price per million tokens of each kind; None is unknown. ``free`` needs no token counts."""

    input_usd: float | None
    output_usd: float | None
    cached_usd: float | None
    free: bool = False

    def usd(self, usage: Usage) -> float | None:
        if self.free:
            return 0.0
        counts = _counts(usage)
        if counts is None:
            return None
        sent, answered, cached = counts
        rows = ((sent - cached, self.input_usd), (cached, self.cached_usd), (answered, self.output_usd))
        if any(count and price is None for count, price in rows):
            return None
        return sum(count * price for count, price in rows if price is not None) / 1e6


def _counts(usage: Usage) -> tuple[int, int, int] | None:
    """Input, output and cached tokens; None if one is unknown or they contradict each other."""
    sent, answered, cached = usage.input_tokens, usage.output_tokens, usage.cached_input_tokens or 0
    if sent is None or answered is None or answered < 0 or not 0 <= cached <= sent:
        return None
    return sent, answered, cached


class _TablePrice:
    """A price of the ``genai-prices`` table, which may depend on the number of input tokens."""

    def __init__(self, table: Any) -> None:  # noqa: ANN401 - a genai_prices.types.ModelPrice
        self._table = table

    def usd(self, usage: Usage) -> float | None:
        from genai_prices import Usage as TableUsage

        counts = _counts(usage)
        if counts is None:
            return None
        sent, answered, cached = counts
        if (sent and self._table.input_mtok is None) or (answered and self._table.output_mtok is None):
            return None
        tokens = TableUsage(input_tokens=sent, output_tokens=answered, cache_read_tokens=cached)
        return float(self._table.calc_price(tokens)["total_price"])


def _from_table(provider: str, name: str) -> _TablePrice | None:
    from genai_prices import Usage as TableUsage
    from genai_prices import calc_price

    try:
        found = calc_price(TableUsage(input_tokens=0, output_tokens=0), model_ref=name, provider_id=provider)
    except LookupError:
        return None
    return _TablePrice(found.model_price) if found.provider.id == provider else None
