"""Values of ``evalkit.model`` to plain JSON and back, exactly."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from evalkit.errors import StoreError
from evalkit.model.calls import Response

if TYPE_CHECKING:
    from collections.abc import Hashable

    from evalkit.model.calls import Call, ToolCall

T = TypeVar("T")

MAX_DEPTH = 200
"""Levels of nesting that a record may have: far below what a JSON reader with a full stack can take."""


@cache
def _cached(kind: Any) -> TypeAdapter[Any]:  # noqa: ANN401 - a class; type[T] is not Hashable to a type checker
    return TypeAdapter(kind)


def _adapter(kind: type[T]) -> TypeAdapter[T]:
    return _cached(cast("Hashable", kind))


def encode(value: Any) -> dict[str, Any]:  # noqa: ANN401 - any dataclass of the model
    """Return a model dataclass as plain JSON (sets sorted). Raises StoreError if it holds what JSON cannot, or nests too deep."""
    try:
        return {name: _plain(getattr(value, name), MAX_DEPTH) for name in value.__dataclass_fields__}
    except (TypeError, AttributeError) as error:
        raise StoreError(f"cannot write a {type(value).__name__} as JSON: {error}") from error


def decode(kind: type[T], data: object) -> T:
    """Return the model dataclass that :func:`encode` was given. Raises StoreError for a missing, wrong or unknown field."""
    try:
        value = _adapter(kind).validate_python(data, extra="forbid")
    except (ValidationError, RecursionError) as error:
        raise StoreError(f"not a {kind.__name__}: {_first(error)}", hint=_hint(error)) from error
    return value


def encode_call(call: Call) -> dict[str, Any]:
    """Return a call as plain JSON. Tool arguments nested too deep for JSON writers are kept as their text."""
    try:
        return encode(call)
    except StoreError:
        if not isinstance(call.reply, Response) or not call.reply.tool_calls:
            raise
        shallow = replace(call.reply, tool_calls=tuple(_shallow(tool) for tool in call.reply.tool_calls))
        return encode(replace(call, reply=shallow))


def dumps(value: object) -> str:
    """Return one line of ASCII JSON. NaN and infinity, which a model can cause, are written as Python writes them."""
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"))


def _shallow(tool: ToolCall) -> ToolCall:
    try:
        return replace(tool, arguments=json.dumps(tool.arguments, default=str))
    except (RecursionError, ValueError):
        return replace(tool, arguments="(arguments nested too deep to keep)")


def _plain(value: Any, depth: int) -> Any:  # noqa: ANN401 - any value of a field
    if value is None or isinstance(value, (str, int, float)):
        return value
    if depth == 0:
        raise TypeError("it is nested too deep")
    if isinstance(value, (list, tuple)):
        return [_plain(item, depth - 1) for item in value]
    if isinstance(value, frozenset):
        return sorted(value)
    if hasattr(value, "__dataclass_fields__"):
        return {name: _plain(getattr(value, name), depth - 1) for name in value.__dataclass_fields__}
    return {key: _plain(item, depth - 1) for key, item in value.items()}


def _first(error: ValidationError | RecursionError) -> str:
    if isinstance(error, RecursionError):
        return "nested too deep"
    found = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return f"{'.'.join(str(part) for part in found['loc'])}: {found['msg']}"


def _hint(error: ValidationError | RecursionError) -> str | None:
    unknown = isinstance(error, ValidationError) and any(
        e["type"] == "unexpected_keyword_argument" for e in error.errors()
    )
    return "it was written by a newer evalkit; upgrade this one" if unknown else None
