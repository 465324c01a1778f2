"""Whole answers as the server-sent events that the three APIs would have streamed them in."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

STREAM = {"content-type": "text/event-stream; charset=utf-8"}


def events(asked_path: str, body: dict[str, Any], *, usage: bool = True) -> list[bytes]:
    """The events of ``body`` on the route that was asked; ``usage`` is whether a chat was asked to tell it."""
    route = asked_path.partition("?")[0].partition("/v1/")[2]
    if route == "chat/completions":
        return [event(chunk) for chunk in chat_chunks(body, usage=usage)] + [b"data: [DONE]\n\n"]
    made = message_events(body) if route == "messages" else response_events(body)
    return [event(one, name=one["type"]) for one in made]


def event(data: Any, *, name: str = "") -> bytes:
    """One event, its data as JSON."""
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(data)}\n\n".encode()


def pieces(text: str) -> list[str]:
    """A text in tokens of three characters."""
    return [text[i : i + 3] for i in range(0, len(text), 3)]


def chat_chunks(body: dict[str, Any], *, usage: bool) -> Iterator[dict[str, Any]]:
    """The chunks of a chat completion."""
    head = {"id": body["id"], "object": "chat.completion.chunk", "model": body["model"]}
    (choice,) = body["choices"]
    message = choice["message"]

    def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        return {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], "usage": None}

    yield chunk({"role": "assistant", "content": None if message["content"] is None else ""})
    for name in ("content", "refusal"):
        for piece in pieces(message.get(name) or ""):
            yield chunk({name: piece})
    for index, call in enumerate(message.get("tool_calls") or []):
        called = call["function"]
        start = {"index": index, "id": call["id"], "type": "function"}
        yield chunk({"tool_calls": [{**start, "function": {"name": called["name"], "arguments": ""}}]})
        for piece in pieces(called["arguments"]):
            yield chunk({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
    yield chunk({}, choice["finish_reason"])
    if usage and "usage" in body:
        yield {**head, "choices": [], "usage": body["usage"]}


def response_events(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The events of a response."""
    yield {"type": "response.created", "response": {**body, "status": "in_progress", "output": [], "usage": None}}
    for item in body["output"]:
        for part in item.get("content") or []:
            for piece in pieces(part.get("text") or ""):
                yield {"type": "response.output_text.delta", "delta": piece}
        yield {"type": "response.output_item.done", "item": item}
    yield {"type": f"response.{body['status']}", "response": body}


def message_events(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The events of a message. The output is counted at the end; at the start it is one token."""
    usage = body.get("usage")
    start = {**body, "content": [], "stop_reason": None, "usage": usage and {**usage, "output_tokens": 1}}
    yield {"type": "message_start", "message": start}
    yield {"type": "ping"}
    for index, block in enumerate(body["content"]):
        yield from _block_events(index, block)
    delta = {name: body.get(name) for name in ("stop_reason", "stop_sequence", "stop_details")}
    yield {"type": "message_delta", "delta": delta, "usage": usage and {"output_tokens": usage.get("output_tokens")}}
    yield {"type": "message_stop"}


def _block_events(index: int, block: dict[str, Any]) -> Iterator[dict[str, Any]]:
    kind = block["type"]
    name, told = {
        "text": ("text", block.get("text") or ""),
        "thinking": ("thinking", block.get("thinking") or ""),
        "tool_use": ("partial_json", json.dumps(block.get("input"))),
    }[kind]
    empty = {"text": {"text": ""}, "thinking": {"thinking": ""}, "tool_use": {"input": {}}}[kind]
    delta = {"text": "text_delta", "thinking": "thinking_delta", "tool_use": "input_json_delta"}[kind]
    yield {"type": "content_block_start", "index": index, "content_block": {**block, **empty}}
    for piece in pieces(told):
        yield {"type": "content_block_delta", "index": index, "delta": {"type": delta, name: piece}}
    yield {"type": "content_block_stop", "index": index}
