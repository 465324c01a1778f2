"""Whether OpenAI's structured output takes a JSON Schema in strict mode."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from evalkit.model.calls import JSON

_KEYWORDS = frozenset({
    "$defs",
    "$ref",
    "additionalProperties",
    "anyOf",
    "const",
    "description",
    "enum",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "items",
    "maxItems",
    "maximum",
    "minItems",
    "minimum",
    "multipleOf",
    "pattern",
    "properties",
    "required",
    "title",
    "type",
})
_MAX_DEPTH = 10


def is_strict(schema: Mapping[str, JSON]) -> bool:
    """Return whether ``schema`` may be sent with ``strict: true``.

    The rules are those of OpenAI's guide "Structured model outputs": the root is an object without ``anyOf``; every object
    closes with ``additionalProperties: false`` and requires all its properties; only a part of JSON Schema's keywords is
    known; at most ten levels. A schema that breaks one would be answered with status 400.
    """
    return schema.get("type") == "object" and "anyOf" not in schema and _strict(schema, 0)


def _strict(schema: Any, depth: int) -> bool:  # noqa: ANN401 - any part of a schema
    if not isinstance(schema, dict) or depth > _MAX_DEPTH or not schema.keys() <= _KEYWORDS:
        return False
    if (schema.get("type") == "object" or "properties" in schema) and not _closed(schema):
        return False
    return all(_strict(part, depth + 1) for part in _parts(schema))


def _closed(schema: Mapping[str, Any]) -> bool:
    properties, required = schema.get("properties", {}), schema.get("required", [])
    if not isinstance(properties, dict) or not isinstance(required, (list, tuple)):
        return False
    return schema.get("additionalProperties") is False and set(properties) == set(map(str, required))


def _parts(schema: Mapping[str, Any]) -> Iterator[Any]:
    for name in ("properties", "$defs"):
        named = schema.get(name, {})
        yield from named.values() if isinstance(named, dict) else [None]
    if "items" in schema:
        yield schema["items"]
    variants = schema.get("anyOf", [])
    yield from variants if isinstance(variants, list) else [None]
