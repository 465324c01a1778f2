"""Streamed answers: the same answer as in one piece, with its time to first token; a stream cut short is never an answer."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

import pytest
from fakes.asking import answers
from fakes.llm_server import LLMServer, Reply, chat, default_body, error, message, response
from fakes.llm_streams import STREAM, event, events

from evalkit.errors import CallError
from evalkit.model.calls import Delivery, Message, Request, Response, Transport
from evalkit.providers.anthropic.provider import Anthropic
from evalkit.providers.base import Provider, ProviderSettings
from evalkit.providers.openai.provider import OpenAI

if TYPE_CHECKING:
    from fakes.llm_server import Asked

PATHS = {"chat": "/v1/chat/completions", "responses": "/v1/responses", "anthropic": "/v1/messages"}
BODIES = {"chat": chat, "responses": response, "anthropic": message}


class Way(NamedTuple):
    """An API, and the transport that carries it."""

    api: str
    transport: Transport


@pytest.fixture(params=[Way(api, transport) for api in PATHS for transport in get_args(Transport)], ids="-".join)
def way(request: pytest.FixtureRequest) -> Way:
    """Each way to a streamed answer."""
    return request.param


def open_provider(way: Way, url: str, **options: Any) -> Provider:
    """The provider that goes that ``way`` to the server at ``url``."""
    options = {"transport": way.transport, "base_url": url if way.api == "anthropic" else f"{url}/v1", **options}
    if way.api == "anthropic":
        return Anthropic.open(ProviderSettings("anthropic", Path(), options, timeout_s=20))
    return OpenAI.open(ProviderSettings("openai", Path(), {"api": way.api, **options}, timeout_s=20))


def asked(way: Way, *, stream: bool = True) -> Request:
    """A question that wants its answer streamed."""
    provider = "anthropic" if way.api == "anthropic" else "openai"
    return Request(f"{provider}/m", (Message("user", "hi"),), delivery=Delivery(stream=stream))


def ask(way: Way, reply: Reply, *, stream: bool = True) -> Response:
    """What the provider makes of ``reply``."""
    with LLMServer(lambda _: reply) as server:
        return answers(lambda: open_provider(way, server.url), asked(way, stream=stream))[0]


def fail(way: Way, *told: bytes, **fields: Any) -> CallError:
    """The failure that a stream of ``told`` becomes."""
    with pytest.raises(CallError) as caught:
        ask(way, Reply(b"".join(told), headers=STREAM, **fields))
    return caught.value


def told(way: Way, text: str = "hello world", **extra: Any) -> list[bytes]:
    """The events of a good answer."""
    return events(PATHS[way.api], BODIES[way.api](text, **extra))


def test_a_streamed_answer_is_the_same_answer(way):
    """Text, usage, finish, model and ids: only the times differ, and that of the first token is known."""
    whole = ask(way, Reply(default_body_of(way, "grüße, 你好")), stream=False)
    streamed = ask(way, Reply(default_body_of(way, "grüße, 你好")))
    assert whole.first_token_s is None
    assert streamed.text == "grüße, 你好"
    assert streamed.first_token_s is not None
    assert streamed.latency_s is not None
    assert 0 < streamed.first_token_s <= streamed.latency_s
    assert replace(streamed, first_token_s=None, latency_s=None) == replace(whole, latency_s=None)


def default_body_of(way: Way, text: str) -> dict[str, Any]:
    return BODIES[way.api](text)


CHAT_CALL = {"id": "t1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Ulm"}'}}
ITEM_CALL = {"type": "function_call", "call_id": "t1", "name": "weather", "arguments": '{"city": "Ulm"}'}
BLOCK_CALL = {"type": "tool_use", "id": "t1", "name": "weather", "input": {"city": "Ulm"}}
SAID = [
    ("chat", chat(None, finish="tool_calls", tool_calls=[CHAT_CALL, {**CHAT_CALL, "id": "t2"}])),
    ("chat", chat("I look", finish="tool_calls", tool_calls=[CHAT_CALL])),
    ("chat", chat(None, refusal="I cannot")),
    ("chat", chat("cut", finish="length")),
    ("chat", chat("", finish="content_filter")),
    ("chat", chat(None)),
    ("chat", {key: value for key, value in chat("uncounted").items() if key != "usage"}),
    ("responses", response("", output=[ITEM_CALL])),
    ("responses", response("", output=[])),
    ("responses", response("x", status="incomplete", incomplete_details={"reason": "max_output_tokens"})),
    ("responses", response("", output=[{"type": "message", "content": [{"type": "refusal", "refusal": "no"}]}])),
    ("anthropic", message("", content=[BLOCK_CALL, {**BLOCK_CALL, "id": "t2"}], stop_reason="tool_use")),
    ("anthropic", message("", content=[{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "42"}])),
    ("anthropic", message("", content=[])),
    ("anthropic", message("cut", stop_reason="max_tokens")),
    (
        "anthropic",
        message("", content=[], stop_reason="refusal", stop_details={"category": "cyber", "explanation": "not this"}),
    ),
]


@pytest.mark.parametrize("transport", get_args(Transport))
@pytest.mark.parametrize(("api", "body"), SAID)
def test_everything_that_can_be_said_can_be_streamed(api, body, transport):
    """Tool calls, refusals, cut and empty answers are the same streamed as unstreamed."""
    way = Way(api, transport)
    whole, streamed = ask(way, Reply(body), stream=False), ask(way, Reply(body))
    assert replace(streamed, first_token_s=None, latency_s=None) == replace(whole, latency_s=None)


def test_the_first_token_comes_before_the_last(way):
    """Of an answer that drips in, the first token is there before the whole answer is."""
    answer = ask(way, Reply(b"".join(told(way)), headers=STREAM, drip_s=0.0001))
    assert answer.first_token_s is not None
    assert answer.latency_s is not None
    assert 0 < answer.first_token_s < answer.latency_s


@pytest.mark.parametrize("transport", get_args(Transport))
def test_nothing_said_has_no_first_token(transport):
    """What comes before the content (a role, a comment) is no token."""
    assert ask(Way("chat", transport), Reply(chat(None))).first_token_s is None
    assert ask(Way("anthropic", transport), Reply(message("", content=[]))).first_token_s is None


def test_only_the_first_choice_is_the_answer():
    """A server that offers several answers at once does not get them mixed into one."""
    other = event({"choices": [{"index": 1, "delta": {"content": "NO"}, "finish_reason": "length"}]})
    way = Way("chat", "http")
    start, *rest = told(way, "yes")
    answer = ask(way, Reply(b"".join([start, other, *rest[:2], other, *rest[2:]]), headers=STREAM))
    assert (answer.text, answer.finish) == ("yes", "stop")


@pytest.mark.parametrize("transport", get_args(Transport))
def test_a_chat_asks_for_its_usage(transport):
    """OpenAI tells the usage of a stream only if asked."""
    way = Way("chat", transport)
    with LLMServer() as server:
        answers(lambda: open_provider(way, server.url), asked(way))
        assert server.requests[0].body["stream_options"] == {"include_usage": True}


def test_a_provider_may_be_set_to_stream(way):
    """With stream = true in the configuration every chat of the provider is streamed."""
    with LLMServer() as server:
        (answer,) = answers(lambda: open_provider(way, server.url, stream=True), asked(way, stream=False))
        assert server.requests[0].body["stream"] is True
    assert answer.first_token_s is not None


def test_a_request_may_choose_its_transport(way):
    """What the request says wins over the configuration; one provider carries both."""
    both = [replace(asked(way), delivery=Delivery(transport=transport)) for transport in get_args(Transport)]
    with LLMServer() as server:
        assert len(answers(lambda: open_provider(way, server.url), *both)) == 2
        agents = {request.headers["user-agent"].partition("/")[0] for request in server.requests}
    assert "evalkit" in agents
    assert len(agents) == 2


def test_a_server_that_does_not_stream_is_understood(way):
    """An answer in one piece is an answer; its first token was not measured."""
    answer = ask(way, Reply(json.dumps(default_body_of(way, "hello")).encode()))
    assert answer.text == "hello"
    assert answer.first_token_s is None


@pytest.mark.parametrize("transport", get_args(Transport))
def test_embeddings_are_not_streamed(transport):
    """Only a chat has tokens to wait for."""
    request = replace(asked(Way("chat", transport)), kind="embed")
    with LLMServer() as server:
        answers(lambda: open_provider(Way("chat", transport), server.url), request)
        assert "stream" not in server.requests[0].body


def test_a_stream_without_its_end_is_no_answer(way):
    """However much came: without [DONE], response.completed or message_stop it could be half an answer."""
    failure = fail(way, *told(way)[:-1])
    assert failure.kind == "connection"
    assert "ended before" in failure.message


def test_a_stream_cut_by_the_network_is_no_answer(way):
    """The connection breaks in the middle."""
    assert fail(way, *told(way), drop="midway").kind == "connection"


def test_no_answer_is_made_of_a_beginning(way):
    """Cut after any number of events, a stream is a failure that can be tried again."""
    whole = told(way)
    for count in range(len(whole)):
        assert fail(way, *whole[:count]).kind in {"connection", "bad_response"}


@pytest.mark.parametrize(
    "broken",
    [
        b"data: {not json\n\n",
        b"data: [1, 2]\n\n",
        b"data: \xff\xfe\n\n",
        b"data: " + b"[" * 100_000 + b"\n\n",
    ],
    ids=["no json", "list", "not utf-8", "deep"],
)
def test_a_broken_event_is_no_answer(way, broken):
    """What stands in the place of an event is shown, and nothing is made of the rest."""
    whole = told(way)
    assert fail(way, *whole[:3], broken, *whole[3:]).kind == "bad_response"


BROKEN = {
    "chat": [
        {"choices": 1},
        {"id": "x"},
        {"choices": [1]},
        {"choices": [{"delta": 5}]},
        {"choices": [{"delta": {"content": 5}}]},
        {"choices": [{"delta": {"refusal": []}}]},
        {"choices": [{"delta": {"tool_calls": 5}}]},
        {"choices": [{"delta": {"tool_calls": [5]}}]},
        {"choices": [{"delta": {"tool_calls": [{"index": "x"}]}}]},
        {"choices": [{"delta": {"tool_calls": [{"function": 5}]}}]},
        {"choices": [{"delta": {"tool_calls": [{"function": {"arguments": 5}}]}}]},
        {"choices": [{"delta": {"tool_calls": [{"index": 7}]}}]},
    ],
    "responses": [{"type": "response.completed"}, {"type": "response.completed", "response": 5}],
    "anthropic": [
        {"type": "message_start"},
        {"type": "content_block_start", "index": 0, "content_block": 5},
        {"type": "content_block_start", "content_block": {}},
        {"type": "content_block_delta", "index": 9, "delta": {"type": "text_delta", "text": "x"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": 5}},
        {"type": "content_block_delta", "index": 0, "delta": 5},
        {"type": "message_delta"},
    ],
}


@pytest.mark.parametrize(("api", "broken"), [(api, one) for api, several in BROKEN.items() for one in several])
def test_an_event_of_another_shape_is_no_answer(api, broken):
    """JSON that is not what the API sends is told, not crashed on and not passed over."""
    way = Way(api, "http")
    whole = told(way)
    assert fail(way, *whole[:3], event(broken), *whole[3:]).kind == "bad_response"


@pytest.mark.parametrize("api", PATHS)
@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("overloaded_error", "overloaded"),
        ("api_error", "server"),
        ("server_error", "server"),
        ("rate_limit_error", "rate_limited"),
        ("rate_limit_exceeded", "rate_limited"),
        ("insufficient_quota", "quota"),
        ("invalid_request_error", "bad_request"),
        ("odd", "bad_response"),
    ],
)
def test_an_error_told_in_the_stream_is_that_failure(api, code, kind):
    """After half an answer the API may still give up; its word for why decides whether to try again."""
    way = Way(api, "http")
    told_so = event({"type": "error", "error": {"type": code, "message": "too much"}}, name="error")
    failure = fail(way, *told(way)[:3], told_so)
    assert failure.kind == kind
    assert "too much" in failure.message


@pytest.mark.parametrize("transport", get_args(Transport))
def test_a_response_that_failed_says_why(transport):
    """The Responses API has an event for it, and an error event without a wrapping."""
    way = Way("responses", transport)
    body = response("", output=[], status="failed", error={"code": "server_error", "message": "fell over"})
    failures = [
        fail(way, *events(PATHS["responses"], body)),
        fail(way, event({"type": "error", "code": "server_error", "message": "fell over", "param": None})),
    ]
    assert [failure.kind for failure in failures] == ["server", "server"]
    assert all("fell over" in failure.message for failure in failures)


def test_a_response_whose_last_event_leaves_its_items_out_is_whole():
    """Some servers tell each item once, when it is done."""
    *before, last = events(PATHS["responses"], response("hello"))
    bare = event({"type": "response.completed", "response": response("", output=[])})
    assert b"response.completed" in last
    assert ask(Way("responses", "http"), Reply(b"".join([*before, bare]), headers=STREAM)).text == "hello"


@pytest.mark.parametrize(
    ("api", "body"), [("chat", chat("half", finish=None)), ("anthropic", message("half", stop_reason=None))]
)
def test_an_end_without_a_reason_is_no_answer(api, body):
    """A server that lost its model closes the stream politely."""
    assert "ended without" in fail(Way(api, "http"), *events(PATHS[api], body)).message


def test_a_cut_tool_input_is_kept_as_it_came():
    """When the token limit cuts the JSON of a tool's input, the text is there for a check to complain about."""
    way = Way("anthropic", "http")
    whole = events(PATHS["anthropic"], message("", content=[BLOCK_CALL], stop_reason="max_tokens"))
    kept = [one for one in whole if b"Ulm" not in one and b'm\\"}' not in one and b'"}"' not in one]
    answer = ask(way, Reply(b"".join(kept), headers=STREAM))
    assert isinstance(answer.tool_calls[0].arguments, str)


def test_a_bad_status_is_told_as_ever(way):
    """A refusal of a streamed request is a refusal."""
    with pytest.raises(CallError) as caught:
        ask(way, error(429, "slow down", headers={"retry-after": "3"}))
    assert (caught.value.kind, caught.value.retry_after_s) == ("rate_limited", 3)


def test_an_endless_stream_is_left_at_the_limit(way):
    """Twenty megabytes of comments are no answer."""
    failure = fail(way, (b":" + b" " * 100_000 + b"\n\n") * 215)
    assert failure.kind == "bad_response"
    assert "larger than" in failure.message


def test_a_stream_that_stops_moving_meets_the_deadline(way):
    """The deadline is for the whole answer, not for the next event."""
    settings = {"timeout_s": 0.3}

    async def run(url: str) -> None:
        options = {"transport": way.transport, "base_url": url if way.api == "anthropic" else f"{url}/v1"}
        kind, name = (Anthropic, "anthropic") if way.api == "anthropic" else (OpenAI, "openai")
        api = {} if way.api == "anthropic" else {"api": way.api}
        provider = kind.open(ProviderSettings(name, Path(), {**api, **options}, **settings))
        try:
            await provider.complete(asked(way))
        finally:
            await provider.aclose()

    def script(_: Asked) -> Reply:
        return Reply(b"".join(told(way)), headers=STREAM, drip_s=0.02)

    with LLMServer(script) as server, pytest.raises(CallError) as caught:
        asyncio.run(run(server.url))
    assert caught.value.kind == "timeout"


def test_connections_are_used_again(way):
    """A streamed answer gives its connection back: a new one for every call would cost a handshake each."""
    ports = set()

    def script(got: Asked) -> Reply:
        ports.add(got.port)
        return Reply(default_body(got), headers={"transfer-encoding": "chunked"})

    async def run(url: str) -> None:
        provider = open_provider(way, url)
        for _ in range(3):
            await provider.complete(asked(way))
        await provider.aclose()

    with LLMServer(script) as server:
        asyncio.run(run(server.url))
    assert len(ports) == 1
