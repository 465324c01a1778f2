"""JSON Schemas of inputs and outputs: checked when read, offline, with linear-time patterns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jsonschema_rs

from evalkit.errors import PromptError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalkit.errors import Where
    from evalkit.model.calls import JSON

TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")
_REASON_CHARS = 300


def validator_for(schema: Mapping[str, JSON], *, what: str, where: Where) -> jsonschema_rs.Validator:
    """Return a validator of ``schema``. Raises PromptError naming ``what`` if it is not a JSON Schema, or needs the network.

    Patterns run on an engine without backtracking, so that look-around and back-references are refused.
    """
    try:
        return jsonschema_rs.validator_for(
            dict(schema), offline=True, pattern_options=jsonschema_rs.RegexOptions(), mask="the value"
        )
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError, RecursionError) as error:
        raise PromptError(
            f"{what} is not a usable JSON Schema: {_reason(error)}",
            hint="write a JSON Schema, such as {type: string, pattern: '^A'}; $ref may lead only into the schema itself",
            where=where,
        ) from error


def misfit(validator: jsonschema_rs.Validator, value: Any) -> str | None:  # noqa: ANN401 - a JSON value
    """Return why ``value`` does not fit, with the place inside it, or None if it fits."""
    if validator.is_valid(value):
        return None
    error = next(iter(validator.iter_errors(value)))
    place = "".join(f"[{part!r}]" for part in error.instance_path)
    return f"{place + ': ' if place else ''}{_reason(error)}"


def _reason(error: Exception) -> str:
    return (getattr(error, "message", None) or str(error))[:_REASON_CHARS]
