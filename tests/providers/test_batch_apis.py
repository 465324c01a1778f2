"""Both batch APIs through the real SDKs: what is sent, what is understood, and how a lost batch is found."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from pathlib import Path

import pytest
from fakes.batch_server import BatchServer
from fakes.llm_server import Reply, error

from evalkit.config import Config
from evalkit.errors import CallError
from evalkit.model.calls import Message, Request, Response, Tool
from evalkit.providers.anthropic.batch import AnthropicBatches
from evalkit.providers.base import ProviderSettings
from evalkit.providers.batch import open_batch_api
from evalkit.providers.openai.batch import OpenAIBatches

KINDS = {"openai": OpenAIBatches, "anthropic": AnthropicBatches}


def ask(text: str, *, model: str = "openai/m", **extra) -> Request:
    return Request(model, (Message("user", text),), **extra)


def with_api(server: BatchServer, kind: str, work, **options):
    """What ``work`` returns, given the open API."""
    url = f"{server.url}/v1" if kind == "openai" else server.url

    async def run():
        api = KINDS[kind](ProviderSettings(kind, Path(), {"base_url": url, **options}))
        try:
            return await work(api)
        finally:
            await api.aclose()

    return asyncio.run(run())


async def handed_in(api, entries, *, group: str, marker: str = "a" * 32) -> str:
    file = await api.upload(entries, marker=marker)
    return await api.submit(entries, file=file, group=group, marker=marker)


async def all_of(api, batch: str, requests: list[Request]) -> dict[str, object]:
    async with aclosing(api.results(batch, {request.key: request for request in requests})) as results:
        return {key: reply async for key, reply in results}


async def round_trip(api, server: BatchServer, requests: list[Request], *, finish=None) -> dict[str, object]:
    entries = [api.entry(request) for request in requests]
    batch = await handed_in(api, entries, group=api.group(requests[0]))
    assert not (await api.poll(batch)).finished
    (finish or server.finish)()
    assert (await api.poll(batch)).finished
    return await all_of(api, batch, requests)


@pytest.mark.parametrize("kind", KINDS)
def test_answers_come_back_under_their_keys(kind) -> None:
    """The same text, usage and model as a live call would bring; the custom id is the request's key."""
    requests = [ask(f"say {n}", model=f"{kind}/m") for n in range(5)]
    with BatchServer(lambda asked: f"{asked.question}!") as server:
        replies = with_api(server, kind, lambda api: round_trip(api, server, requests))
    assert {request.key: f"{request.messages[0].content}!" for request in requests} == {
        key: reply.text for key, reply in replies.items()
    }
    assert {reply.usage.output_tokens for reply in replies.values()} == {7}
    assert {reply.latency_s for reply in replies.values()} == {None}, "a batch tells no latency, and none is made up"


@pytest.mark.parametrize(
    ("options", "request_", "path"),
    [
        ({}, ask("a"), "/v1/chat/completions"),
        ({"api": "responses"}, ask("a"), "/v1/responses"),
        ({}, ask("a", kind="embed"), "/v1/embeddings"),
        ({}, ask("fight", kind="moderate"), "/v1/moderations"),
    ],
)
def test_every_openai_endpoint_has_its_batches(options, request_, path) -> None:
    """The group names the endpoint and the model, and the reply is read the way that endpoint writes it."""
    with BatchServer() as server:
        replies = with_api(server, "openai", lambda api: round_trip(api, server, [request_]), **options)
        (batch,) = server.batches.values()
        assert batch.facts["endpoint"] == path
        assert batch.facts["metadata"] == {"evalkit_batch": "a" * 32}
    reply = replies[request_.key]
    assert isinstance(reply, Response)
    assert reply.text == ("hello" if request_.kind == "chat" else "")
    assert (len(reply.vectors), reply.labels) == (
        request_.kind == "embed",
        ("violence",) if request_.kind == "moderate" else (),
    )


def test_a_changed_api_does_not_change_how_an_old_batch_is_read() -> None:
    """A batch of chat completions is read as such by a project that has moved to the Responses API meanwhile."""
    request = ask("a")

    async def submit(api) -> str:
        return await handed_in(api, [api.entry(request)], group=api.group(request))

    with BatchServer() as server:
        batch = with_api(server, "openai", submit)
        server.finish()
        replies = with_api(server, "openai", lambda api: all_of(api, batch, [request]), api="responses")
    assert replies[request.key].text == "hello"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("reply", "failure"),
    [
        (error(400, "no such tool", code="invalid_request_error"), "bad_request"),
        (error(529, "busy", code="overloaded_error"), "overloaded"),
        (error(500, "boom", code="api_error"), "server"),
        (Reply({"nonsense": True}), "bad_response"),
        (Reply(["nonsense"]), "bad_response"),
        (Reply(None), "bad_response"),
    ],
)
def test_a_failed_entry_is_a_failure_with_its_kind(kind, reply, failure) -> None:
    """Errors inside a batch are classified like those of live calls; what is no answer is none."""
    request = ask("a", model=f"{kind}/m")
    with BatchServer(lambda asked: reply) as server:
        replies = with_api(server, kind, lambda api: round_trip(api, server, [request]))
    assert isinstance(replies[request.key], CallError)
    assert replies[request.key].kind == failure


@pytest.mark.parametrize("kind", KINDS)
def test_expired_entries_may_be_tried_again(kind) -> None:
    """Expiry is a timeout, not an answer and not a mistake."""
    request = ask("a", model=f"{kind}/m")
    with BatchServer() as server:
        server.outcomes = lambda key, body: "expired"
        replies = with_api(server, kind, lambda api: round_trip(api, server, [request]))
    assert replies[request.key].kind == "timeout"


def test_a_refused_openai_batch_blames_everybody_only_if_it_names_nobody() -> None:
    """A line number singles out one request; a token limit concerns all of them, and may pass later."""
    requests = [ask("a"), ask("b")]

    def refused(*errors):
        with BatchServer() as server:
            finish = lambda: server.finish(status="failed", errors=list(errors))  # noqa: E731
            return with_api(server, "openai", lambda api: round_trip(api, server, requests, finish=finish))

    named = refused({"code": "invalid_request", "message": "bad", "line": 2}, {"code": "x", "line": 99})
    assert {key: reply.kind for key, reply in named.items()} == {requests[1].key: "bad_request"}
    limit = refused({"code": "token_limit_exceeded", "message": "Enqueued token limit reached", "line": None})
    assert {reply.kind for reply in limit.values()} == {"rate_limited"}
    assert len(limit) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_a_lost_batch_is_found_through_pages(kind) -> None:
    """By its marker at OpenAI, by age and size at Anthropic, newest first, however many others there are."""
    requests = [ask(str(n), model=f"{kind}/m") for n in range(2)]

    async def story(api):
        one = [api.entry(requests[0])]
        two = [api.entry(request) for request in requests]
        group, before = api.group(requests[0]), time.time()
        ids = [
            await handed_in(api, entries, group=group, marker=f"{n:032x}")
            for n, entries in enumerate([one, two, one, one])
        ]
        known = frozenset({ids[0], ids[2], ids[3]})
        found = await api.find(f"{1:032x}", since=before, size=2, known=known)
        none = await api.find("f" * 32, since=before, size=3, known=known)
        return ids[1], found, none

    with BatchServer(page=1) as server:
        wanted, found, none = with_api(server, kind, story)
    assert found == wanted
    assert none is None


def test_a_search_ends_at_batches_that_are_too_old() -> None:
    """An account with years of batches is not read to its end."""

    async def look(api):
        return await api.find("f" * 32, since=time.time() + 10_000, size=1, known=frozenset())

    async def fill(api):
        for n in range(5):
            await handed_in(api, [api.entry(ask(str(n)))], group=api.group(ask("a")), marker=f"{n:032x}")

    with BatchServer(page=1) as server:
        with_api(server, "openai", fill)
        server.asked.clear()
        assert with_api(server, "openai", look) is None
        assert len(server.asked) == 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("reply", "failure"),
    [
        (error(401, "wrong key"), "auth"),
        (error(429, "slow down", headers={"retry-after": "7"}), "rate_limited"),
        (Reply(b"<html>", headers={"content-type": "text/html"}), "bad_response"),
        (Reply({"unexpected": 1}), "bad_response"),
        (Reply(drop="before"), "connection"),
    ],
)
def test_a_failed_submit_is_a_call_error(kind, reply, failure) -> None:
    """Whatever the vendor or the network does, one kind of exception leaves, with what to wait for."""
    request = ask("a", model=f"{kind}/m")

    async def submit(api):
        await handed_in(api, [api.entry(request)], group=api.group(request))

    with BatchServer() as server:
        server.fault = lambda method, path: reply
        with pytest.raises(CallError) as caught:
            with_api(server, kind, submit)
    assert caught.value.kind == failure
    assert caught.value.retry_after_s == (7 if failure == "rate_limited" else None)


def test_damaged_lines_are_left_out() -> None:
    """A results file is somebody else's text: broken JSON, other types and deep nesting cost only their own line."""
    request = ask("a")
    with BatchServer() as server:
        deep = b"[" * 100_000 + b"]" * 100_000
        real = server._content

        def content(file: str) -> bytes:
            return b'{"custom_id": \n' + deep + b"\n\n[1]\n\xff\xfe\n" + (real(file) or b"")

        server._content = content
        replies = with_api(server, "openai", lambda api: round_trip(api, server, [request]))
    assert replies[request.key].text == "hello"


def test_a_kind_without_a_batch_api_says_so(tmp_path) -> None:
    """Nothing is guessed: the case becomes an error with what to do."""
    with pytest.raises(CallError, match="has no batch API"):
        open_batch_api("scripted", Config(tmp_path))


def test_a_tool_call_survives(tmp_path) -> None:
    """An entry is the live request's body: tools go out with it, and calls come back."""
    tool = Tool("look", "looks", {"type": "object", "properties": {}, "additionalProperties": False})
    request = ask("a", tools=(tool,))
    with BatchServer() as server:
        with_api(server, "openai", lambda api: round_trip(api, server, [request]))
        ((_, _, body),) = next(iter(server.batches.values())).entries
    assert body["tools"][0]["function"]["name"] == "look"
