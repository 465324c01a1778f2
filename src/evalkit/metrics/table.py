"""The table of prices and context windows that ships with the package ``genai-prices``: read from the disk, never from the network."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from genai_prices.types import ConditionalPrice, ModelInfo, PriceVariant

_PACKAGE = "genai-prices"


@dataclass(frozen=True, slots=True)
class TableFacts:
    """Which table it is. ``newest`` is the date of the newest price in it that already applies: prices that changed since are not known."""

    package: str
    version: str
    newest: date | None

    def __str__(self) -> str:
        newest = f", newest price of {self.newest.isoformat()}" if self.newest else ""
        return f"{self.package} {self.version}{newest}"


def find_model(model: str) -> ModelInfo | None:
    """Return what the table says about ``provider/model``, or None.

    Only providers that the table knows under the very name used in the reference (``openai``, ``anthropic``, ``mistral``, …) are looked
    up: a gateway or a server of one's own has prices and limits of its own.
    """
    from genai_prices import Usage, calc_price

    provider, _, name = model.partition("/")
    try:
        found = calc_price(Usage(input_tokens=0, output_tokens=0), model_ref=name, provider_id=provider)
    except LookupError:
        return None
    return found.model if found.provider.id == provider else None


def table_facts(*, today: date | None = None) -> TableFacts:
    """Return name, version and age of the installed table. ``today`` is the day in UTC."""
    try:
        installed = version(_PACKAGE)
    except PackageNotFoundError:
        installed = "unknown"
    known = [day for day in _starts() if day <= (today or datetime.now(UTC).date())]
    return TableFacts(_PACKAGE, installed, max(known, default=None))


def _starts() -> list[date]:
    """Every date on which a price of the table began to apply."""
    from genai_prices.data_snapshot import get_snapshot

    models = [model for provider in get_snapshot().providers for model in provider.models]
    dated: list[ConditionalPrice | PriceVariant] = [
        price for model in models if isinstance(model.prices, list) for price in model.prices
    ]
    dated += [variant for model in models for variant in model.price_variants or ()]
    days = [getattr(price.constraint, "start_date", None) for price in dated]
    return [day for day in days if isinstance(day, date)]
