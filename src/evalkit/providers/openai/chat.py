"""OpenAI's Chat Completions: a ``Request`` as a JSON body, and the reply as a ``Response``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from evalkit.model.calls import Response, ToolCall, Usage
from evalkit.providers.openai.strict_schema import is_strict
from evalkit.providers.transport.body import Mender, Received, count, served_model

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalkit.model.calls import Finish, Message, Request, Tool

_NAMES: Mapping[str, str] = {
    "temperature": "temperature",
    "top_p": "top_p",
    "max_output_tokens": "max_completion_tokens",
    "seed": "seed",
    "stop": "stop",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
    "reasoning_effort": "reasoning_effort",
    "parallel_tool_calls": "parallel_tool_calls",
    "service_tier": "service_tier",
}
PARAMETERS = frozenset(_NAMES) | {"tool_choice"}
"""The parameters that Chat Completions take, under evalkit's names."""

_FINISH: Mapping[str, Finish] = {
    "stop": "stop",
    "length": "length",
    "content_filter": "filtered",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
}


def keywords(request: Request, *, max_tokens_field: str = "max_completion_tokens") -> dict[str, Any]:
    """Return the JSON body of ``/chat/completions`` for ``request``."""
    body: dict[str, Any] = {
        "model": request.model_name,
        "messages": [_message(message) for message in request.messages],
        **{_NAMES[name]: value for name, value in request.params.items() if name in _NAMES},
    }
    if "max_completion_tokens" in body:
        body[max_tokens_field] = body.pop("max_completion_tokens")
    if request.tools:
        body["tools"] = [{"type": "function", "function": function(tool)} for tool in request.tools]
    choice = request.params.get("tool_choice")
    if choice is not None:
        named = choice not in {"auto", "none", "required"}
        body["tool_choice"] = {"type": "function", "function": {"name": choice}} if named else choice
    if request.output_schema is not None:
        body["response_format"] = {"type": "json_schema", "json_schema": schema_format(request.output_schema)}
    if "top_k" in request.params:
        body["top_k"] = request.params["top_k"]
    return body


def function(tool: Tool) -> dict[str, Any]:
    """Return a tool as OpenAI describes a function."""
    plain = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    return {**plain, "strict": True} if is_strict(tool.parameters) else plain


def schema_format(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the ``json_schema`` part of a response format; strict whenever the schema allows it."""
    return {"name": "answer", "schema": schema, "strict": is_strict(schema)}


def arguments_text(call: ToolCall) -> str:
    """Return a tool call's arguments as the JSON text that OpenAI keeps them in."""
    return call.arguments if isinstance(call.arguments, str) else json.dumps(call.arguments)


def _message(message: Message) -> dict[str, Any]:
    plain: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        plain["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments_text(call)}}
            for call in message.tool_calls
        ]
    if message.role == "tool":
        plain["tool_call_id"] = message.tool_call_id
    return plain


def understand(received: Received) -> Response:
    """Return the answer in a Chat Completions reply. Raises CallError if there is none."""
    data = received.object()
    choices = data.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        raise received.bad("it holds no choice with a message")
    mender = Mender()
    calls = _tool_calls(message.get("tool_calls"), received, mender)
    refusal = message.get("refusal")
    finish = _FINISH.get(str(choice.get("finish_reason")), "unknown")
    content = message.get("content")
    if content is None and (calls or refusal or finish in {"length", "filtered"} or _said_nothing(message, finish)):
        content = ""
    if not isinstance(content, str):
        raise received.bad("the message has no content, tool call or refusal")
    return Response(
        text=mender.text(content),
        finish="refusal" if refusal else finish,
        usage=_usage(data.get("usage")),
        served_model=served_model(data),
        request_id=received.headers.get("x-request-id"),
        tool_calls=calls,
        refusal=mender.text(str(refusal)) if refusal else None,
        repaired=mender.repaired,
    )


def _said_nothing(message: Mapping[str, Any], finish: Finish) -> bool:
    """Whether the model ended normally without a word: servers write that as ``"content": null``."""
    return finish == "stop" and "content" in message


def _tool_calls(raw: object, received: Received, mender: Mender) -> tuple[ToolCall, ...]:
    if not raw:
        return ()
    if not isinstance(raw, list):
        raise received.bad("its tool calls are not a list")
    return tuple(_tool_call(item, received, mender) for item in raw)


def _tool_call(item: object, received: Received, mender: Mender) -> ToolCall:
    called = item.get("function") if isinstance(item, dict) else None
    if not isinstance(item, dict) or not isinstance(called, dict) or not isinstance(called.get("name"), str):
        raise received.bad("a tool call names no function")
    arguments = called.get("arguments")
    return ToolCall(
        id=mender.text(str(item.get("id") or "")),
        name=mender.text(called["name"]),
        arguments=mender.arguments(arguments if isinstance(arguments, str) else json.dumps(arguments)),
    )


def _usage(usage: object) -> Usage:
    return Usage(
        input_tokens=count(usage, "prompt_tokens"),
        output_tokens=count(usage, "completion_tokens"),
        cached_input_tokens=count(usage, "prompt_tokens_details", "cached_tokens"),
        reasoning_tokens=count(usage, "completion_tokens_details", "reasoning_tokens"),
        cache_write_tokens=count(usage, "prompt_tokens_details", "cache_write_tokens"),
    )
