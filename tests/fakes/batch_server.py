"""Both vendors' batch APIs on loopback: files and batches of OpenAI, message batches of Anthropic, finished when a test says so.

Usage::

    with BatchServer(lambda asked: "hello") as server:
        …hand in…
        server.finish()
        …take in…
    assert server.live == []

``answer`` is a script as :class:`fakes.llm_server.LLMServer` takes it; it is called once for each request when its batch finishes.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import parse_qs, urlsplit

from fakes.llm_server import Asked, Reply, Script, _Quiet, default_body

if TYPE_CHECKING:
    from types import TracebackType

Outcome = Literal["answered", "expired", "lost"]
Fault = Callable[[str, str], "Reply | None"]
"""Told method and path, may answer in the server's place. A ``Reply`` with ``drop`` breaks the connection after the work was done, ``midway`` in the reply."""


@dataclass
class FakeBatch:
    """A batch at the vendor. ``entries`` are ``(custom id, path, body)``."""

    id: str
    vendor: Literal["openai", "anthropic"]
    entries: list[tuple[str, str, dict[str, Any]]]
    facts: dict[str, Any]
    created: float = field(default_factory=time.time)
    status: str = "in_progress"
    lines: list[dict[str, Any]] = field(default_factory=list)
    errors: list[dict[str, Any]] = field(default_factory=list)


class BatchServer:
    """The server, in a thread of its own while the ``with`` block runs."""

    def __init__(self, answer: Script = lambda asked: None, *, page: int = 100) -> None:
        self.batches: dict[str, FakeBatch] = {}
        self.live: list[str] = []
        self.asked: list[tuple[str, str]] = []
        self.outcomes: Callable[[str, dict[str, Any]], Outcome] = lambda key, body: "answered"
        self.fault: Fault = lambda method, path: None
        self.extra_lines: list[dict[str, Any]] = []
        self.answer = answer
        self._page = page
        self._files: dict[str, bytes] = {}
        self._number = 0
        self._lock = threading.Lock()
        self._server = _Quiet(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> BatchServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    # -- what a test does ---------------------------------------------------------------------------------------

    @property
    def custom_ids(self) -> list[str]:
        """Every custom id that was ever handed in."""
        return [key for batch in self.batches.values() for key, _, _ in batch.entries]

    def finish(self, *, status: str = "completed", errors: list[dict[str, Any]] | None = None) -> None:
        """Finish every open batch, its results in reverse order. ``status`` is OpenAI's; ``failed`` takes ``errors``."""
        for batch in self.batches.values():
            if batch.status != "in_progress":
                continue
            batch.status = status
            if status == "failed":
                batch.facts["errors"] = {"object": "list", "data": errors or []}
                continue
            for key, path, body in reversed(batch.entries):
                self._finish_one(batch, key, path, body)
            batch.lines += self.extra_lines

    def _finish_one(self, batch: FakeBatch, key: str, path: str, body: dict[str, Any]) -> None:
        outcome = self.outcomes(key, body)
        if outcome == "lost":
            return
        make = _openai_line if batch.vendor == "openai" else _anthropic_line
        said = self.answer(Asked(path, {}, body, 0)) if outcome == "answered" else None
        reply = said if isinstance(said, Reply) else Reply(default_body(Asked(path, {}, body, 0), said))
        line = make(key, None if outcome == "expired" else reply)
        failed = batch.vendor == "openai" and (outcome == "expired" or reply.status >= 300)
        (batch.errors if failed else batch.lines).append(line)

    # -- the protocol -------------------------------------------------------------------------------------------

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args: Any) -> None:
                """Nothing is printed."""

            def do_POST(self) -> None:
                outer._serve(self, self.rfile.read(int(self.headers.get("content-length") or 0)))

            def do_GET(self) -> None:
                outer._serve(self, b"")

        return Handler

    def _serve(self, handler: BaseHTTPRequestHandler, raw: bytes) -> None:
        parts = urlsplit(handler.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        with self._lock:
            self.asked.append((handler.command, parts.path))
            fault = self.fault(handler.command, parts.path)
            if fault is not None and not fault.drop:
                reply = fault
            else:
                body = self._route(handler.command, parts.path, query, raw)
                reply = Reply(body, status=404 if body is None else 200, drop=fault.drop if fault else "")
        if reply.drop == "before":
            handler.close_connection = True
            return
        data = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        handler.send_response(reply.status)
        for name, value in {"content-type": "application/json", **reply.headers}.items():
            handler.send_header(name, value)
        handler.send_header("content-length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data[: len(data) // 2] if reply.drop else data)
        handler.close_connection = bool(reply.drop)

    def _route(self, method: str, path: str, query: dict[str, str], raw: bytes) -> Any:
        words = path.removeprefix("/v1/").split("/")
        return self._posted(words, path, raw) if method == "POST" else self._got(words, query)

    def _posted(self, words: list[str], path: str, raw: bytes) -> Any:
        match words:
            case ["files"]:
                return self._uploaded(raw)
            case ["batches"]:
                return _openai(self._made_openai(json.loads(raw)))
            case ["messages", "batches"]:
                return self._anthropic(self._made_anthropic(json.loads(raw)))
        self.live.append(path)
        return None

    def _got(self, words: list[str], query: dict[str, str]) -> Any:
        match words:
            case ["files", file, "content"]:
                return self._content(file)
            case ["batches"]:
                return self._list("openai", query.get("after"), _openai)
            case ["messages", "batches"]:
                return self._list("anthropic", query.get("after_id"), self._anthropic)
            case ["batches", name] if name in self.batches:
                return _openai(self.batches[name])
            case ["messages", "batches", name] if name in self.batches:
                return self._anthropic(self.batches[name])
            case ["messages", "batches", name, "results"]:
                return _jsonl(self.batches[name].lines)
        return None

    def _name(self, kind: str) -> str:
        self._number += 1
        return f"{kind}_{self._number:03}"

    def _uploaded(self, raw: bytes) -> dict[str, Any]:
        """The one file of a multipart body: what stands between the first empty line after ``filename`` and the boundary."""
        boundary = raw.partition(b"\r\n")[0]
        part = next(part for part in raw.split(boundary) if b"filename=" in part)
        name = self._name("file")
        self._files[name] = part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n")
        return {"id": name, "object": "file", "bytes": len(self._files[name]), "purpose": "batch", "created_at": 1}

    def _made_openai(self, asked: dict[str, Any]) -> FakeBatch:
        lines = [json.loads(line) for line in self._files[asked["input_file_id"]].splitlines()]
        assert all(line["url"] == asked["endpoint"] for line in lines)
        assert len({line["body"]["model"] for line in lines}) == 1
        entries = [(line["custom_id"], line["url"], line["body"]) for line in lines]
        return self._kept(FakeBatch(self._name("batch"), "openai", entries, dict(asked)))

    def _made_anthropic(self, asked: dict[str, Any]) -> FakeBatch:
        entries = [(item["custom_id"], "/v1/messages", item["params"]) for item in asked["requests"]]
        return self._kept(FakeBatch(self._name("msgbatch"), "anthropic", entries, {}))

    def _kept(self, batch: FakeBatch) -> FakeBatch:
        assert len({key for key, _, _ in batch.entries}) == len(batch.entries)
        assert all(len(key) <= 64 for key, _, _ in batch.entries)
        self.batches[batch.id] = batch
        return batch

    def _content(self, file: str) -> bytes | None:
        kind, _, name = file.partition(":")
        batch = self.batches[name]
        return _jsonl(batch.lines if kind == "out" else batch.errors)

    def _list(self, vendor: str, after: str | None, show: Callable[[FakeBatch], dict[str, Any]]) -> dict[str, Any]:
        newest = [batch for batch in reversed(self.batches.values()) if batch.vendor == vendor]
        start = next((i + 1 for i, batch in enumerate(newest) if batch.id == after), 0)
        shown = newest[start : start + self._page]
        more = start + self._page < len(newest)
        return {"object": "list", "data": [show(batch) for batch in shown], "has_more": more}

    def _anthropic(self, batch: FakeBatch) -> dict[str, Any]:
        open_ = batch.status == "in_progress"
        total = len(batch.entries)
        counts = {"processing": total if open_ else 0, "succeeded": 0 if open_ else total}
        return {
            "id": batch.id,
            "type": "message_batch",
            "processing_status": "in_progress" if open_ else "ended",
            "request_counts": {**counts, "errored": 0, "canceled": 0, "expired": 0},
            "created_at": datetime.fromtimestamp(batch.created, UTC).isoformat(),
            "expires_at": datetime.fromtimestamp(batch.created + 86400, UTC).isoformat(),
            "results_url": None if open_ else f"{self.url}/v1/messages/batches/{batch.id}/results",
        }


def _openai(batch: FakeBatch) -> dict[str, Any]:
    return {
        "id": batch.id,
        "object": "batch",
        **batch.facts,
        "status": batch.status,
        "created_at": int(batch.created),
        "output_file_id": f"out:{batch.id}" if batch.lines else None,
        "error_file_id": f"err:{batch.id}" if batch.errors else None,
        "request_counts": {"total": len(batch.entries), "completed": len(batch.lines), "failed": len(batch.errors)},
    }


def _openai_line(key: str, reply: Reply | None) -> dict[str, Any]:
    if reply is None:
        told = {"code": "batch_expired", "message": "This request could not be executed before the window expired."}
        return {"id": "x", "custom_id": key, "response": None, "error": told}
    response = {"status_code": reply.status, "request_id": f"req-{key[:8]}", "body": reply.body}
    return {"id": "x", "custom_id": key, "response": response, "error": None}


def _anthropic_line(key: str, reply: Reply | None) -> dict[str, Any]:
    if reply is None:
        return {"custom_id": key, "result": {"type": "expired"}}
    if reply.status >= 300:
        return {"custom_id": key, "result": {"type": "errored", "error": reply.body}}
    return {"custom_id": key, "result": {"type": "succeeded", "message": reply.body}}


def _jsonl(lines: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)
