"""Shape of structured answers: JSON, its schema, a pydantic model."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import ConfigDict, Field, PrivateAttr

from evalkit.checks.base import BuildContext, CheckContext, CheckModel
from evalkit.checks.count import example
from evalkit.checks.reading.extract import Extracted, NotJson, Place, extract_json
from evalkit.checks.reading.repaired import repaired_json, require_repair
from evalkit.checks.reading.text import line_of, quoted
from evalkit.checks.schema_files import compile_schema
from evalkit.errors import SuiteError
from evalkit.model.results import Family

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from evalkit.model.calls import Reply
    from evalkit.model.results import Verdict

MAX_COMPLAINTS = 5


class JsonCheck(CheckModel):
    """Base of the checks that look at JSON: where it may stand in the answer."""

    family: ClassVar[Family] = "shape"

    where: Place = Field(
        "whole",
        description="whole: nothing but JSON; fence: or one code fence and nothing else; anywhere: or inside prose",
    )
    repair: bool = Field(
        False, description="put quotes, commas and brackets right first, and say so; needs the extra shape"
    )

    def prepare(self, build: BuildContext) -> JsonCheck:
        """Look for the package that repairs. Raises MissingExtraError without it."""
        del build
        if self.repair:
            require_repair()
        return self

    def judge(self, ctx: CheckContext, replies: Sequence[Reply]) -> Verdict:
        """Find the JSON, then judge its value."""
        del replies
        if ctx.selected and not isinstance(ctx.value, str):
            return self.judge_value(ctx, Extracted(ctx.value, 0, len(ctx.text), strict=True))
        found = extract_json(ctx.text, where=self.where)
        if isinstance(found, NotJson) and self.repair:
            found = repaired_json(ctx.text, where=self.where)
        if isinstance(found, NotJson):
            return self.verdict("fail", self._why_not(ctx.text, found))
        verdict = self.judge_value(ctx, found)
        note = place_note(ctx.text, found)
        return replace(verdict, reason=f"{verdict.reason} ({note})") if note else verdict

    def judge_value(self, ctx: CheckContext, found: Extracted) -> Verdict:
        """Judge the JSON that was found."""
        raise NotImplementedError

    def _why_not(self, text: str, found: NotJson) -> str:
        expected = {"whole": "nothing but JSON", "fence": "JSON or one code fence with it", "anywhere": "JSON"}
        for place in _WIDER[self.where]:
            if isinstance(extract_json(text, where=place), Extracted):
                return (
                    f"expected {expected[self.where]}; there is JSON with text around it ('where: {place}' allows that)"
                )
        return f"expected {expected[self.where]}, found {quoted(text)}: {found.reason}"


def place_note(text: str, found: Extracted) -> str:
    """Where the JSON stands if there is text around it, and whether it was repaired; empty for a plain JSON answer."""
    notes = ["repaired"] if found.repaired else []
    if text[: found.start].strip() or text[found.end :].strip():
        first, last = line_of(text, found.start), line_of(text, found.end)
        notes.append(f"with text around it, line {first}" + (f" to {last}" if last > first else ""))
    return ", ".join(notes)


_WIDER: dict[Place, tuple[Place, ...]] = {"whole": ("fence", "anywhere"), "fence": ("anywhere",), "anywhere": ()}


class Json(JsonCheck):
    """The answer is JSON.

    Source: RFC 8259; NaN and Infinity are refused (section 6), and so are keys that an object holds twice (section 4).
    """

    name: ClassVar[str] = "json"
    short: ClassVar[str | None] = "where"
    example = example({"where": "fence"}, passes='```json\n{"total": 12.5}\n```', fails='The total: {"total": 12.5}')

    repeated_keys: bool = Field(False, description="allow a key twice in one object (the last one counts)")

    def judge_value(self, ctx: CheckContext, found: Extracted) -> Verdict:
        """Pass, unless a key is repeated."""
        spans = ctx.placed([(found.start, found.end)])
        if found.duplicates and not self.repeated_keys:
            return self.verdict("fail", f"an object holds the key {quoted(found.duplicates[0])} twice", spans=spans)
        return self.verdict("pass", f"JSON: {quoted(found.value)}", spans=spans)


class JsonSchema(JsonCheck):
    """The answer is JSON that a JSON Schema allows.

    The schema is a file of the project (``json_schema: schemas/reply.json``) or stands inline under ``schema``. It is checked itself
    before any call; ``$ref`` may lead to its own parts (``#/$defs/…``) and to other files of the project (``address.json#/$defs/city``),
    and is never fetched; ``format`` counts unless ``formats: false``.

    Source: JSON Schema drafts 4 to 2020-12 (draft 2020-12 if ``$schema`` names none), as implemented by jsonschema-rs.
    """

    name: ClassVar[str] = "json_schema"
    short: ClassVar[str | None] = "schema"
    example = example(
        {"schema": {"type": "object", "required": ["total"], "properties": {"total": {"type": "number"}}}},
        passes='{"total": 12.5}',
        fails='{"total": "12.5"}',
    )
    model_config = ConfigDict(protected_namespaces=())

    schema_: str | dict[str, Any] | bool = Field(
        alias="schema", description="a file of the project, or the schema itself"
    )
    formats: bool = Field(True, description="values must keep to `format` (date, email, …)")

    _validator: Any = PrivateAttr(None)

    def prepare(self, build: BuildContext) -> JsonSchema:
        """Read and compile the schema. Raises SuiteError for a bad schema or a reference that leads out of the project."""
        super().prepare(build)
        prepared = self.model_copy()
        prepared._validator = compile_schema(self.schema_, read_json=build.read_json, formats=self.formats)  # noqa: SLF001 - a copy of itself
        return prepared

    def judge_value(self, ctx: CheckContext, found: Extracted) -> Verdict:
        """Validate; the reason names the first violations with their paths."""
        complaints: list[str] = []
        for error in self._validator.iter_errors(found.value):
            if len(complaints) == MAX_COMPLAINTS:
                complaints.append("…")
                break
            complaints.append(f"{_json_path(error.instance_path)}: {quoted_message(error.message)}")
        spans = ctx.placed([(found.start, found.end)])
        return self.verdict(not complaints, "; ".join(complaints) or "the schema allows it", spans=spans)


def quoted_message(message: str) -> str:
    """A validator's message, on one line and shortened: it may quote the whole answer."""
    text = " ".join(message.split())
    return text if len(text) <= 200 else f"{text[:200]} …"


def _json_path(steps: Iterable[str | int]) -> str:
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)


class Pydantic(JsonCheck):
    """The answer is JSON that a pydantic model accepts.

    ``model`` is a dotted path, ``shop.models.Reply``; its top-level module must be listed in ``allow_python`` of
    ``[tool.evalkit]``. Anything pydantic can validate will do: a model, a dataclass, a typed dict, ``list[int]``.
    """

    name: ClassVar[str] = "pydantic"
    short: ClassVar[str | None] = "model"
    example = example("decimal.Decimal", passes='"12.50"', fails='{"total": 12.5}')
    model_config = ConfigDict(protected_namespaces=())

    model: str = Field(description="dotted path of the model")

    _adapter: Any = PrivateAttr(None)

    def prepare(self, build: BuildContext) -> Pydantic:
        """Import the model. Raises EvalkitError if that is not allowed, or SuiteError if it is nothing pydantic knows."""
        from pydantic import PydanticUserError, TypeAdapter

        super().prepare(build)
        target = build.load_python(self.model)
        try:
            adapter = TypeAdapter(target)
        except PydanticUserError as error:
            raise SuiteError(
                f"{self.model} is not a pydantic model: {quoted_message(error.message)}",
                hint="name a class of pydantic.BaseModel, as package.module.Name",
            ) from error
        prepared = self.model_copy()
        prepared._adapter = adapter  # noqa: SLF001 - a copy of itself
        return prepared

    def judge_value(self, ctx: CheckContext, found: Extracted) -> Verdict:
        """Validate the JSON text as JSON, so that dates and tuples work as they do in a program."""
        from pydantic import ValidationError

        text = json.dumps(found.value) if found.repaired else ctx.text[found.start : found.end]
        spans = ctx.placed([(found.start, found.end)])
        try:
            self._adapter.validate_json(text)
        except ValidationError as error:
            details = error.errors(include_url=False, include_context=False, include_input=False)
            shown = [f"{_json_path(detail['loc'])}: {quoted_message(detail['msg'])}" for detail in details]
            more = ["…"] if len(shown) > MAX_COMPLAINTS else []
            return self.verdict("fail", "; ".join([*shown[:MAX_COMPLAINTS], *more]), spans=spans)
        return self.verdict("pass", f"{self.model} accepts it (line {line_of(ctx.text, found.start)})", spans=spans)
