"""Anthropic's Messages API: a ``Request`` as a JSON body, and the reply as a ``Response``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalkit.model.calls import Response, ToolCall, Usage
from evalkit.providers.transport.body import Mender, Received, count, served_model, tame

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalkit.model.calls import Finish, Message, Request

DEFAULT_MAX_TOKENS = 4096
"""What ``max_tokens`` is when a request does not say: the API demands one."""

PARAMETERS = frozenset({
    "max_output_tokens",
    "stop",
    "reasoning_effort",
    "tool_choice",
    "parallel_tool_calls",
    "service_tier",
})
"""The parameters that the Messages API takes, under evalkit's names."""

SAMPLING = frozenset({"temperature", "top_p", "top_k"})
"""Taken until API version 2023-06-01, refused (status 400) by 2026-10-21: Anthropic's guide "Migrate to 2026-10-21"."""

EFFORTS = ("low", "medium", "high", "xhigh", "max")

_FINISH: Mapping[str, Finish] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "refusal",
}


def keywords(request: Request) -> dict[str, Any]:
    """Return the JSON body of ``/v1/messages`` for ``request``. All system messages become one ``system`` text."""
    params = request.params
    body: dict[str, Any] = {
        "model": request.model_name,
        "max_tokens": params.get("max_output_tokens", DEFAULT_MAX_TOKENS),
        "messages": _messages(request.messages),
    }
    system = "\n\n".join(message.content for message in request.messages if message.role == "system")
    if system:
        body["system"] = system
    if "stop" in params:
        body["stop_sequences"] = params["stop"]
    if "service_tier" in params:
        body["service_tier"] = params["service_tier"]
    if request.tools:
        body["tools"] = [
            {"name": tool.name, "description": tool.description, "input_schema": tool.parameters}
            for tool in request.tools
        ]
    body |= {name: value for name, value in params.items() if name in SAMPLING}
    parts = {"tool_choice": _tool_choice(request), "output_config": _output_config(request)}
    return body | {name: part for name, part in parts.items() if part}


def _tool_choice(request: Request) -> dict[str, Any]:
    choice = request.params.get("tool_choice")
    parallel = request.params.get("parallel_tool_calls")
    if choice is None and (parallel is None or not request.tools):
        return {}
    kinds = {None: "auto", "auto": "auto", "none": "none", "required": "any"}
    chosen: dict[str, Any] = {"type": kinds[choice]} if choice in kinds else {"type": "tool", "name": choice}
    if parallel is not None and choice != "none":
        chosen["disable_parallel_tool_use"] = not parallel
    return chosen


def _output_config(request: Request) -> dict[str, Any]:
    config: dict[str, Any] = {}
    if "reasoning_effort" in request.params:
        config["effort"] = request.params["reasoning_effort"]
    if request.output_schema is not None:
        config["format"] = {"type": "json_schema", "schema": _sent_schema(request.output_schema)}
    return config


def _sent_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``schema`` in the subset that the API takes, by the SDK's own converter; as it is if that cannot convert it."""
    from anthropic import transform_schema

    plain = dict(schema)
    try:
        return transform_schema(plain)
    except (ValueError, TypeError, AttributeError, AssertionError):  # what it raises for a schema it does not know
        return plain


def _messages(messages: tuple[Message, ...]) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []
    for message in messages:
        if message.role == "system":
            continue
        one = _message(message)
        together = (
            message.role == "tool" and sent and isinstance(sent[-1]["content"], list) and sent[-1]["role"] == "user"
        )
        if together:
            sent[-1]["content"].extend(one["content"])
        else:
            sent.append(one)
    return sent


def _message(message: Message) -> dict[str, Any]:
    if message.role == "tool":
        result = {"type": "tool_result", "tool_use_id": message.tool_call_id, "content": message.content}
        return {"role": "user", "content": [result]}
    if not message.tool_calls:
        return {"role": message.role, "content": message.content}
    blocks: list[dict[str, Any]] = [{"type": "text", "text": message.content}] if message.content else []
    blocks += [
        {"type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments} for call in message.tool_calls
    ]
    return {"role": message.role, "content": blocks}


def understand(received: Received) -> Response:
    """Return the answer in a Messages reply. Raises CallError if there is none."""
    data = received.object()
    blocks = data.get("content")
    if not isinstance(blocks, list) or not all(isinstance(block, dict) for block in blocks):
        raise received.bad("it holds no content blocks")
    mender = Mender()
    texts = [block["text"] for block in blocks if block.get("type") == "text" and isinstance(block.get("text"), str)]
    calls = tuple(_tool_call(block, received, mender) for block in blocks if block.get("type") == "tool_use")
    finish = _FINISH.get(str(data.get("stop_reason")), "unknown")
    # Empty content with "end_turn" is a turn in which the model had nothing to say: an answer, and a billed one.
    if not texts and not calls and finish not in {"stop", "length", "refusal"}:
        raise received.bad("the content has no text or tool call")
    text = mender.text("".join(texts))
    return Response(
        text=text,
        finish=finish,
        usage=_usage(data.get("usage")),
        served_model=served_model(data),
        request_id=received.headers.get("request-id"),
        tool_calls=calls,
        refusal=_refusal(data, text, mender) if finish == "refusal" else None,
        repaired=mender.repaired,
    )


def _tool_call(block: Mapping[str, Any], received: Received, mender: Mender) -> ToolCall:
    name, arguments = block.get("name"), block.get("input")
    if not isinstance(name, str) or not tame(arguments):
        raise received.bad("a tool call names no tool, or its input is nested too deeply")
    return ToolCall(
        id=mender.text(str(block.get("id") or "")), name=mender.text(name), arguments=mender.json(arguments)
    )


def _refusal(data: Mapping[str, Any], text: str, mender: Mender) -> str:
    """What the refusal says: the explanation, else its category, else the text so far."""
    details = data.get("stop_details")
    found = [details.get("explanation"), details.get("category")] if isinstance(details, dict) else []
    said = next((item for item in found if isinstance(item, str) and item), None)
    return mender.text(said) if said else text or "refused without an explanation"


def _usage(usage: object) -> Usage:
    """Count cached tokens as input, which Anthropic reports apart; unknown if the plain input is."""
    plain = count(usage, "input_tokens")
    read, written = count(usage, "cache_read_input_tokens"), count(usage, "cache_creation_input_tokens")
    return Usage(
        input_tokens=None if plain is None else plain + (read or 0) + (written or 0),
        output_tokens=count(usage, "output_tokens"),
        cached_input_tokens=read,
        reasoning_tokens=count(usage, "output_tokens_details", "thinking_tokens"),
        cache_write_tokens=written,
    )
