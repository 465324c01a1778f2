"""Prices: the project's own win, the table is asked for known providers, and what is unknown stays unknown."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime

import pytest
from genai_prices import Usage as TableUsage
from genai_prices import calc_price
from hypothesis import example, given, settings
from hypothesis import strategies as st

from evalkit.metrics.cost import DEFAULT_OUTPUT_TOKENS, Prices
from evalkit.metrics.tokens import input_estimate
from evalkit.model.calls import Message, Request, Tool, Usage

MILLION = Usage(input_tokens=1_000_000, output_tokens=1_000_000)
OWN = {
    "openai/gpt-5-mini": {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 4.0, "cached_input_usd_per_mtok": 0.1},
    "local/llama": {"input_usd_per_mtok": 2.0, "output_usd_per_mtok": 0.0},
    "local/half": {"input_usd_per_mtok": 2.0},
}


def request(text: str = "x" * 4000, model: str = "openai/gpt-5-mini", **more: object) -> Request:
    return Request(model, (Message("user", text),), **more)  # type: ignore[arg-type]


def test_the_projects_prices_win() -> None:
    """Input, output and cached input each at their own price; cached tokens are part of the input."""
    prices = Prices(OWN)
    assert prices.cost_usd("openai/gpt-5-mini", MILLION) == pytest.approx(5.0)
    cached = Usage(input_tokens=1_000_000, output_tokens=0, cached_input_tokens=400_000)
    assert prices.cost_usd("openai/gpt-5-mini", cached) == pytest.approx(0.6 + 0.04)
    assert prices.cost_usd("local/llama", cached) == pytest.approx(2.0)


def test_the_installed_table_knows_the_rest() -> None:
    """Models of known providers are priced without network, dated names and cached input included."""
    prices = Prices({})
    usage = Usage(input_tokens=1000, output_tokens=100)
    for model in ("openai/gpt-5-mini", "openai/gpt-4o-mini-2024-07-18", "anthropic/claude-sonnet-4-5"):
        plain = prices.cost_usd(model, usage)
        cached = prices.cost_usd(model, Usage(input_tokens=1000, output_tokens=100, cached_input_tokens=800))
        assert plain is not None
        assert cached is not None
        assert 0 < cached < plain < 0.1
    assert prices.cost_usd("openai/text-embedding-3-small", Usage(input_tokens=1000, output_tokens=0))
    assert prices.cost_usd("openai/text-embedding-3-small", usage) is None


@pytest.mark.parametrize(
    "model", ["openai/no-such-model", "gateway/gpt-5-mini", "my-openai-proxy/gpt-4o", "nonsense", ""]
)
def test_an_unknown_price_is_none(model: str) -> None:
    """Neither 0 nor somebody else's price: a gateway's prices are its own."""
    prices = Prices({})
    assert prices.cost_usd(model, MILLION) is None
    assert prices.worst_case_usd(request(model=model)) is None


@pytest.mark.parametrize(
    "usage",
    [
        Usage(),
        Usage(input_tokens=5),
        Usage(output_tokens=5),
        Usage(input_tokens=-1, output_tokens=5),
        Usage(input_tokens=5, output_tokens=-1),
        Usage(input_tokens=5, output_tokens=5, cached_input_tokens=6),
    ],
)
@pytest.mark.parametrize("overrides", [OWN, {}])
def test_usage_that_is_unknown_or_impossible_has_no_cost(usage: Usage, overrides: dict[str, dict[str, float]]) -> None:
    """Missing, negative or contradictory counts are None, not a wrong sum."""
    assert Prices(overrides).cost_usd("openai/gpt-5-mini", usage) is None


def test_half_a_price_is_none_unless_the_other_half_is_not_needed() -> None:
    """An output price that is missing matters only if there is output."""
    prices = Prices(OWN)
    assert prices.cost_usd("local/half", MILLION) is None
    assert prices.cost_usd("local/half", Usage(input_tokens=1_000_000, output_tokens=0)) == pytest.approx(2.0)


def test_scripted_answers_cost_nothing() -> None:
    """Nobody is ever paid for them, with or without token counts."""
    prices = Prices({})
    assert prices.cost_usd("scripted/canned", Usage()) == 0.0
    assert prices.worst_case_usd(request(model="scripted/canned")) == 0.0
    assert Prices({"scripted/x": {"input_usd_per_mtok": 1.0}}).cost_usd("scripted/x", Usage()) is None


def test_the_worst_case_counts_all_that_is_sent_and_the_longest_answer() -> None:
    """Messages, tools and schema are estimated at four bytes a token; output is the limit, or the default."""
    prices = Prices(OWN)
    estimate = input_estimate(request())
    assert 1000 <= estimate <= 1010
    worst = prices.worst_case_usd(request())
    assert worst == pytest.approx((estimate + 4 * DEFAULT_OUTPUT_TOKENS) / 1e6)
    limited = prices.worst_case_usd(request(params={"max_output_tokens": 100}))
    assert limited == pytest.approx((estimate + 400) / 1e6)
    assert prices.worst_case_usd(request(kind="embed")) == pytest.approx(estimate / 1e6)
    schema = {"type": "object", "description": "d" * 400}
    assert input_estimate(request(output_schema=schema)) >= estimate + 100
    assert input_estimate(request(tools=(Tool("t", "d" * 400, schema),))) >= estimate + 200
    assert input_estimate(request("界" * 400)) == 300 + input_estimate(request(""))
    assert input_estimate(request("\ud800")) > 0


def test_the_price_table_is_loaded_only_when_it_is_asked() -> None:
    """A project with its own prices, and every run without a priced call, never pays for the table's import."""
    code = (
        "import sys; from evalkit.metrics.cost import Prices; from evalkit.model.calls import Usage;"
        "Prices({'a/b': {'input_usd_per_mtok': 1, 'output_usd_per_mtok': 1}}).cost_usd('a/b', Usage(1, 1));"
        "Prices({}).cost_usd('scripted/x', Usage()); sys.exit('genai_prices' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@settings(deadline=None, max_examples=60)
@given(
    model=st.sampled_from([
        "gpt-5-mini",
        "gpt-6-sol",
        "claude-sonnet-4-5",
        "claude-haiku-5-5",
        "gpt-4o",
        "text-embedding-3-small",
    ]),
    plain=st.integers(0, 600_000),
    cached=st.integers(0, 300_000),
    written=st.integers(0, 300_000),
    answered=st.integers(0, 100_000),
)
@example(model="claude-sonnet-4-5", plain=200_000, cached=0, written=0, answered=10)
@example(model="claude-sonnet-4-5", plain=200_001, cached=0, written=0, answered=10)
def test_costs_are_the_tables_own(model: str, plain: int, cached: int, written: int, answered: int) -> None:
    """Tiers, cached input and cache writes come out as the library itself reckons them, to the last cent fraction."""
    provider = "anthropic" if model.startswith("claude") else "openai"
    answered = 0 if model.startswith("text") else answered
    sent = plain + cached + written
    table = TableUsage(input_tokens=sent, output_tokens=answered, cache_read_tokens=cached, cache_write_tokens=written)
    expected = float(calc_price(table, model_ref=model, provider_id=provider).total_price)
    usage = Usage(sent, answered, cached_input_tokens=cached, cache_write_tokens=written)
    assert Prices({}).cost_usd(f"{provider}/{model}", usage) == pytest.approx(expected)


def test_a_price_is_that_of_the_day_of_the_call() -> None:
    """o3 became cheaper on 10 June 2025; what was asked before cost what it cost then, what is asked now costs today's price."""
    prices = Prices({})
    before = prices.cost_usd("openai/o3", MILLION, at=datetime(2025, 6, 9, tzinfo=UTC))
    after = prices.cost_usd("openai/o3", MILLION, at=datetime(2025, 6, 11, tzinfo=UTC))
    assert (before, after) == (50.0, 10.0)
    assert prices.cost_usd("openai/o3", MILLION) == after


def test_a_batch_has_its_own_price() -> None:
    """Half of what the project states, the table's own batch price where it has one, unknown where it has none or had none yet."""
    prices = Prices(OWN)
    assert prices.cost_usd("local/llama", MILLION, batch=True) == pytest.approx(1.0)
    assert prices.cost_usd("scripted/x", Usage(), batch=True) == 0.0
    plain, batch = (
        prices.cost_usd("anthropic/claude-sonnet-4-5", Usage(1000, 100), batch=which) for which in (False, True)
    )
    assert plain is not None
    assert batch == pytest.approx(plain / 2)
    assert prices.cost_usd("openai/text-embedding-3-small", Usage(10, 0), batch=True) is None
    assert prices.cost_usd("openai/gpt-4o", MILLION, batch=True, at=datetime(2025, 1, 1, tzinfo=UTC)) is None


def test_the_projects_price_of_cache_writes_counts() -> None:
    """What is written to the prompt cache costs the price given for it, or that of other input; a worst case assumes the dearer."""
    own = {
        "local/a": {**OWN["openai/gpt-5-mini"], "cache_write_usd_per_mtok": 1.25},
        "local/b": OWN["openai/gpt-5-mini"],
    }
    prices = Prices(own)
    usage = Usage(1_000_000, 0, cached_input_tokens=200_000, cache_write_tokens=400_000)
    assert prices.cost_usd("local/a", usage) == pytest.approx(0.4 + 0.02 + 0.5)
    assert prices.cost_usd("local/b", usage) == pytest.approx(0.4 + 0.02 + 0.4)
    worst = [prices.worst_case_usd(request(model=model, params={"max_output_tokens": 0})) for model in own]
    assert worst == [
        pytest.approx(1.25e-6 * input_estimate(request())),
        pytest.approx(1e-6 * input_estimate(request())),
    ]


def test_reasoning_is_paid_once() -> None:
    """Reasoning tokens are part of the output, not on top of it."""
    assert Prices(OWN).cost_usd("openai/gpt-5-mini", Usage(0, 1_000_000, reasoning_tokens=900_000)) == pytest.approx(
        4.0
    )


def test_moderation_is_free_and_origins_are_told() -> None:
    """OpenAI's moderation costs nothing and reports no tokens; each price says where it is from."""
    prices = Prices(OWN)
    assert prices.cost_usd("openai/omni-moderation-latest", Usage()) == 0.0
    models = ["openai/gpt-5-mini", "openai/gpt-4o", "scripted/x", "openai/omni-moderation-latest", "gateway/gpt-4o"]
    assert [prices.origin(model) for model in models] == ["project", "table", "free", "free", "unknown"]
