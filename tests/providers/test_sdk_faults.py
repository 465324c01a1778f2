"""Every fault a provider can show, over both transports: each becomes one kind of failure, after exactly one request."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import threading
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, get_args

import pytest
from fakes.asking import answers
from fakes.llm_server import Asked, LLMServer, Reply, chat, default_body, error, message, response

from evalkit.errors import CallError
from evalkit.model.calls import Message, Request, Response, Transport
from evalkit.providers.anthropic.provider import Anthropic
from evalkit.providers.base import Provider, ProviderSettings
from evalkit.providers.openai.provider import OpenAI
from evalkit.rates import RateLimits, RateWindow

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = "sk-test-0123456789abcdef"
APIS = ("chat", "responses", "anthropic")
BOMB = gzip.compress(b"the cable is wet" + b"A" * 30_000_000, compresslevel=1)


class Way(NamedTuple):
    """A way to a model: the API that is spoken, and the transport that carries it."""

    api: str
    transport: Transport


WAYS = [Way(api, transport) for api in APIS for transport in get_args(Transport)]


@pytest.fixture(params=WAYS, ids="-".join)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Way:
    """Each way to a model, with a key in the environment."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    return request.param


ASKED = {api: Request(f"{'anthropic' if api == 'anthropic' else 'openai'}/m", (Message("user", "hi"),)) for api in APIS}


def open_provider(way: Way, url: str, *, timeout_s: float = 20.0) -> Provider:
    """The provider that goes that ``way`` to the server at ``url``."""
    common = {"transport": way.transport}
    if way.api == "anthropic":
        return Anthropic.open(ProviderSettings("anthropic", Path(), {"base_url": url, **common}, timeout_s=timeout_s))
    options = {"base_url": f"{url}/v1", "api": way.api, **common}
    return OpenAI.open(ProviderSettings("openai", Path(), options, timeout_s=timeout_s))


def ask(way: Way, url: str, *, timeout_s: float = 20.0, times: int = 1) -> list[Response]:
    """Send ``times`` requests at once that ``way`` to the server at ``url``."""
    return answers(lambda: open_provider(way, url, timeout_s=timeout_s), *[ASKED[way.api]] * times)


def fail(way: Way, reply: Reply | Callable[[Asked], Reply], *, timeout_s: float = 20.0) -> CallError:
    """The failure that ``reply`` becomes; the server must have been asked exactly once."""
    script = reply if callable(reply) else lambda asked: reply
    with LLMServer(script) as server:
        with pytest.raises(CallError) as caught:
            ask(way, server.url, timeout_s=timeout_s)
        assert len(server.requests) == 1
    assert KEY not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "bad_request"),
        (401, "auth"),
        (402, "quota"),
        (403, "auth"),
        (404, "model_not_found"),
        (408, "timeout"),
        (409, "server"),
        (413, "too_long"),
        (422, "bad_request"),
        (429, "rate_limited"),
        (500, "server"),
        (502, "server"),
        (503, "overloaded"),
        (529, "overloaded"),
    ],
)
def test_a_status_becomes_one_kind_and_is_not_retried(way, status, kind):
    """The SDK's own retries are off: one request, the kind, the status, and the provider's words."""
    failure = fail(way, error(status, "the cable is wet"))
    assert (failure.kind, failure.status) == (kind, status)
    assert "the cable is wet" in failure.message


def test_an_exhausted_account_is_not_a_rate_limit(way):
    """429 with insufficient_quota can never succeed, so it is not the kind that is tried again."""
    assert fail(way, error(429, code="insufficient_quota")).kind == "quota"


def test_a_context_window_refusal_is_too_long(way):
    """A 400 that says the prompt does not fit is told apart from a wrong request."""
    assert fail(way, error(400, "prompt is too long: 300000 tokens")).kind == "too_long"


@pytest.mark.parametrize(
    ("headers", "low", "high"),
    [
        ({"retry-after": "7"}, 7, 7),
        ({"retry-after-ms": "1500"}, 1.5, 1.5),
        ({"retry-after": formatdate(4_102_444_800, usegmt=True)}, 60, 10**10),
    ],
)
def test_retry_after_is_handed_over(way, headers, low, high):
    """Seconds, milliseconds and a date all arrive as seconds to wait; nobody sleeps here."""
    failure = fail(way, error(429, headers=headers))
    assert failure.retry_after_s is not None
    assert low <= failure.retry_after_s <= high


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"<html><b>captive portal</b></html>", id="html"),
        pytest.param(b"", id="empty"),
        pytest.param(b"null", id="null"),
        pytest.param(b"[]", id="list"),
        pytest.param(b'{"id": 1}', id="other object"),
        pytest.param(b'{"choices": [], "output": [], "content": []}', id="no choices"),
        pytest.param(
            b'{"choices": [{"message": {"content": null}}], "output": [{}], "content": null}', id="no content"
        ),
        pytest.param(b'{"choices": [{"message": 5}], "output": [5], "content": [5]}', id="wrong types"),
        pytest.param(b'{"choices": [{"message": {"con', id="cut JSON"),
        pytest.param(b'{"content": "a\xff\xfeb"}', id="not UTF-8"),
        pytest.param(b"[" * 100_000 + b"]" * 100_000, id="too deep"),
        pytest.param(b'{"error": {"message": "backend fell over", "type": "odd"}}', id="error object"),
        pytest.param(b'{"n": ' + b"9" * 5_000 + b"}", id="endless number"),
    ],
)
@pytest.mark.parametrize("content_type", ["application/json", "text/html"])
def test_a_200_without_an_answer_is_an_error_not_an_empty_answer(way, body, content_type):
    """Whatever stands in a 200 that is no answer, the failure is bad_response."""
    assert fail(way, Reply(body, headers={"content-type": content_type})).kind == "bad_response"


def test_a_bad_200_shows_what_came(way):
    """The message names the content type and the first characters, on one line and without control characters."""
    failure = fail(way, Reply(b"<html>\x1b[31m\nportal" + b"x" * 5_000, headers={"content-type": "text/html"}))
    assert "text/html" in failure.message
    assert "<html>" in failure.message
    assert "\x1b" not in failure.message
    assert "\n" not in failure.message
    assert len(failure.message) < 500


def test_a_gzip_bomb_is_not_read_to_its_end(way):
    """A small compressed body that unpacks to more than the limit is refused."""
    failure = fail(way, Reply(BOMB, headers={"content-encoding": "gzip"}))
    assert failure.kind == "bad_response"
    assert "larger than" in failure.message


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", b"not gzip at all"),
        ("gzip, gzip", gzip.compress(BOMB)),
        ("br", b"\x0b\x00"),
        ("zstd", b"\x28\xb5\x2f\xfd"),
    ],
    ids=["garbage", "layers", "brotli", "zstd"],
)
def test_a_body_compressed_in_no_way_that_was_asked_for_is_refused(way, encoding, body):
    """Layers of compression multiply: they are not unpacked."""
    failure = fail(way, Reply(body, headers={"content-encoding": encoding}))
    assert failure.kind == "bad_response"
    assert "content-encoding" in failure.message


def test_an_error_with_an_endless_body_is_still_that_error(way):
    """The SDKs would read an error body whatever its size; here the status is told, and the beginning of the text."""
    bomb = Reply(BOMB, status=500, headers={"content-encoding": "gzip"})
    cut_after_the_limit = Reply(b"the cable is wet" + b" " * 9_000_000, status=500, drop="midway")
    for reply in (bomb, cut_after_the_limit):
        failure = fail(way, reply)
        assert (failure.kind, failure.status) == ("server", 500)
        assert "the cable is wet" in failure.message


def test_an_error_whose_body_breaks_off_is_still_that_error(way):
    """The status came; that the text did not changes nothing."""
    assert fail(way, replace(error(529), drop="midway")).kind == "overloaded"
    assert fail(way, replace(error(401), body=b"not gzip", headers={"content-encoding": "gzip"})).kind == "auth"


FLOOD = b"HTTP/1.1 200 OK\r\n" + b"".join(b"x%d: %s\r\n" % (i, b"y" * 1000) for i in range(500)) + b"\r\n"


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"SSH-2.0-OpenSSH_9.9\r\n\r\n", id="not HTTP"),
        pytest.param(FLOOD, id="header flood"),
        pytest.param(b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000 + b"\r\n\r\n", id="long header"),
        pytest.param(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", id="bad chunk"),
        pytest.param(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{", id="cut body"),
    ],
)
def test_what_is_not_http_is_a_connection_failure(way, raw):
    """Whatever stands on the port, it is told and nothing is read without a bound."""
    assert fail(way, Reply(raw=raw)).kind == "connection"


def test_an_endless_answer_is_left_at_the_limit(way):
    """Reading stops at the limit: what would have come after it, here a cut connection, is never met."""
    failure = fail(way, Reply(b" " * 41_960_000, drop="midway"))
    assert "larger than" in failure.message


@pytest.mark.parametrize("drop", ["before", "midway"])
def test_a_dropped_connection_is_a_connection_failure(way, drop):
    """Closed before the first byte or in the middle of the body: the kind is connection."""
    assert fail(way, lambda asked: Reply(default_body(asked), drop=drop)).kind == "connection"


def test_nobody_listening_is_a_connection_failure(way):
    """A refused connection is no crash."""
    with LLMServer() as server:
        url = server.url
    with pytest.raises(CallError) as caught:
        ask(way, url)
    assert caught.value.kind == "connection"


@pytest.mark.parametrize(
    "reply", [Reply(chat("x"), drip_s=0.02), Reply(chat("x"), drop="never")], ids=["drip", "silence"]
)
def test_the_deadline_is_for_the_whole_attempt(way, reply):
    """A server that sends a byte now and then never resets the clock."""
    failure = fail(way, reply, timeout_s=0.3)
    assert failure.kind == "timeout"
    assert "0.3 s" in failure.message


def test_a_redirect_is_not_followed(way):
    """The prompt is never sent on to another address."""
    with LLMServer() as other:
        failure = fail(way, Reply({}, status=307, headers={"location": f"{other.url}/v1/leak"}))
        assert other.requests == []
    assert failure.kind == "bad_response"
    assert "redirects" in failure.message


def test_the_key_never_stands_in_a_message(way):
    """A server that echoes the key into its error cannot make us print it."""
    failure = fail(way, error(401, f"Incorrect API key provided: {KEY}"))
    assert "[REDACTED:" in failure.message


@pytest.mark.parametrize("before", [170, 180, 185])
def test_an_excerpt_that_ends_inside_the_key_does_not_show_its_beginning(way, before):
    """Messages are cut at 200 characters; the half of a key that is left is taken out too."""
    for reply in (error(401, "x" * before + KEY), Reply(b"<p>" + b"x" * before + KEY.encode() + b"</p>")):
        assert KEY[:12] not in fail(way, reply).message


@pytest.mark.parametrize(("told", "means"), [("true", True), ("false", False), ("maybe", None)])
def test_a_provider_may_say_whether_to_try_again(way, told, means):
    """x-should-retry arrives as it was said, whatever the status."""
    assert fail(way, error(429, headers={"x-should-retry": told})).should_retry is means


LIMITS = {
    "x-ratelimit-limit-requests": "300",
    "x-ratelimit-remaining-requests": "0",
    "x-ratelimit-reset-requests": "200ms",
}


def test_limits_are_learned_from_answers_and_from_refusals(way):
    """What the headers say of the account's limits reaches the engine with a good and with a bad status."""
    told = RateLimits(requests=RateWindow(300, 0, 0.2))
    assert fail(way, error(429, headers=LIMITS)).limits == told
    with LLMServer(lambda asked: Reply(default_body(asked), headers=LIMITS)) as server:
        assert ask(way, server.url)[0].limits == told


def test_how_long_the_provider_asks_to_wait_is_told(way):
    """A wait beyond the deadline is given up on at once: the message says what was asked."""
    assert "asks to wait 3600 s" in fail(way, error(429, headers={"retry-after": "3600"})).message


def test_a_turn_without_a_word_is_an_empty_answer(way):
    """A normal end without content is what the model had to say: judged (and paid for) as an empty text, never as "None"."""
    empty = {"chat": chat(None), "responses": response(None, output=[]), "anthropic": message(None, content=[])}
    with LLMServer(lambda asked: Reply(empty[way.api])) as server:
        (answer,) = ask(way, server.url)
    assert (answer.text, answer.finish, answer.usage.output_tokens) == ("", "stop", 7)


def test_a_prompt_of_megabytes_arrives_whole(way):
    """aiohttp warns of large bodies in one piece, and here a warning would be an error."""
    long = "word " * 400_000
    request = replace(ASKED[way.api], messages=(Message("user", long),))
    with LLMServer() as server:
        answers(lambda: open_provider(way, server.url), request)
        (got,) = server.requests
    assert got.question == long
    assert int(got.headers["content-length"]) > len(long)


def test_the_proxy_of_the_environment_is_used(way, monkeypatch):
    """Behind a company's proxy the prompt goes to the proxy, unless NO_PROXY names the host."""
    with LLMServer() as proxy, LLMServer() as server:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        assert ask(way, "http://models.test")[0].text == "hello"
        assert [asked.path.partition("/v1")[0] for asked in proxy.requests] == ["http://models.test"]
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        ask(way, server.url)
        assert (len(proxy.requests), len(server.requests)) == (1, 1)


def test_only_compression_that_can_be_bounded_is_accepted(way):
    """Nobody is invited to send what unpacks without a limit."""
    with LLMServer() as server:
        ask(way, server.url)
        assert server.requests[0].headers["accept-encoding"] == "gzip, deflate"


def test_cancelling_is_not_a_failure_of_the_call(way):
    """A cancelled attempt stays a cancellation, so that Ctrl-C stops at once."""

    async def run(server: LLMServer) -> None:
        provider = open_provider(way, server.url)
        task = asyncio.create_task(provider.complete(ASKED[way.api]))
        while not server.requests:
            await asyncio.sleep(0)
        task.cancel()
        try:
            await task
        finally:
            await provider.aclose()

    with LLMServer(lambda asked: Reply({}, delay_s=30)) as server, pytest.raises(asyncio.CancelledError):
        asyncio.run(run(server))


def test_lone_surrogates_are_replaced_and_told(way):
    """A text that no file can hold arrives mended, and says so."""

    def script(asked: Asked) -> Reply:
        return Reply(json.dumps(default_body(asked, "SENTINEL")).replace("SENTINEL", "a\\ud800b").encode())

    with LLMServer(script) as server:
        answer = ask(way, server.url)[0]
    assert answer.text == "a\N{REPLACEMENT CHARACTER}b"
    assert answer.repaired


def test_a_byte_order_mark_and_a_missing_content_type_are_forgiven(way):
    """What is an answer is taken as one, even if its wrapping is sloppy."""

    def script(asked: Asked) -> Reply:
        return Reply(b"\xef\xbb\xbf" + json.dumps(default_body(asked)).encode(), headers={"content-type": "text/plain"})

    with LLMServer(script) as server:
        assert ask(way, server.url)[0].text == "hello"


def test_concurrent_calls_share_the_provider(way):
    """Several calls are in flight at once, each with its own latency."""
    with LLMServer(lambda asked: Reply(default_body(asked), delay_s=0.1)) as server:
        answers = ask(way, server.url, times=6)
        assert server.peak > 1
    assert all(answer.latency_s >= 0.09 for answer in answers)


def test_a_proxy_that_wants_a_login_stops_the_run_with_what_to_do(way, monkeypatch):
    """407 to a plain request and to CONNECT: no other request can escape it, so it is told once, as a wrong key is."""
    with LLMServer(lambda asked: error(407, "who are you?")) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        with pytest.raises(CallError, match="407") as plain:
            ask(way, "http://models.test")
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def refuse() -> None:
            with listener.accept()[0] as client:
                client.recv(65536)
                client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")

        thread = threading.Thread(target=refuse)
        thread.start()
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{listener.getsockname()[1]}")
        with pytest.raises(CallError, match="407") as tunnel:
            ask(way, "https://models.test")
        thread.join()
    for caught in (plain, tunnel):
        assert caught.value.kind == "auth"
        assert "HTTPS_PROXY" in (caught.value.hint or "")
