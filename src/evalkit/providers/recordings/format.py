"""The lines of a recording: strict models of what may stand in one, and the way from there to values and back."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from evalkit.errors import FailureKind
from evalkit.model.calls import (
    JSON,
    CallFailure,
    Finish,
    Message,
    Reply,
    Request,
    RequestKind,
    Response,
    Role,
    Tool,
    ToolCall,
    Usage,
)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class _Call(_Strict):
    id: str = ""
    name: str
    arguments: JSON = None


class _Message(_Strict):
    role: Role
    content: str
    tool_calls: list[_Call] = Field(default_factory=list)
    tool_call_id: str | None = None


class _Tool(_Strict):
    name: str
    description: str = ""
    parameters: dict[str, JSON] = Field(default_factory=dict)


class _Request(_Strict):
    messages: list[_Message]
    model: str | None = None
    params: dict[str, JSON] = Field(default_factory=dict)
    tools: list[_Tool] = Field(default_factory=list)
    output_schema: dict[str, JSON] | None = None
    endpoint: str = ""
    repeat: int = Field(default=0, ge=0)
    kind: RequestKind = "chat"


class _Usage(_Strict):
    input_tokens: int | None = Field(default=None, ge=0)
    output_tokens: int | None = Field(default=None, ge=0)
    cached_input_tokens: int | None = Field(default=None, ge=0)
    reasoning_tokens: int | None = Field(default=None, ge=0)
    cache_write_tokens: int | None = Field(default=None, ge=0)


class _Response(_Strict):
    text: str
    finish: Finish = "stop"
    usage: _Usage = Field(default_factory=_Usage)
    latency_s: float | None = Field(default=None, ge=0)
    first_token_s: float | None = Field(default=None, ge=0)
    served_model: str | None = None
    request_id: str | None = None
    tool_calls: list[_Call] = Field(default_factory=list)
    refusal: str | None = None
    repaired: bool = False
    vectors: list[list[float]] = Field(default_factory=list)
    labels: list[str] = Field(default_factory=list)


class _Failure(_Strict):
    kind: FailureKind
    message: str


class Line(_Strict):
    """One line of a recording, as it stands in the file: a ``response``, or the ``failure`` in whose place a fallback answered."""

    model: str
    request: _Request
    response: _Response | None = None
    failure: _Failure | None = None
    key: str | None = None
    recorded_at: str | None = None
    note: str | None = None
    redacted: bool = False

    @model_validator(mode="after")
    def _has_one_reply(self) -> Line:
        if (self.response is None) == (self.failure is None):
            raise ValueError("a line holds either a response or a failure")
        return self


def to_request(line: Line) -> Request:
    """Return the request of a line."""
    asked = line.request
    return Request(
        model=line.model,
        messages=tuple(
            Message(message.role, message.content, _calls(message.tool_calls), message.tool_call_id)
            for message in asked.messages
        ),
        params=asked.params,
        tools=tuple(Tool(tool.name, tool.description, tool.parameters) for tool in asked.tools),
        output_schema=asked.output_schema,
        endpoint=asked.endpoint,
        repeat=asked.repeat,
        kind=asked.kind,
    )


def _calls(calls: list[_Call]) -> tuple[ToolCall, ...]:
    return tuple(ToolCall(call.id, call.name, call.arguments) for call in calls)


def to_reply(line: Line) -> Reply:
    """Return the response of a line, or the failure that stands in its place."""
    if line.response is not None:
        return _to_response(line.response)
    if line.failure is None:
        raise AssertionError("a line holds one of the two")
    return CallFailure(line.failure.kind, line.failure.message, attempts=1)


def _to_response(said: _Response) -> Response:
    return Response(
        text=said.text,
        finish=said.finish,
        usage=Usage(**said.usage.model_dump()),
        latency_s=said.latency_s,
        first_token_s=said.first_token_s,
        served_model=said.served_model,
        request_id=said.request_id,
        tool_calls=_calls(said.tool_calls),
        refusal=said.refusal,
        repaired=said.repaired,
        vectors=tuple(tuple(vector) for vector in said.vectors),
        labels=tuple(said.labels),
    )


def plain_request(request: Request) -> dict[str, Any]:
    """Return a request (its model apart) as a line holds it, without what is the default."""
    optional = {
        "params": dict(request.params),
        "tools": [_plain(tool) for tool in request.tools],
        "output_schema": request.output_schema,
        "endpoint": request.endpoint,
        "repeat": request.repeat,
        "kind": "" if request.kind == "chat" else request.kind,
    }
    messages = [_plain_message(message) for message in request.messages]
    kept = {name: value for name, value in optional.items() if value or name == "output_schema"}
    return {"messages": messages, **{name: value for name, value in kept.items() if value is not None}}


def _plain_message(message: Message) -> dict[str, Any]:
    plain: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        plain["tool_calls"] = [_plain(call) for call in message.tool_calls]
    if message.tool_call_id is not None:
        plain["tool_call_id"] = message.tool_call_id
    return plain


def plain_reply(reply: Reply) -> dict[str, Any]:
    """Return what a line holds of a reply: its ``response``, or its ``failure``."""
    if isinstance(reply, CallFailure):
        return {"failure": {"kind": reply.kind, "message": reply.message}}
    return {"response": _plain_response(reply)}


def _plain_response(response: Response) -> dict[str, Any]:
    """Return a response as a line holds it, without what is the default and what was true of that moment only (limits)."""
    default = Response(response.text)
    changed = {
        field.name: getattr(response, field.name)
        for field in fields(Response)
        if field.name == "text" or getattr(response, field.name) != getattr(default, field.name)
    }
    changed.pop("limits", None)
    if "usage" in changed:
        changed["usage"] = {name: value for name, value in _plain(response.usage).items() if value is not None}
    if "tool_calls" in changed:
        changed["tool_calls"] = [_plain(call) for call in response.tool_calls]
    return changed


def _plain(value: Tool | ToolCall | Usage) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in fields(value)}
