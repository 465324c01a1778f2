"""OpenAI's Responses API: a ``Request`` as a JSON body, and the reply as a ``Response``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalkit.model.calls import Response, ToolCall, Usage
from evalkit.providers.openai.chat import arguments_text, function, schema_format
from evalkit.providers.transport.body import Mender, Received, count, served_model

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from evalkit.model.calls import Finish, Message, Request

_NAMES = ("temperature", "top_p", "max_output_tokens", "parallel_tool_calls", "service_tier")
PARAMETERS = frozenset(_NAMES) | {"reasoning_effort", "tool_choice"}
"""The parameters that the Responses API takes, under evalkit's names."""


def keywords(request: Request) -> dict[str, Any]:
    """Return the JSON body of ``/responses`` for ``request``. Nothing is stored at the provider."""
    params = request.params
    body: dict[str, Any] = {
        "model": request.model_name,
        "input": [item for message in request.messages for item in _items(message)],
        "store": False,
        **{name: params[name] for name in _NAMES if name in params},
    }
    if "reasoning_effort" in params:
        body["reasoning"] = {"effort": params["reasoning_effort"]}
    if request.tools:
        body["tools"] = [{"type": "function", "strict": False, **function(tool)} for tool in request.tools]
    choice = params.get("tool_choice")
    if choice is not None:
        named = choice not in {"auto", "none", "required"}
        body["tool_choice"] = {"type": "function", "name": choice} if named else choice
    if request.output_schema is not None:
        body["text"] = {"format": {"type": "json_schema", **schema_format(request.output_schema)}}
    return body


def _items(message: Message) -> Iterator[dict[str, Any]]:
    if message.role == "tool":
        yield {"type": "function_call_output", "call_id": message.tool_call_id, "output": message.content}
        return
    if message.content or not message.tool_calls:
        yield {"role": message.role, "content": message.content}
    for call in message.tool_calls:
        yield {"type": "function_call", "call_id": call.id, "name": call.name, "arguments": arguments_text(call)}


def understand(received: Received) -> Response:
    """Return the answer in a Responses reply. Raises CallError if there is none."""
    data = received.object()
    output = data.get("output")
    if not isinstance(output, list) or not all(isinstance(item, dict) for item in output):
        raise received.bad("it holds no output")
    mender = Mender()
    text, refusal = _texts(output, mender)
    calls = tuple(_tool_call(item, received, mender) for item in output if item.get("type") == "function_call")
    finish = _finish(data, received)
    said_nothing = data.get("status") == "completed"  # the model ended normally without a word
    if text is None and not (calls or refusal or said_nothing or finish in {"length", "filtered"}):
        raise received.bad("the output has no text, tool call or refusal")
    return Response(
        text=text or "",
        finish="refusal" if refusal else "tool_calls" if calls and finish == "stop" else finish,
        usage=_usage(data.get("usage")),
        served_model=served_model(data),
        request_id=received.headers.get("x-request-id"),
        tool_calls=calls,
        refusal=refusal,
        repaired=mender.repaired,
    )


def _texts(output: list[dict[str, Any]], mender: Mender) -> tuple[str | None, str | None]:
    parts = [
        part
        for item in output
        if item.get("type") == "message" and isinstance(item.get("content"), list)
        for part in item["content"]
        if isinstance(part, dict)
    ]
    texts = [part["text"] for part in parts if part.get("type") == "output_text" and isinstance(part.get("text"), str)]
    refusals = [str(part.get("refusal")) for part in parts if part.get("type") == "refusal"]
    text = mender.text("".join(texts)) if texts else None
    return text, mender.text("\n".join(refusals)) if refusals else None


def _tool_call(item: Mapping[str, Any], received: Received, mender: Mender) -> ToolCall:
    name, arguments = item.get("name"), item.get("arguments")
    if not isinstance(name, str) or not isinstance(arguments, str):
        raise received.bad("a tool call names no function or has no arguments")
    return ToolCall(
        id=mender.text(str(item.get("call_id") or "")),
        name=mender.text(name),
        arguments=mender.arguments(arguments),
    )


def _finish(data: Mapping[str, Any], received: Received) -> Finish:
    status = data.get("status")
    if status in {None, "completed"}:
        return "stop"
    if status == "incomplete":
        details = data.get("incomplete_details")
        reason = details.get("reason") if isinstance(details, dict) else None
        known: dict[str, Finish] = {"max_output_tokens": "length", "content_filter": "filtered"}
        return known.get(str(reason), "unknown")
    raise received.bad("its status is neither completed nor incomplete")


def _usage(usage: object) -> Usage:
    return Usage(
        input_tokens=count(usage, "input_tokens"),
        output_tokens=count(usage, "output_tokens"),
        cached_input_tokens=count(usage, "input_tokens_details", "cached_tokens"),
        reasoning_tokens=count(usage, "output_tokens_details", "reasoning_tokens"),
        cache_write_tokens=count(usage, "input_tokens_details", "cache_write_tokens"),
    )
