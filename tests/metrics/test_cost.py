"""Prices: the project's own win, the table is asked for known providers, and what is unknown stays unknown."""

from __future__ import annotations

import subprocess
import sys

import pytest

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
