"""The JSON Schema of a run as JSON (``evalkit.report/1``), made from the same dataclasses that are written."""

from __future__ import annotations

from typing import Any

from evalkit.report.json_export import SCHEMA

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_REF = "#/$defs/{model}"


def report_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of what :func:`evalkit.report.json_export.report_json` returns.

    An object has exactly the properties that are named; any number may be null, because infinity is no JSON.
    """
    definitions = _definitions()
    names = ("run", "variants", "calls", "gates", "comparisons", "rankings", "prompts")
    properties = {name: definitions.pop(name) for name in names}
    properties |= {
        "schema": {"const": SCHEMA},
        "outcome": {"enum": ["passed", "failed", "undecided", "unmeasured"]},
        "verdict": {"type": "string"},
        "notes": {"type": "array", "items": {"type": "string"}},
        "results": {"type": "array", "items": {"$ref": "#/$defs/Result"}},
    }
    definitions |= {"Result": _result(definitions), "Call": _call(definitions), "Case": _case()}
    return {
        "$schema": _DRAFT,
        "title": SCHEMA,
        "description": "One evalkit run: what --evalkit-json and `evalkit export --what run` write.",
        **_closed(properties),
        "$defs": {name: definitions[name] for name in sorted(definitions)},
    }


def _definitions() -> dict[str, Any]:
    """The schemas of the dataclasses by name, and under the name of a property what that holds."""
    from pydantic import TypeAdapter

    from evalkit.compare.standing import Ranking
    from evalkit.compare.values import Comparison
    from evalkit.model.calls import Attempt, CallFailure, Message, Response
    from evalkit.model.results import GateOutcome, PromptRecord, RunInfo, Verdict
    from evalkit.report.values import CallCounts, VariantSummary

    shapes: dict[str, Any] = {
        "run": RunInfo,
        "variants": list[VariantSummary],
        "calls": CallCounts,
        "gates": list[GateOutcome],
        "comparisons": list[Comparison],
        "rankings": list[Ranking],
        "prompts": list[PromptRecord],
        "messages": list[Message],
        "verdicts": list[Verdict],
        "attempts": list[Attempt],
        "failure": CallFailure,
        "response": Response,
    }
    adapters = [(name, "serialization", TypeAdapter(shape)) for name, shape in shapes.items()]
    found, shared = TypeAdapter.json_schemas(adapters, ref_template=_REF)  # type: ignore[arg-type]
    definitions = dict(shared["$defs"]) | {str(name): schema for (name, _), schema in found.items()}
    plain: dict[str, Any] = _plain(definitions)
    return plain


def _plain(schema: Any, *, named: bool = False) -> Any:  # noqa: ANN401 - any part of a schema
    """The schema of the plain form: every property is there and no other, and a number may be null. ``named``: its keys are names."""
    if isinstance(schema, list):
        return [_plain(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if named:
        return {key: _plain(value) for key, value in schema.items()}
    found = {
        key: _plain(value, named=key == "properties")
        for key, value in schema.items()
        if key not in {"title", "default", "description"}
    }
    if found.get("type") == "number":
        return {**found, "type": ["number", "null"]}
    if "properties" in found:
        return _closed(found["properties"])
    return found


def _result(definitions: dict[str, Any]) -> dict[str, Any]:
    return _closed({
        "test_id": {"type": "string"},
        "suite": {"type": "string"},
        "case": {"$ref": "#/$defs/Case"},
        "variant": {"type": "string"},
        "repeat": {"type": "integer", "minimum": 0},
        "status": {"enum": ["pass", "fail", "error", "skip"]},
        "request_key": {"type": "string"},
        "messages": definitions.pop("messages"),
        "served": {"type": ["string", "null"]},
        "call": {"$ref": "#/$defs/Call"},
        "tried": {"type": "array", "items": {"$ref": "#/$defs/Call"}},
        "verdicts": definitions.pop("verdicts"),
        "followups": {"type": "array", "items": {"$ref": "#/$defs/Call"}},
    })


def _case() -> dict[str, Any]:
    return _closed({
        "id": {"type": "string"},
        "vars": {"type": "object"},
        "expect": {"type": "object"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "cluster": {"type": ["string", "null"]},
        "digest": {"type": "string"},
        "where": {"type": "string"},
    })


def _call(definitions: dict[str, Any]) -> dict[str, Any]:
    return _closed({
        "model": {"type": "string"},
        "source": {"type": "string"},
        "failure": {"anyOf": [definitions.pop("failure"), {"type": "null"}]},
        "response": {"anyOf": [definitions.pop("response"), {"type": "null"}]},
        "attempts": definitions.pop("attempts"),
        "cost_usd": {"type": ["number", "null"]},
        "paid_usd": {"type": ["number", "null"]},
    })


def _closed(properties: dict[str, Any]) -> dict[str, Any]:
    """An object with exactly these properties."""
    return {"type": "object", "properties": properties, "required": sorted(properties), "additionalProperties": False}
