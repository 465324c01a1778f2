"""The table of prices says which it is and how old it is."""

from __future__ import annotations

from datetime import UTC, date, datetime
from importlib.metadata import version

import pytest

from evalkit.metrics.table import find_model, table_facts


def test_the_table_has_a_version_and_an_age() -> None:
    """The package's version, and the newest price that applies on the day: never one of the future."""
    today = table_facts()
    assert (today.package, today.version) == ("genai-prices", version("genai-prices"))
    assert today.newest is not None
    assert date(2026, 1, 1) <= today.newest <= datetime.now(UTC).date()
    assert str(today) == f"genai-prices {today.version}, newest price of {today.newest.isoformat()}"
    earlier = table_facts(today=date(2026, 10, 12)).newest
    assert earlier is not None
    assert earlier <= date(2026, 10, 12) < today.newest
    assert "newest" not in str(table_facts(today=date(2000, 1, 1)))


@pytest.mark.parametrize("model", ["gateway/gpt-4o", "openai/no-such-model", "openai", "", "my-openai/gpt-4o"])
def test_only_known_providers_are_looked_up(model: str) -> None:
    """A gateway may serve anything under a known name, at its own price and with its own limits."""
    assert find_model(model) is None


def test_known_models_have_a_window() -> None:
    """The same table tells how much a model reads."""
    found = find_model("openai/gpt-4o")
    assert found is not None
    assert found.context_window == 128_000
