"""A streamed Chat Completion, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evalkit.providers.transport.body import Received

OPTIONS = {"stream": True, "stream_options": {"include_usage": True}}
"""What a request says to be streamed, and to be told its usage in the last chunk."""

_END = b"[DONE]"


class ChatAssembly:
    """Puts chunks together: the first choice's texts and tool calls, the finish reason, the last usage told."""

    def __init__(self) -> None:
        self.began = False
        self.complete = False
        self._head: dict[str, Any] = {}
        self._texts: dict[str, list[str]] = {}
        self._calls: dict[int, dict[str, Any]] = {}
        self._finish: object = None

    def add(self, event: Received) -> None:
        """Take the next chunk, or the end. Raises CallError."""
        if event.body.strip() == _END:
            if self._finish is None:
                raise event.bad("the stream ended without a finish reason")
            self.complete = True
            return
        data = event.object()
        choices = data.get("choices")
        if not isinstance(choices, list):
            raise event.bad("a chunk holds no choices")
        self._head |= {name: data[name] for name in ("model", "usage") if data.get(name) is not None}
        for choice in choices:
            if not isinstance(choice, dict):
                raise event.bad("a choice is no object")
            if choice.get("index", 0) == 0:
                self._choose(choice, event)

    def _choose(self, choice: dict[str, Any], event: Received) -> None:
        delta = choice.get("delta") or {}
        if not isinstance(delta, dict):
            raise event.bad("a delta is no object")
        for name in ("content", "refusal"):
            self._say(name, delta.get(name), event)
        calls = delta.get("tool_calls") or []
        if not isinstance(calls, list):
            raise event.bad("its tool calls are not a list")
        for call in calls:
            self._call(call, event)
        self._finish = choice.get("finish_reason") or self._finish

    def _say(self, name: str, piece: object, event: Received) -> None:
        if piece is None:
            return
        if not isinstance(piece, str):
            raise event.bad(f"the {name} is no text")
        self._texts.setdefault(name, []).append(piece)
        self.began = self.began or piece != ""

    def _call(self, piece: object, event: Received) -> None:
        index = piece.get("index", 0) if isinstance(piece, dict) else None
        called = (piece.get("function") or {}) if isinstance(piece, dict) else None
        if not isinstance(piece, dict) or not isinstance(called, dict) or not isinstance(index, int):
            raise event.bad("a tool call is broken")
        call = self._calls.setdefault(index, {"id": None, "name": None, "arguments": []})
        call["id"] = call["id"] or piece.get("id")
        call["name"] = call["name"] or called.get("name")
        arguments = called.get("arguments") or ""
        if not isinstance(arguments, str):
            raise event.bad("the arguments of a tool call are no text")
        call["arguments"].append(arguments)
        self.began = True

    def body(self) -> dict[str, Any]:
        """Return the completion, as the API sends it unstreamed."""
        calls = [
            {"id": call["id"], "function": {"name": call["name"], "arguments": "".join(call["arguments"])}}
            for _, call in sorted(self._calls.items())
        ]
        texts = {name: "".join(pieces) for name, pieces in self._texts.items()}
        message = {"content": None, **texts, "tool_calls": calls}
        return {**self._head, "choices": [{"message": message, "finish_reason": self._finish}]}
