"""How a judge's reply is read: exactly the object that was asked for, or an error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalkit.checks.reading.extract import NotJson, extract_json
from evalkit.checks.reading.text import quoted
from evalkit.errors import CheckError, Where
from evalkit.model.calls import CallFailure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalkit.model.calls import JSON, Reply

REASON: Mapping[str, JSON] = {"type": "string"}
_SAID = 300


@dataclass(frozen=True, slots=True)
class Vote:
    """One judgement, read. ``passed`` is None for a tie; ``score`` is in [0, 1]; ``said`` is the verdict in the judge's terms."""

    passed: bool | None
    score: float
    said: str
    reason: str
    model: str = ""


def object_schema(properties: Mapping[str, JSON]) -> dict[str, JSON]:
    """The JSON Schema of an object with just these properties, all of them: the form that structured output takes."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


class ReplyReader:
    """Reads replies that must fit ``schema``."""

    def __init__(self, schema: Mapping[str, JSON]) -> None:
        from evalkit.prompts.schemas import validator_for

        self._validator = validator_for(schema, what="a judge's reply", where=Where("evalkit"))

    def read(self, reply: Reply) -> dict[str, Any]:
        """Return the object. Raises CheckError if there is none, or if it is anything but what was asked for."""
        from evalkit.prompts.schemas import misfit

        if isinstance(reply, CallFailure):
            hint = f" ({reply.hint})" if reply.hint else ""
            raise CheckError(f"the judge could not be asked: {reply.message}{hint}")
        if reply.refusal is not None or reply.finish in {"refusal", "filtered"}:
            raise CheckError(f"the judge refused to grade: {quoted(reply.refusal or reply.text)}")
        if reply.finish == "length":
            raise CheckError("the judge's reply was cut off: set params: {max_output_tokens: …} higher")
        found = extract_json(reply.text, where="fence")
        if isinstance(found, NotJson):
            raise CheckError(f"the judge's reply is not JSON: {found.reason}: {quoted(reply.text)}")
        if found.duplicates:
            raise CheckError(f"the judge's reply says {found.duplicates[0]!r} twice: {quoted(reply.text)}")
        problem = misfit(self._validator, found.value)
        if problem is not None or not isinstance(found.value, dict):
            raise CheckError(f"the judge's reply is not what was asked for: {problem}: {quoted(found.value)}")
        return found.value


def one_line(reason: str) -> str:
    """A judge's words on one line, shortened."""
    text = " ".join(reason.split())
    return text if len(text) <= _SAID else f"{text[:_SAID]} …"
