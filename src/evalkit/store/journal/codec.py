"""Values of ``evalkit.model`` to plain JSON and back, exactly. What a field would be by default is not written."""

from __future__ import annotations

import json
from dataclasses import MISSING, fields, replace
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

_SCALARS = frozenset({str, int, float, bool, type(None)})
_JSON = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"))


@cache
def _cached(kind: Any) -> TypeAdapter[Any]:  # noqa: ANN401 - a class; type[T] is not Hashable to a type checker
    return TypeAdapter(kind)


def _adapter(kind: type[T]) -> TypeAdapter[T]:
    return _cached(cast("Hashable", kind))


def encode(value: Any) -> dict[str, Any]:  # noqa: ANN401 - any dataclass of the model
    """Return a model dataclass as plain JSON (sets sorted), without the fields that have their default.

    Raises StoreError if it holds what JSON cannot, or nests too deep.
    """
    return _encoded(value, brief=True)


def encode_whole(value: Any) -> dict[str, Any]:  # noqa: ANN401 - any dataclass of the model
    """Return a model dataclass as plain JSON with every field. Raises StoreError as :func:`encode` does."""
    return _encoded(value, brief=False)


def decode(kind: type[T], data: object) -> T:
    """Return the dataclass that :func:`encode` was given. Raises StoreError for a missing, wrong or unknown field."""
    try:
        value = _adapter(kind).validate_python(data, extra="forbid")
    except (ValidationError, RecursionError) as error:
        raise StoreError(f"not a {kind.__name__}: {_first(error)}", hint=_hint(error)) from error
    return value


def decode_text(kind: type[T], text: bytes) -> T | None:
    """Return the dataclass that ``text`` holds as JSON, or None if the long way (:func:`decode`) must be gone.

    Three times as fast, but it takes no lone surrogates, and its complaints are those of a parser.
    """
    try:
        value = _adapter(kind).validate_json(text, extra="forbid")
    except (ValidationError, RecursionError):
        return None
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
    return _JSON.encode(value)


def _shallow(tool: ToolCall) -> ToolCall:
    try:
        return replace(tool, arguments=json.dumps(tool.arguments, default=str))
    except (RecursionError, ValueError):
        return replace(tool, arguments="(arguments nested too deep to keep)")


def _encoded(value: Any, *, brief: bool) -> dict[str, Any]:  # noqa: ANN401 - any dataclass of the model
    try:
        return _record(value, MAX_DEPTH, brief=brief)
    except (TypeError, AttributeError) as error:
        raise StoreError(f"cannot write a {type(value).__name__} as JSON: {error}") from error


@cache
def _defaults(kind: Any) -> tuple[tuple[str, Any], ...]:  # noqa: ANN401 - a class; see _cached
    """The fields of a dataclass, each with its default (``MISSING`` if it has none)."""
    return tuple(
        (one.name, one.default if one.default_factory is MISSING else one.default_factory()) for one in fields(kind)
    )


def _record(value: Any, depth: int, *, brief: bool) -> dict[str, Any]:  # noqa: ANN401 - a dataclass
    found = {}
    for name, default in _defaults(value.__class__):
        item = getattr(value, name)
        if brief and (item is default or item == default):
            continue
        found[name] = item if type(item) in _SCALARS else _plain(item, depth - 1, brief=brief)
    return found


def _plain(value: Any, depth: int, *, brief: bool) -> Any:  # noqa: ANN401 - any value of a field
    if value is None or isinstance(value, (str, int, float)):
        return value
    if depth == 0:
        raise TypeError("it is nested too deep")
    if isinstance(value, (list, tuple)):
        return [_plain(item, depth - 1, brief=brief) for item in value]
    if isinstance(value, frozenset):
        return sorted(value)
    if hasattr(value, "__dataclass_fields__"):
        return _record(value, depth, brief=brief)
    return {
        key: item if type(item) in _SCALARS else _plain(item, depth - 1, brief=brief) for key, item in value.items()
    }


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
