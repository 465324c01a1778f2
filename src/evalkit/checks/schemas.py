"""JSON Schemas of check parameters: self-contained for editors, and in words for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import BaseModel

EXPRESSION = {
    "type": "string",
    "pattern": r"\{\{.*\}\}",
    "description": "an expression over the case's vars and expect",
}

_WORDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "null",
}


def long_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return the JSON Schema of a model's fields with every ``$ref`` put in place and without titles."""
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})
    found: dict[str, Any] = _inlined(schema, definitions)
    found.setdefault("properties", {})
    found.pop("description", None)
    return found


def _inlined(node: Any, definitions: dict[str, Any]) -> Any:  # noqa: ANN401 - any part of a schema
    if isinstance(node, list):
        return [_inlined(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        name = node["$ref"].rpartition("/")[2]
        rest = {key: value for key, value in node.items() if key != "$ref"}
        return _inlined({**definitions[name], **rest}, definitions)
    found = {
        key: _named(value, definitions) if key == "properties" else _inlined(value, definitions)
        for key, value in node.items()
        if key != "title" and (key, value) != ("default", None)
    }
    return _flat(found) if "anyOf" in found else found


def _flat(node: dict[str, Any]) -> dict[str, Any]:
    """Put the branches of inner ``anyOf``s beside the outer ones, and drop ``null``: leaving a key out says the same."""
    branches = [inner for branch in node["anyOf"] for inner in branch.get("anyOf", [branch])]
    branches = [branch for branch in branches if branch != {"type": "null"}]
    rest = {key: value for key, value in node.items() if key != "anyOf"}
    return {**branches[0], **rest} if len(branches) == 1 else {**rest, "anyOf": branches}


def _named(properties: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    return {name: _inlined(schema, definitions) for name, schema in properties.items()}


def expression_too(node: dict[str, Any]) -> dict[str, Any]:
    """Return the schema with ``{{ expression }}`` allowed in place of every parameter that is not text already."""
    changed = dict(node)
    if "properties" in node:
        changed["properties"] = {name: _or_expression(schema) for name, schema in node["properties"].items()}
    return changed


def _or_expression(node: dict[str, Any]) -> dict[str, Any]:
    branches = [expression_too(branch) for branch in node.get("anyOf", [node])]
    if any(branch.get("type") == "string" and "enum" not in branch for branch in branches):
        return node
    outer = {key: value for key, value in node.items() if key in {"description", "default"}}
    return {**outer, "anyOf": [*branches, EXPRESSION]}


def in_words(schema: dict[str, Any]) -> str:
    """Return what a value must be, in words: ``text or a list of text``."""
    if "anyOf" in schema:
        kinds = [in_words(branch) for branch in schema["anyOf"]]
        return " or ".join(dict.fromkeys(kinds))
    if "enum" in schema:
        return "one of " + ", ".join(str(item) for item in schema["enum"])
    if "const" in schema:
        return repr(schema["const"])
    kind = _WORDS.get(schema.get("type", ""), "any value")
    if kind == "a list" and schema.get("items"):
        inner = in_words(schema["items"])
        return f"a list of {inner.removeprefix('a ')}" + ("s" if inner.startswith("a ") else "")
    if kind == "a mapping" and schema.get("properties"):
        return "{" + ", ".join(f"{name}:" for name in schema["properties"]) + "}"
    return kind
