"""Latency, cost and tokens: at the limit passes, above fails, unknown is an error."""

from __future__ import annotations

from typing import Any

import pytest

from evalkit.checks.base import BuildContext, CheckContext
from evalkit.checks.build import build_check
from evalkit.errors import SuiteError, Where
from evalkit.model.calls import Request, Response, Usage
from evalkit.model.cases import CheckSpec

BUILD = BuildContext(read_json=None, load_python=None, endpoint=None)


def judge(
    name: str, params: Any, *, cost: float | None = None, served: str = "primary", **response: Any
) -> tuple[str, str]:
    check = build_check(CheckSpec(name=name, params=params, where=Where("a.yaml", 3)), BUILD)
    ctx = CheckContext("Hi", Response("Hi", **response), Request("openai/gpt", ()), cost_usd=cost, served=served)
    verdict = check.judge(ctx, ())
    return verdict.status, verdict.reason


def test_latency_is_compared_in_seconds() -> None:
    """The short form is the limit; exactly the limit still passes."""
    assert judge("latency_s", 2, latency_s=2.0)[0] == "pass"
    assert judge("latency_s", {"max": 2}, latency_s=2.01) == ("fail", "expected at most 2 s, took 2.01 s")
    assert judge("latency_s", 2)[0] == "error"


def test_the_first_token_is_compared_in_seconds() -> None:
    """Exactly the limit still passes; an answer in one piece has no first token, which is no pass."""
    assert judge("first_token_s", 0.5, first_token_s=0.5)[0] == "pass"
    late = judge("first_token_s", {"max": 0.5}, first_token_s=0.51)
    assert late == ("fail", "expected the first token within 0.5 s, took 0.51 s")
    status, reason = judge("first_token_s", 0.5, latency_s=0.1)
    assert status == "error"
    assert "stream: true" in reason
    assert "--mode refresh" in reason  # a cached answer stays what it was, also when the suite says stream now


def test_an_unknown_price_is_no_bargain() -> None:
    """No cost, no pass: the reason says where a price is set."""
    assert judge("cost_usd", 0.002, cost=0.002)[0] == "pass"
    assert judge("cost_usd", 0.002, cost=0.0021) == ("fail", "expected at most $0.002, cost $0.0021")
    assert judge("cost_usd", 0, cost=0.0)[0] == "pass"
    status, reason = judge("cost_usd", 0.002)
    assert status == "error"
    assert "[tool.evalkit.prices.'openai/gpt']" in reason


def test_tokens_are_limited_by_direction_and_in_all() -> None:
    """Each limit counts; the short form is the total; the reason shows every limit."""
    usage = Usage(input_tokens=1000, output_tokens=200)
    assert judge("tokens", 1200, usage=usage)[0] == "pass"
    assert judge("tokens", 1199, usage=usage) == ("fail", "expected at most 1,199 total tokens, used 1,200")
    assert judge("tokens", {"max_input": 1000, "max_output": 199}, usage=usage)[0] == "fail"
    assert judge("tokens", {"max_input": 999, "max_output": 200}, usage=usage)[0] == "fail"
    assert judge("tokens", {"max_input": 1000, "max_output": 200}, usage=usage)[0] == "pass"


def test_a_count_that_was_not_reported_is_an_error() -> None:
    """Only the counts that are limited are needed, and a total needs both."""
    usage = Usage(output_tokens=10)
    assert judge("tokens", {"max_output": 20}, usage=usage)[0] == "pass"
    assert judge("tokens", {"max_input": 20}, usage=usage)[0] == "error"
    assert judge("tokens", 20, usage=usage)[0] == "error"


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("first_token_s", 0),
        ("latency_s", 0),
        ("latency_s", None),
        ("latency_s", "2"),
        ("cost_usd", -1),
        ("tokens", None),
        ("tokens", 1.5),
    ],
)
def test_a_limit_that_is_none_is_refused(name: str, params: Any) -> None:
    """A suite's mistake is told before anything is spent."""
    with pytest.raises(SuiteError, match=r"a\.yaml:3"):
        judge(name, params)


def test_who_served_can_be_demanded() -> None:
    """The bare name wants the model that was asked first; a list names who else may."""
    assert judge("served_by", None)[0] == "pass"
    assert judge("served_by", "primary", served="a/m") == ("fail", "expected primary, served by a/m")
    assert judge("served_by", ["primary", "a/m"], served="a/m")[0] == "pass"
    assert judge("served_by", {"by": "a/m"}, served="canned answer") == (
        "fail",
        "expected a/m, served by canned answer",
    )
