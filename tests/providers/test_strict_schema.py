"""When a schema may be sent as strict: everything that OpenAI would refuse must be told apart."""

from __future__ import annotations

import pytest

from evalkit.providers.openai.strict_schema import is_strict


def closed(**properties):
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


NESTED = {"type": "string"}
for _ in range(20):
    NESTED = {"type": "array", "items": NESTED}


@pytest.mark.parametrize(
    "schema",
    [
        closed(),
        closed(a={"type": "string", "enum": ["x"]}, b={"type": ["integer", "null"], "minimum": 0}),
        closed(a={"type": "array", "items": closed(b={"type": "string"})}),
        closed(a={"anyOf": [{"type": "string"}, closed(b={"type": "null"})]}),
        closed(a={"$ref": "#/$defs/x"}) | {"$defs": {"x": closed(a={"type": "string"})}},
    ],
)
def test_a_closed_schema_is_strict(schema):
    """Every object closed, every property required, only known keywords."""
    assert is_strict(schema)


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "string"},
        {"anyOf": [closed()], **closed()},
        {"type": "object"},
        {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
        {**closed(a={"type": "string"}), "required": []},
        {**closed(), "additionalProperties": True},
        {**closed(), "required": "a"},
        {**closed(), "properties": []},
        closed(a={"type": "string", "minLength": 2}),
        closed(a={"oneOf": [{"type": "string"}]}),
        closed(a={"type": "object"}),
        closed(a=True),
        closed(a={"anyOf": {}}),
        closed(a={"type": "array", "items": {"type": "object", "properties": {}}}),
        closed(a={"$ref": "#/$defs/x"}) | {"$defs": {"x": {"type": "object"}}},
        closed(a=NESTED),
    ],
)
def test_anything_else_is_not(schema):
    """Open, optional, unknown, too deep or malformed: sent without strict instead of refused by the API."""
    assert not is_strict(schema)
