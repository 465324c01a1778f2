"""What Anthropic is sent and how its answers are read, over both transports."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest
from fakes.asking import answers
from fakes.llm_server import Asked, LLMServer, Reply, message

from evalkit.errors import CallError, ConfigError
from evalkit.model.calls import Message, Request, Response, Tool, ToolCall, Transport, Usage
from evalkit.providers.anthropic.provider import Anthropic
from evalkit.providers.base import ProviderSettings

WEATHER = Tool("weather", "Says the weather", {"type": "object", "properties": {"city": {"type": "string"}}})


COMMON: dict[str, Any] = {}


@pytest.fixture(autouse=True, params=get_args(Transport))
def transport(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Transport:
    """Every story is told over the SDK and over plain HTTP."""
    monkeypatch.setitem(COMMON, "transport", request.param)
    return request.param


def settings(**options: Any) -> ProviderSettings:
    return ProviderSettings("anthropic", Path(), {**COMMON, **options}, timeout_s=20)


def asked(*messages: Message, **fields: Any) -> Request:
    return Request("anthropic/claude-x", messages or (Message("user", "hi"),), **fields)


def exchange(request: Request, reply: Any = None, **options: Any) -> tuple[Asked, Response]:
    """Send ``request``; return what the server got and what came back."""
    with LLMServer(lambda _: None if reply is None else Reply(reply, headers={"request-id": "req-7"})) as server:
        chosen = settings(base_url=server.url, **options)
        assert Anthropic.check(request, chosen) is None
        (answer,) = answers(lambda: Anthropic.open(chosen), request)
        (got,) = server.requests
        return got, answer


def test_parameters_arrive_under_anthropics_names():
    """Every parameter that Anthropic takes reaches the wire under its name there."""
    params = {
        "max_output_tokens": 50,
        "stop": ["END"],
        "reasoning_effort": "low",
        "tool_choice": "required",
        "parallel_tool_calls": False,
        "service_tier": "standard_only",
    }
    body = exchange(asked(params=params, tools=(WEATHER,)))[0].body
    assert body["max_tokens"] == 50
    assert body["stop_sequences"] == ["END"]
    assert body["output_config"] == {"effort": "low"}
    assert body["tool_choice"] == {"type": "any", "disable_parallel_tool_use": True}
    assert body["service_tier"] == "standard_only"
    assert body["tools"] == [{"name": "weather", "description": "Says the weather", "input_schema": WEATHER.parameters}]


@pytest.mark.parametrize(
    ("choice", "sent"),
    [("auto", {"type": "auto"}), ("none", {"type": "none"}), ("weather", {"type": "tool", "name": "weather"})],
)
def test_tool_choices(choice, sent):
    """The common words and a tool's name become Anthropic's objects."""
    assert exchange(asked(params={"tool_choice": choice}, tools=(WEATHER,)))[0].body["tool_choice"] == sent


def test_nothing_is_sent_that_was_not_asked_for():
    """Only model, messages and the token limit that the API demands."""
    got, _ = exchange(asked())
    assert got.path == "/v1/messages"
    assert got.body == {"model": "claude-x", "max_tokens": 4096, "messages": [{"role": "user", "content": "hi"}]}


def test_a_large_token_limit_is_sent_without_streaming():
    """The SDK refuses long answers without an explicit timeout; ours is explicit."""
    assert exchange(asked(params={"max_output_tokens": 64_000}))[0].body["max_tokens"] == 64_000


def test_system_messages_are_joined_and_tool_results_share_a_message():
    """Anthropic has one system text, and wants all results of one turn together."""
    history = (
        Message("system", "be brief"),
        Message("user", "rain?"),
        Message("assistant", "I look", (ToolCall("t1", "weather", {"city": "Ulm"}), ToolCall("t2", "weather", {}))),
        Message("tool", "sunny", tool_call_id="t1"),
        Message("tool", "rainy", tool_call_id="t2"),
        Message("system", "be kind"),
    )
    body = exchange(asked(*history))[0].body
    assert body["system"] == "be brief\n\nbe kind"
    _, called, results = body["messages"]
    assert [block["type"] for block in called["content"]] == ["text", "tool_use", "tool_use"]
    assert called["content"][1] == {"type": "tool_use", "id": "t1", "name": "weather", "input": {"city": "Ulm"}}
    assert results["role"] == "user"
    assert [block["tool_use_id"] for block in results["content"]] == ["t1", "t2"]


def test_a_schema_is_sent_in_the_subset_that_anthropic_takes():
    """Objects are closed and unknown keywords moved into the description, as the SDK does; the suite's schema stays whole."""
    schema = {"type": "object", "properties": {"a": {"type": "string", "minLength": 2}}, "required": ["a"]}
    sent = exchange(asked(output_schema=schema))[0].body["output_config"]["format"]
    assert sent["type"] == "json_schema"
    assert sent["schema"]["additionalProperties"] is False
    assert "minLength" not in sent["schema"]["properties"]["a"]
    assert schema["properties"]["a"] == {"type": "string", "minLength": 2}


def test_a_schema_that_the_sdk_cannot_convert_is_sent_as_it_is():
    """A list of types is valid JSON Schema; the API decides about it."""
    schema = {"type": ["object", "null"]}
    assert exchange(asked(output_schema=schema))[0].body["output_config"]["format"]["schema"] == schema


def test_an_answer_keeps_its_facts():
    """Cached tokens count as input, which Anthropic reports apart."""
    answer = exchange(asked(), message("42"))[1]
    assert answer.text == "42"
    assert answer.finish == "stop"
    assert answer.usage == Usage(
        input_tokens=12, output_tokens=7, cached_input_tokens=4, reasoning_tokens=3, cache_write_tokens=3
    )
    assert answer.served_model == "m-0001"
    assert answer.request_id == "req-7"
    assert answer.latency_s is not None
    assert answer.latency_s > 0


def test_missing_usage_is_unknown_not_zero():
    """No usage, no counts; and cached tokens alone are not an input count."""
    assert exchange(asked(), message("x", usage=None))[1].usage == Usage()
    partly = exchange(asked(), message("x", usage={"cache_read_input_tokens": 4}))[1].usage
    assert partly.input_tokens is None
    assert partly.cache_write_tokens is None


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("refusal", "refusal"),
        ("pause_turn", "unknown"),
        ("brand_new", "unknown"),
        (None, "unknown"),
    ],
)
def test_stop_reasons(reason, finish):
    """Every reason has its name here; a new one is unknown, never stop."""
    assert exchange(asked(), message("x", stop_reason=reason))[1].finish == finish


def test_a_refusal_tells_why():
    """The explanation is kept even when there is no text."""
    details = {"type": "refusal", "category": "cyber", "explanation": "not this"}
    answer = exchange(asked(), message("", content=[], stop_reason="refusal", stop_details=details))[1]
    assert (answer.finish, answer.refusal, answer.text) == ("refusal", "not this", "")


def test_thinking_is_not_part_of_the_answer():
    """Only text blocks make the text."""
    blocks = [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "4"}, {"type": "text", "text": "2"}]
    assert exchange(asked(), message("", content=blocks))[1].text == "42"


def test_tool_calls_arrive_parsed():
    """The input is JSON already."""
    block = {"type": "tool_use", "id": "t1", "name": "weather", "input": {"city": "Ulm"}}
    answer = exchange(asked(tools=(WEATHER,)), message("", content=[block], stop_reason="tool_use"))[1]
    assert answer.tool_calls == (ToolCall("t1", "weather", {"city": "Ulm"}),)
    assert answer.finish == "tool_calls"


def test_a_tool_input_that_nobody_can_store_is_an_error():
    """Nested beyond all bounds is not an answer."""
    deep: Any = {}
    for _ in range(100):
        deep = {"a": deep}
    with pytest.raises(CallError, match="too deeply"):
        exchange(asked(), message("", content=[{"type": "tool_use", "id": "t", "name": "w", "input": deep}]))


@pytest.mark.parametrize("name", ["temperature", "top_p"])
def test_sampling_parameters_are_refused_with_the_way_out(name):
    """Today's API answers 400, so it is said at collection: remove it, or pin the old version."""
    problem = Anthropic.check(asked(params={name: 0}), settings()) or ""
    assert f"takes no {name}" in problem
    assert "remove it from params" in problem
    assert 'anthropic_version = "2023-06-01"' in problem


def test_sampling_parameters_go_out_with_the_old_version():
    """With the version pinned, both the header and the parameter are on the wire."""
    got, _ = exchange(asked(params={"temperature": 0, "top_k": 3}), anthropic_version="2023-06-01")
    assert got.headers["anthropic-version"] == "2023-06-01"
    assert got.body["temperature"] == 0
    assert got.body["top_k"] == 3


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        (asked(params={"seed": 1}), "takes no seed"),
        (asked(params={"presence_penalty": 1}), "takes no presence_penalty"),
        (asked(params={"reasoning_effort": "minimal"}), "low, medium, high"),
        (asked(params={"max_output_tokens": "many"}), "not a integer"),
        (asked(kind="embed"), "no embed requests"),
    ],
)
def test_what_cannot_be_sent_is_refused_before_anything_is_sent(request_, says):
    """Each refusal says what is wrong or what to do."""
    assert says in (Anthropic.check(request_, settings()) or "")


def test_the_endpoint_tells_versions_apart():
    """A pinned API version is another model, as another URL is."""
    assert Anthropic.endpoint(settings()) == "anthropic default messages"
    assert Anthropic.endpoint(settings(anthropic_version="2023-06-01")) == "anthropic default messages 2023-06-01"
    with pytest.raises(ConfigError, match="not a date"):
        Anthropic.endpoint(settings(anthropic_version="latest"))


def test_no_key_is_told_with_the_variables_name():
    """The message names the variable and the way without a key."""
    assert "ANTHROPIC_API_KEY is not set" in (Anthropic.ready(settings()) or "")


def test_validation_imports_no_sdk():
    """Endpoint, check and ready of every kind work without loading an SDK: they run at collection."""
    code = """
import sys, pathlib
from evalkit.model.calls import Message, Request, Transport
from evalkit.providers.base import ProviderSettings
from evalkit.providers.catalog import PROVIDERS
for name in ("openai", "anthropic", "scripted"):
    kind = PROVIDERS.get(name)
    settings = ProviderSettings(name, pathlib.Path(), {"answers": ["x"]} if name == "scripted" else {})
    kind.endpoint(settings), kind.ready(settings), kind.check(Request(name + "/m", (Message("user", "x"),)), settings)
heavy = {"openai", "anthropic", "httpx2", "aiohttp", "pydantic", "rapidfuzz", "pandas", "duckdb"} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
