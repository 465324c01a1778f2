"""What OpenAI is sent and how its answers are read, over both transports."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest
from fakes.asking import answers
from fakes.llm_server import Asked, LLMServer, Reply, chat, response

from evalkit.errors import CallError, ConfigError
from evalkit.model.calls import Message, Request, Response, Tool, ToolCall, Transport, Usage
from evalkit.providers.base import ProviderSettings
from evalkit.providers.openai.provider import OpenAI

CLOSED = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
OPEN = {"type": "object", "properties": {"a": {"type": "string", "minLength": 2}}}
WEATHER = Tool("weather", "Says the weather", {"type": "object", "properties": {"city": {"type": "string"}}})


COMMON: dict[str, Any] = {}


@pytest.fixture(autouse=True, params=get_args(Transport))
def transport(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Transport:
    """Every story is told over the SDK and over plain HTTP."""
    monkeypatch.setitem(COMMON, "transport", request.param)
    return request.param


def settings(**options: Any) -> ProviderSettings:
    return ProviderSettings("openai", Path(), {**COMMON, **options}, timeout_s=20)


def asked(*messages: Message, **fields: Any) -> Request:
    return Request("openai/gpt-x", messages or (Message("user", "hi"),), **fields)


def exchange(request: Request, reply: Any = None, **options: Any) -> tuple[Asked, Response]:
    """Send ``request``; return what the server got and what came back."""
    with LLMServer(lambda _: None if reply is None else Reply(reply, headers={"x-request-id": "req-7"})) as server:
        chosen = settings(base_url=f"{server.url}/v1", **options)
        assert OpenAI.check(request, chosen) is None
        (answer,) = answers(lambda: OpenAI.open(chosen), request)
        (got,) = server.requests
        return got, answer


def test_chat_parameters_arrive_under_openais_names():
    """Every parameter of the chat API reaches the wire, renamed where OpenAI calls it otherwise."""
    params = {
        "temperature": 0.5,
        "top_p": 0.9,
        "max_output_tokens": 50,
        "seed": 7,
        "stop": ["END"],
        "presence_penalty": 0.1,
        "frequency_penalty": 0.2,
        "reasoning_effort": "low",
        "parallel_tool_calls": False,
        "service_tier": "flex",
        "tool_choice": "weather",
    }
    got, _ = exchange(asked(params=params, tools=(WEATHER,)))
    body = got.body
    assert got.path == "/v1/chat/completions"
    assert body["model"] == "gpt-x"
    assert body["max_completion_tokens"] == 50
    assert "max_tokens" not in body
    assert body["tool_choice"] == {"type": "function", "function": {"name": "weather"}}
    same = params.keys() - {"max_output_tokens", "tool_choice"}
    assert {name: body[name] for name in same} == {name: params[name] for name in same}


def test_nothing_is_sent_that_was_not_asked_for():
    """A request without parameters carries the model and the messages, and that is all."""
    got, _ = exchange(asked())
    assert got.body == {"model": "gpt-x", "messages": [{"role": "user", "content": "hi"}]}


def test_a_server_that_knows_only_max_tokens_gets_max_tokens():
    """Ollama ignores the new name without a word, so the name can be configured."""
    got, _ = exchange(asked(params={"max_output_tokens": 50}), max_tokens_field="max_tokens")
    assert got.body["max_tokens"] == 50
    assert "max_completion_tokens" not in got.body


def test_top_k_goes_to_other_servers_only():
    """OpenAI has no top_k; vLLM and its like take it."""
    got, _ = exchange(asked(params={"top_k": 5}))
    assert got.body["top_k"] == 5
    assert "top_k" in (OpenAI.check(asked(params={"top_k": 5}), settings()) or "")


def test_responses_parameters_arrive_under_their_names():
    """The Responses API gets its own shapes, and nothing is stored at the provider."""
    params = {"temperature": 0, "max_output_tokens": 50, "reasoning_effort": "high", "tool_choice": "weather"}
    got, _ = exchange(asked(params=params, tools=(WEATHER,), output_schema=CLOSED), api="responses")
    body = got.body
    assert got.path == "/v1/responses"
    assert body["input"] == [{"role": "user", "content": "hi"}]
    assert body["reasoning"] == {"effort": "high"}
    assert body["max_output_tokens"] == 50
    assert body["tool_choice"] == {"type": "function", "name": "weather"}
    assert body["tools"][0]["name"] == "weather"
    assert body["text"]["format"] == {"type": "json_schema", "name": "answer", "schema": CLOSED, "strict": True}
    assert body["store"] is False


@pytest.mark.parametrize(("schema", "strict"), [(CLOSED, True), (OPEN, False)])
def test_structured_output_is_strict_only_when_the_schema_allows_it(schema, strict):
    """OpenAI answers 400 to a strict schema that is open or uses a keyword it does not know."""
    got, _ = exchange(asked(output_schema=schema))
    assert got.body["response_format"]["json_schema"] == {"name": "answer", "schema": schema, "strict": strict}


HISTORY = (
    Message("system", "be brief"),
    Message("user", "rain?"),
    Message("assistant", "", (ToolCall("t1", "weather", {"city": "Ulm"}),)),
    Message("tool", "sunny", tool_call_id="t1"),
)


def test_a_conversation_with_tools_is_sent_as_chat():
    """Tool calls and their results keep their ids."""
    got, _ = exchange(asked(*HISTORY))
    system, _, called, result = got.body["messages"]
    assert system == {"role": "system", "content": "be brief"}
    assert called["tool_calls"][0]["id"] == "t1"
    assert called["tool_calls"][0]["function"] == {"name": "weather", "arguments": '{"city": "Ulm"}'}
    assert result == {"role": "tool", "content": "sunny", "tool_call_id": "t1"}


def test_a_conversation_with_tools_is_sent_as_responses():
    """The Responses API has items instead of tool messages."""
    got, _ = exchange(asked(*HISTORY), api="responses")
    assert got.body["input"][2:] == [
        {"type": "function_call", "call_id": "t1", "name": "weather", "arguments": '{"city": "Ulm"}'},
        {"type": "function_call_output", "call_id": "t1", "output": "sunny"},
    ]


@pytest.mark.parametrize("api", ["chat", "responses"])
def test_an_answer_keeps_its_facts(api):
    """Text, finish, usage, served model, request id and latency are read, not guessed."""
    body = chat("42") if api == "chat" else response("42")
    details = "prompt_tokens_details" if api == "chat" else "input_tokens_details"
    body["usage"][details]["cache_write_tokens"] = 2
    _, answer = exchange(asked(), body, api=api)
    assert answer.text == "42"
    assert answer.finish == "stop"
    assert answer.usage == Usage(
        input_tokens=12, output_tokens=7, cached_input_tokens=4, reasoning_tokens=3, cache_write_tokens=2
    )
    assert answer.served_model == "m-0001"
    assert answer.request_id == "req-7"
    assert answer.latency_s is not None
    assert answer.latency_s > 0
    assert not answer.repaired


@pytest.mark.parametrize("api", ["chat", "responses"])
def test_missing_usage_is_unknown_not_zero(api):
    """A server that counts nothing leaves every count None."""
    body = (chat if api == "chat" else response)("42")
    body.pop("usage")
    assert exchange(asked(), body, api=api)[1].usage == Usage()


@pytest.mark.parametrize(
    ("body", "finish"),
    [
        (chat("x", finish="length"), "length"),
        (chat(None, finish="length"), "length"),
        (chat("", finish="content_filter"), "filtered"),
        (chat("x", finish="brand_new"), "unknown"),
        (chat("x", finish=None), "unknown"),
        (chat(None, refusal="I cannot"), "refusal"),
    ],
)
def test_chat_finish_reasons(body, finish):
    """Every reason has its name here; a new one is unknown, never stop."""
    answer = exchange(asked(), body)[1]
    assert answer.finish == finish
    assert answer.refusal == ("I cannot" if finish == "refusal" else None)


REFUSED = [{"type": "message", "content": [{"type": "refusal", "refusal": "I cannot"}]}]


@pytest.mark.parametrize(
    ("body", "finish"),
    [
        (response("x", status="incomplete", incomplete_details={"reason": "max_output_tokens"}), "length"),
        (response("", output=[], status="incomplete", incomplete_details={"reason": "content_filter"}), "filtered"),
        (response("x", status="incomplete", incomplete_details={"reason": "new"}), "unknown"),
        (response("", output=REFUSED), "refusal"),
    ],
)
def test_responses_finish_reasons(body, finish):
    """The same names for the Responses API."""
    answer = exchange(asked(), body, api="responses")[1]
    assert answer.finish == finish
    assert answer.refusal == ("I cannot" if finish == "refusal" else None)


@pytest.mark.parametrize(
    ("raw", "arguments"),
    [
        ('{"city": "Ulm"}', {"city": "Ulm"}),
        ('{"city": ', '{"city": '),
        ('{"n": NaN}', '{"n": NaN}'),
        ('{"n": 1e999}', '{"n": 1e999}'),
        ("[" * 100 + "]" * 100, "[" * 100 + "]" * 100),
    ],
)
@pytest.mark.parametrize("api", ["chat", "responses"])
def test_tool_arguments_are_parsed_or_kept_as_they_came(api, raw, arguments):
    """What is no storable JSON stays text, so that a check can complain about it."""
    chat_call = {"id": "t1", "type": "function", "function": {"name": "weather", "arguments": raw}}
    item = {"type": "function_call", "call_id": "t1", "name": "weather", "arguments": raw}
    body = chat(None, finish="tool_calls", tool_calls=[chat_call]) if api == "chat" else response("", output=[item])
    answer = exchange(asked(tools=(WEATHER,)), body, api=api)[1]
    assert answer.tool_calls == (ToolCall("t1", "weather", arguments),)
    assert answer.finish == "tool_calls"
    assert answer.text == ""


@pytest.mark.parametrize("status", ["failed", "in_progress", "cancelled"])
def test_a_response_that_is_not_finished_is_no_answer(status):
    """Only a completed or an incomplete response is read."""
    with pytest.raises(CallError) as caught:
        exchange(asked(), response("x", status=status), api="responses")
    assert caught.value.kind == "bad_response"


def test_embeddings_come_back_in_the_order_of_the_texts():
    """The server lists them backwards; the index decides."""
    request = asked(Message("user", "a b"), Message("user", "abcdef"), kind="embed")
    got, answer = exchange(request)
    assert got.path == "/v1/embeddings"
    assert got.body["input"] == ["a b", "abcdef"]
    assert answer.vectors == ((3.0, 1.0), (6.0, 0.0))


@pytest.mark.parametrize(
    "rows", [[], [{"index": 0, "embedding": []}], [{"index": 0, "embedding": ["x"]}], [{"index": 0, "embedding": None}]]
)
def test_embeddings_that_are_no_vectors_are_an_error(rows):
    """One finite vector per text, or no answer at all."""
    with pytest.raises(CallError, match="vector"):
        exchange(asked(kind="embed"), {"data": rows})


def test_moderation_tells_the_flagged_categories():
    """Only what is flagged in some text becomes a label."""
    request = asked(Message("user", "we fight"), Message("user", "we talk"), kind="moderate")
    assert exchange(request)[1].labels == ("violence",)


@pytest.mark.parametrize(
    ("request_", "options", "says"),
    [
        (asked(params={"top_k": 3}), {}, "remove it from params"),
        (asked(params={"temprature": 0}), {}, "did you mean 'temperature'"),
        (asked(params={"temperature": "hot"}), {}, "not a number"),
        (asked(params={"seed": 1}), {"api": "responses"}, "Responses API takes no seed"),
        (asked(params={"tool_choice": "auto"}), {}, "no tools"),
        (asked(params={"tool_choice": "whether"}, tools=(WEATHER,)), {}, "weather"),
        (asked(Message("system", "only rules")), {}, "no user message"),
        (asked(Message("user", "x"), Message("tool", "y")), {}, "tool_call_id"),
        (asked(kind="embed", params={"temperature": 0}), {}, "takes no temperature"),
        (Request("openai", (Message("user", "x"),)), {}, "openai/<model>"),
    ],
)
def test_what_cannot_be_sent_is_refused_before_anything_is_sent(request_, options, says):
    """Each refusal says what is wrong or what to do."""
    assert says in (OpenAI.check(request_, settings(**options)) or "")


def test_the_endpoint_tells_servers_and_apis_apart(monkeypatch):
    """The same model name behind another URL or API is another model; nothing has to be installed or online to say so."""
    found = {
        OpenAI.endpoint(settings()),
        OpenAI.endpoint(settings(api="responses")),
        OpenAI.endpoint(settings(base_url="http://localhost:11434/v1")),
    }
    monkeypatch.setenv("OPENAI_BASE_URL", "https://gateway.example/v1/")
    found.add(OpenAI.endpoint(settings()))
    assert found == {
        "openai default chat",
        "openai default responses",
        "openai http://localhost:11434/v1 chat",
        "openai https://gateway.example/v1 chat",
    }


@pytest.mark.parametrize(
    "options",
    [
        {"api": "completions"},
        {"base_url": "ftp://x"},
        {"base_url": "https://user:secret@x/v1"},
        {"base_url": 5},
        {"headers": ["x"]},
        {"max_tokens_field": "tokens"},
    ],
)
def test_wrong_options_are_a_configuration_error(options):
    """The error names the provider's table in pyproject.toml."""
    with pytest.raises(ConfigError, match=r"pyproject\.toml: \[tool\.evalkit\.providers\.openai\]"):
        OpenAI.endpoint(settings(**options))


def test_a_missing_or_broken_key_is_told_before_the_first_call(monkeypatch):
    """The message names the variable and the way without a key; a server on this machine needs none."""
    assert OpenAI.ready(settings()) == (
        "OPENAI_API_KEY is not set; export it, or run offline with --evalkit-mode replay"
    )
    assert "MY_KEY is not set" in (OpenAI.ready(settings(api_key_env="MY_KEY")) or "")
    assert OpenAI.ready(settings(base_url="http://127.0.0.1:8000/v1")) is None
    monkeypatch.setenv("OPENAI_API_KEY", "")
    assert "OPENAI_API_KEY is empty" in (OpenAI.ready(settings()) or "")
    for broken in ("sk-abc\n", "sk abc", "sk-äbc"):
        monkeypatch.setenv("OPENAI_API_KEY", broken)
        assert "OPENAI_API_KEY holds" in (OpenAI.ready(settings()) or "")
    with pytest.raises(ConfigError):
        OpenAI.open(settings())


def test_the_key_and_the_headers_are_sent(monkeypatch):
    """The configured variable's key goes into Authorization; extra headers of the configuration go along."""
    monkeypatch.setenv("MY_KEY", "sk-abcdefgh")
    got, _ = exchange(asked(), api_key_env="MY_KEY", headers={"x-team": "blue"})
    assert got.headers["authorization"] == "Bearer sk-abcdefgh"
    assert got.headers["x-team"] == "blue"


def test_a_prompt_that_no_wire_can_carry_is_a_bad_request():
    """A lone surrogate cannot be sent as UTF-8: that is told, not crashed on."""
    with pytest.raises(CallError) as caught:
        exchange(asked(Message("user", "a\ud800b")))
    assert caught.value.kind == "bad_request"
