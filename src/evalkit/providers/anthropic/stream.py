"""A streamed reply of Anthropic's Messages API, put together."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evalkit.providers.transport.body import Received

OPTIONS = {"stream": True}
"""What a request says to be streamed."""

_PIECE = {"text_delta": "text", "input_json_delta": "partial_json"}


class MessageAssembly:
    """Puts events together: the message's head, its blocks piece by piece, and what the last events add to it."""

    def __init__(self) -> None:
        self.began = False
        self.complete = False
        self._message: dict[str, Any] = {}
        self._usage: dict[str, Any] = {}
        self._blocks: dict[int, dict[str, Any]] = {}
        self._pieces: dict[int, list[str]] = {}

    def add(self, event: Received) -> None:
        """Take the next event; one of an unknown type is passed over. Raises CallError."""
        data = event.object()
        match data.get("type"):
            case "message_start":
                self._change(_part(data, "message", event))
            case "content_block_start":
                self._blocks[_index(data, event)] = _part(data, "content_block", event)
            case "content_block_delta":
                self._grow(_index(data, event), _part(data, "delta", event), event)
            case "message_delta":
                self._change({**_part(data, "delta", event), "usage": data.get("usage")})
            case "message_stop":
                if self._message.get("stop_reason") is None:
                    raise event.bad("the stream ended without a stop reason")
                self.complete = True

    def _change(self, news: dict[str, Any]) -> None:
        usage = news.get("usage")
        if isinstance(usage, dict):  # told at the start, and again at the end where it has changed
            self._usage |= {name: value for name, value in usage.items() if value is not None}
        self._message |= {name: value for name, value in news.items() if value is not None and name != "usage"}

    def _grow(self, index: int, delta: dict[str, Any], event: Received) -> None:
        name = _PIECE.get(str(delta.get("type")))
        if name is None:
            return
        piece = delta.get(name)
        if index not in self._blocks or not isinstance(piece, str):
            raise event.bad("a delta belongs to no block, or is no text")
        self._pieces.setdefault(index, []).append(piece)
        self.began = self.began or piece != ""

    def body(self) -> dict[str, Any]:
        """Return the message, as the API sends it unstreamed."""
        content = [_grown(block, "".join(self._pieces.get(index, ()))) for index, block in sorted(self._blocks.items())]
        return {**self._message, "usage": self._usage, "content": content}


def _grown(block: dict[str, Any], told: str) -> dict[str, Any]:
    if block.get("type") == "text":
        return {**block, "text": f"{block.get('text') or ''}{told}"}
    if block.get("type") == "tool_use" and told:
        return {**block, "input": _input(told)}
    return block


def _input(told: str) -> object:
    """The input of a tool call: JSON, or the text itself if a token limit cut it."""
    try:
        value: object = json.loads(told)
    except (ValueError, RecursionError):
        return told
    return value


def _part(data: dict[str, Any], name: str, event: Received) -> dict[str, Any]:
    part = data.get(name)
    if not isinstance(part, dict):
        raise event.bad(f"an event holds no {name}")
    return part


def _index(data: dict[str, Any], event: Received) -> int:
    index = data.get("index")
    if not isinstance(index, int):
        raise event.bad("a block has no index")
    return index
