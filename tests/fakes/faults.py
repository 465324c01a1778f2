"""Every fault that a provider or the network before it can show, by name, for each API that is spoken.

``FAULTS[name](asked, nth)`` is the reply to the ``nth`` (from 0) sending of one request. Names follow the mode of trouble, not the class that
evalkit makes of it: that is what the tests are for.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from fakes.llm_server import Asked, Reply, default_body, error
from fakes.llm_streams import STREAM, events

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Fault = Callable[[Asked, int], Reply]

HOUR = 3600
LONG_AFTER = formatdate(4_102_444_800, usegmt=True)
LONG_AGO = formatdate(1_000_000_000, usegmt=True)
FLOOD = b"HTTP/1.1 200 OK\r\n" + b"".join(b"x%d: %s\r\n" % (i, b"y" * 1000) for i in range(500)) + b"\r\n"
BOMB = gzip.compress(b'{"a":"' + b"A" * 30_000_000 + b'"}', compresslevel=1)
HUGE = b'"' + b"A" * 21_000_000 + b'"'


def text(asked: Asked) -> str:
    """A good answer as it goes over the wire."""
    return json.dumps(default_body(asked, "hi"))


def always(reply: Reply) -> Fault:
    """The same whenever it is asked."""
    return lambda asked, nth: reply


def once(reply: Reply) -> Fault:
    """This the first time, then a good answer."""
    return lambda asked, nth: Reply(default_body(asked, "hi")) if nth else reply


def mangled(change: Callable[[str], str | bytes], **headers: str) -> Fault:
    """A good answer whose text on the wire is changed."""

    def fault(asked: Asked, nth: int) -> Reply:
        made = change(text(asked))
        return Reply(made if isinstance(made, bytes) else made.encode(), headers=headers)

    return fault


def shaped(*, chat: Mapping[str, Any], anthropic: Mapping[str, Any]) -> Fault:
    """A whole answer with these members of its (first) message and choice, or top level, replaced."""

    def fault(asked: Asked, nth: int) -> Reply:
        body = default_body(asked, "hi")
        if "messages" in asked.path:
            return Reply({**body, **anthropic})
        choice = body["choices"][0]
        rest = {name: value for name, value in chat.items() if name in {"finish_reason", "choices"}}
        message = {**choice["message"], **{name: chat[name] for name in chat.keys() - rest.keys()}}
        return Reply({**body, "choices": rest.get("choices", [{**choice, **rest, "message": message}])})

    return fault


def without_usage(asked: Asked, nth: int) -> Reply:
    """A good answer that counts nothing."""
    return Reply({name: value for name, value in default_body(asked, "hi").items() if name != "usage"})


def streamed(end: str) -> Fault:
    """A stream: ``whole``; its first half, then ``cut``, clean ``end``, ``error`` or a ``bad`` event; or ``silence`` after the headers."""

    def fault(asked: Asked, nth: int) -> Reply:
        made = events(asked.path, default_body(asked, "hi there"))
        half = b"".join(made[: len(made) // 2])
        if end == "whole":
            return Reply(b"".join(made), headers=STREAM)
        if end == "silence":
            return Reply(half, headers=STREAM, drop="never")
        if end == "cut":
            return Reply(b"".join(made), headers=STREAM, drop="midway")
        told = {"error": {"type": "overloaded_error", "message": "Overloaded", "code": "overloaded_error"}}
        kind = "event: error\n" if "messages" in asked.path else ""
        tails = {"end": "", "error": f"{kind}data: {json.dumps({'type': 'error', **told})}\n\n", "bad": "data: {no\n\n"}
        return Reply(half + tails[end].encode(), headers=STREAM)

    return fault


def limited(**headers: str) -> Reply:
    """A 429 with ``headers``, whose underscores are dashes."""
    return error(429, headers={name.replace("_", "-"): value for name, value in headers.items()})


FAULTS: Mapping[str, Fault] = {
    "ok": lambda asked, nth: Reply(default_body(asked, "hi")),
    **{str(status): always(error(status)) for status in (400, 401, 403, 404, 408, 409, 413, 422, 500, 502, 503, 529)},
    "402": always(error(402, "add credit")),
    "context": always(error(400, "This model's maximum context length is 8192 tokens")),
    "quota": always(error(429, "You exceeded your current quota", code="insufficient_quota")),
    "429": always(limited()),
    "429x1": once(limited()),
    "500x1": once(error(500)),
    "429ra": once(limited(retry_after="0.05")),
    "429ms": once(limited(retry_after_ms="50")),
    "429date": always(limited(retry_after=LONG_AFTER)),
    "429past": once(limited(retry_after=LONG_AGO)),
    "429soon": once(limited(retry_after="soon")),
    "429minus": once(limited(retry_after="-5")),
    "429float": once(limited(retry_after="1e9")),
    "429long": once(limited(retry_after="99999999999999")),
    "429hour": always(limited(retry_after=str(HOUR))),
    "shouldretryfalse": always(limited(x_should_retry="false")),
    "html": always(Reply(b"<html>captive portal</html>", headers={"content-type": "text/html"})),
    "text": mangled(str, **{"content-type": "text/plain"}),
    "cutjson": mangled(lambda whole: whole[: len(whole) // 2]),
    "empty": always(Reply(b"")),
    "null": always(Reply(b"null")),
    "list": always(Reply(b"[]")),
    "nochoices": shaped(chat={"choices": []}, anthropic={"content": 5}),
    "nullcontent": shaped(chat={"content": None}, anthropic={"content": []}),
    "filter": shaped(chat={"content": "", "finish_reason": "content_filter"}, anthropic={"stop_reason": "refusal"}),
    "refusal": shaped(chat={"content": None, "refusal": "I can't"}, anthropic={"stop_reason": "refusal"}),
    "length": shaped(chat={"finish_reason": "length"}, anthropic={"stop_reason": "max_tokens"}),
    "newstop": shaped(chat={"finish_reason": "brand_new"}, anthropic={"stop_reason": "brand_new"}),
    "nousage": without_usage,
    "dupkeys": mangled(lambda whole: whole.replace('"id"', '"id": "first", "id"', 1)),
    "errin200": always(Reply({"error": {"message": "backend overloaded", "type": "server_error"}})),
    "surrogate": mangled(lambda whole: whole.replace('"hi"', '"hi\\ud800"')),
    "nul": mangled(lambda whole: whole.replace('"hi"', '"hi\\u0000"')),
    "bom": mangled(lambda whole: b"\xef\xbb\xbf" + whole.encode()),
    "nan": mangled(lambda whole: whole.replace("{", '{"created": NaN, ', 1)),
    "badutf8": mangled(lambda whole: whole.encode().replace(b'"hi"', b'"hi\xff\xfe"')),
    "deep": always(Reply(b"[" * 100_000 + b"]" * 100_000)),
    "huge": always(Reply(HUGE)),
    "gzipbomb": always(Reply(BOMB, headers={"content-encoding": "gzip"})),
    "badgzip": always(Reply(b"notgzip", headers={"content-encoding": "gzip"})),
    "redirect": always(Reply({}, status=307, headers={"location": "http://127.0.0.1:9/leak"})),
    "close": lambda asked, nth: Reply(default_body(asked), drop="before"),
    "reset": lambda asked, nth: Reply(default_body(asked), drop="reset"),
    "cutbody": lambda asked, nth: Reply(default_body(asked), drop="midway"),
    "headers": always(Reply(raw=FLOOD)),
    "nohttp": always(Reply(raw=b"garbage not http\r\n\r\n")),
    "silence": lambda asked, nth: Reply(default_body(asked), drop="never"),
    "drip": lambda asked, nth: Reply(default_body(asked), drip_s=0.02),
    "dripspaces": always(Reply(b" " * 10_000, drip_s=0.02)),
    "streamok": streamed("whole"),
    "streamcut": streamed("cut"),
    "streamend": streamed("end"),
    "streamerr": streamed("error"),
    "streambad": streamed("bad"),
    "streamhang": streamed("silence"),
}


class Faulty:
    """A script for :class:`fakes.llm_server.LLMServer`: the fault is named in the question, ``fault=<name>`` and perhaps more words; ``counts`` tells how often each was asked."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def __call__(self, asked: Asked) -> Reply:
        name = asked.question.partition("fault=")[2].split()[0].rstrip(".")
        nth = self.counts[name]
        self.counts[name] += 1
        return FAULTS[name](asked, nth)
