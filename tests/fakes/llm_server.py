"""A model server on loopback: OpenAI chat, responses, embeddings, moderations and Anthropic messages, scripted by a function.

Usage::

    with LLMServer(lambda asked: "hello") as server:
        client(base_url=server.url + "/v1")
    assert server.requests[0].body["model"] == "m"

The script takes an :class:`Asked` and returns a text (wrapped into the right answer), a :class:`Reply`, or ``None`` (a default
answer). A whole answer is sent as events if the request says ``stream``. Standard library only.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Literal

from fakes.llm_streams import STREAM, events

if TYPE_CHECKING:
    from types import TracebackType


@dataclass(frozen=True)
class Asked:
    """One request as it came in. ``body`` is its JSON; ``number`` counts from 0 over the server's life; ``port`` is the client's."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    number: int
    port: int = 0

    @property
    def question(self) -> str:
        """The text of the last message or input."""
        messages = self.body.get("messages") or self.body.get("input") or [""]
        last = messages if isinstance(messages, str) else messages[-1]
        content = last.get("content", "") if isinstance(last, dict) else last
        return content if isinstance(content, str) else json.dumps(content)


@dataclass(frozen=True)
class Reply:
    """What to answer: ``body`` as JSON or raw bytes, after ``delay_s``; or a broken connection instead.

    ``drop`` is ``before`` (close without a byte), ``reset`` (the same, rudely), ``midway`` (half of the body) or ``never`` (headers, then
    silence until the server closes). ``drip_s`` sends the body byte by byte with this pause. ``raw`` is written to the socket instead of any HTTP.
    With the header ``transfer-encoding: chunked`` the end of the body is told a moment after the body.
    """

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    drop: Literal["", "before", "reset", "midway", "never"] = ""
    drip_s: float = 0.0
    raw: bytes | None = None


Script = Callable[[Asked], "str | Reply | None"]


def error(status: int, message: str = "boom", *, code: str = "", headers: dict[str, str] | None = None) -> Reply:
    """An error reply that both SDKs understand."""
    body = {"type": "error", "error": {"message": message, "type": code or "some_error", "code": code or None}}
    return Reply(body, status=status, headers=headers or {})


class LLMServer:
    """The server, in a thread of its own while the ``with`` block runs. ``url`` has no path and no slash at its end.

    ``requests`` is what was asked so far, ``peak`` how many at once. A script that raises breaks the connection, and the error is raised
    again at the end of the block.
    """

    def __init__(self, script: Script = lambda asked: None) -> None:
        self.requests: list[Asked] = []
        self.peak = 0
        self._crashes: list[Exception] = []
        self._active = 0
        self._script = script
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._server = _Quiet(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> LLMServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        if self._crashes:
            raise self._crashes[0]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *args: Any) -> None:
                """Nothing is printed."""

            def do_POST(self) -> None:
                outer._serve(self)

            def do_GET(self) -> None:
                outer._serve(self)

        return Handler

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        length = int(handler.headers.get("content-length") or 0)
        raw = handler.rfile.read(length)
        if len(raw) < length:  # the client was killed before it had asked
            handler.close_connection = True
            return
        with self._lock:
            headers = {name.lower(): value for name, value in handler.headers.items()}
            asked = Asked(
                handler.path, headers, json.loads(raw or b"{}"), len(self.requests), handler.client_address[1]
            )
            self.requests.append(asked)
            self._active += 1
            self.peak = max(self.peak, self._active)
        try:
            said = self._script(asked)
        except Exception as error:
            self._crashes.append(error)
            raise
        reply = said if isinstance(said, Reply) else Reply(default_body(asked, said))
        reply = _streamed(asked, reply)
        self._closing.wait(reply.delay_s) if reply.delay_s else None
        with self._lock:
            self._active -= 1
        try:
            self._send(handler, reply)
        except OSError:
            handler.close_connection = True

    def _send(self, handler: BaseHTTPRequestHandler, reply: Reply) -> None:
        if reply.drop in {"before", "reset"}:
            if reply.drop == "reset":  # a close that lingers for no second sends RST
                handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                handler.connection.close()
            handler.close_connection = True
            return
        if reply.raw is not None:
            handler.wfile.write(reply.raw)
            handler.close_connection = True
            return
        body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        handler.send_response(reply.status)
        for name, value in {"content-type": "application/json", **reply.headers}.items():
            handler.send_header(name, value)
        if reply.headers.get("transfer-encoding") == "chunked":
            handler.end_headers()
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(body), body))
            self._closing.wait(0.02)
            handler.wfile.write(b"0\r\n\r\n")
            return
        handler.send_header("content-length", str(len(body)))
        handler.end_headers()
        if reply.drop:
            handler.wfile.write(body[: len(body) // 2] if reply.drop == "midway" else b"")
            handler.wfile.flush()
            handler.close_connection = True
            self._closing.wait(30) if reply.drop == "never" else None
            return
        if not reply.drip_s:
            handler.wfile.write(body)
            return
        for index in range(len(body)):
            handler.wfile.write(body[index : index + 1])
            handler.wfile.flush()
            if self._closing.wait(reply.drip_s):
                return


def _streamed(asked: Asked, reply: Reply) -> Reply:
    """The reply as events, if it was asked for so, is a good one, and is not written out as bytes already."""
    if not asked.body.get("stream") or reply.status != 200 or not isinstance(reply.body, dict):
        return reply
    usage = bool((asked.body.get("stream_options") or {}).get("include_usage"))
    body = b"".join(events(asked.path, reply.body, usage=usage))
    return replace(reply, body=body, headers={**STREAM, **reply.headers})


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is part of many stories, not news."""


def default_body(asked: Asked, text: str | None = None) -> dict[str, Any]:
    """A complete answer for the route that was asked, saying ``text``."""
    text = "hello" if text is None else text
    routes: dict[str, Callable[[], dict[str, Any]]] = {
        "chat/completions": lambda: chat(text, model=asked.body.get("model", "m")),
        "responses": lambda: response(text, model=asked.body.get("model", "m")),
        "messages": lambda: message(text, model=asked.body.get("model", "m")),
        "embeddings": lambda: embeddings(asked.body["input"]),
        "moderations": lambda: moderations(asked.body["input"]),
        "models": lambda: {"object": "list", "data": [{"id": "m", "object": "model", "created": 1, "owned_by": "x"}]},
    }
    return routes[asked.path.partition("?")[0].partition("/v1/")[2]]()


def chat(text: str | None, *, model: str = "m", finish: str | None = "stop", **extra: Any) -> dict[str, Any]:
    """A Chat Completions body; ``extra`` joins the message (``tool_calls``, ``refusal``)."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text, **extra}, "finish_reason": finish}
    usage = {
        "prompt_tokens": 12,
        "completion_tokens": 7,
        "total_tokens": 19,
        "prompt_tokens_details": {"cached_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 3},
    }
    return {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": f"{model}-0001",
        "choices": [choice],
        "usage": usage,
    }


def response(text: str | None, *, model: str = "m", output: list[Any] | None = None, **extra: Any) -> dict[str, Any]:
    """A Responses body; ``output`` replaces the one message, ``extra`` joins the top level (``status``, …)."""
    part = {"type": "output_text", "text": text, "annotations": []}
    item = {"id": "i1", "type": "message", "status": "completed", "role": "assistant", "content": [part]}
    usage = {
        "input_tokens": 12,
        "input_tokens_details": {"cached_tokens": 4},
        "output_tokens": 7,
        "output_tokens_details": {"reasoning_tokens": 3},
        "total_tokens": 19,
    }
    plain = {"id": "r1", "object": "response", "created_at": 1, "status": "completed", "error": None}
    return {**plain, "model": f"{model}-0001", "output": [item] if output is None else output, "usage": usage, **extra}


def message(text: str | None, *, model: str = "m", content: list[Any] | None = None, **extra: Any) -> dict[str, Any]:
    """A Messages body; ``content`` replaces the one text block, ``extra`` joins the top level (``stop_reason``, …)."""
    usage = {
        "input_tokens": 5,
        "cache_creation_input_tokens": 3,
        "cache_read_input_tokens": 4,
        "output_tokens": 7,
        "output_tokens_details": {"thinking_tokens": 3},
    }
    blocks = [{"type": "text", "text": text}] if content is None else content
    plain = {"id": "m1", "type": "message", "role": "assistant", "stop_reason": "end_turn", "stop_sequence": None}
    return {**plain, "model": f"{model}-0001", "content": blocks, "usage": usage, **extra}


def embeddings(texts: list[str]) -> dict[str, Any]:
    """One small vector per text: its length and its number of blanks. Listed backwards, because order is told by ``index``."""
    rows = [
        {"object": "embedding", "index": i, "embedding": [float(len(t)), float(t.count(" "))]}
        for i, t in enumerate(texts)
    ]
    return {"object": "list", "model": "e", "data": rows[::-1], "usage": {"prompt_tokens": 6, "total_tokens": 6}}


def moderations(texts: list[str]) -> dict[str, Any]:
    """Flags ``violence`` in a text that says ``fight``."""
    results = [{"flagged": "fight" in t, "categories": {"hate": False, "violence": "fight" in t}} for t in texts]
    return {"id": "mod1", "model": "mod", "results": results}
