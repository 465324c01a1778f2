"""The front matter of a prompt: YAML between two ``---`` lines at the top, strictly read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from evalkit.errors import EvalkitError, PromptError, Where, did_you_mean
from evalkit.model.nodes import Node
from evalkit.prompts.schemas import TYPES, misfit, validator_for
from evalkit.prompts.version import InputSpec
from evalkit.yamlfile import parse_yaml

if TYPE_CHECKING:
    from evalkit.model.calls import JSON

KEYS = ("description", "inputs", "output", "defaults", "tools")
_FENCE = "---"
_RESERVED = frozenset({
    "true",
    "false",
    "none",
    "True",
    "False",
    "None",
    "loop",
    "self",
    "super",
    "caller",
    "varargs",
    "kwargs",
})


@dataclass(frozen=True, slots=True)
class Entries:
    """The keys and values as written in the file ``path``, with their places."""

    value: Mapping[str, Any]
    root: Node
    path: str

    def where(self, *keys: str | int) -> Where:
        """The place of what ``keys`` lead to: its key, or itself in a list. Without a value, the nearest part above it."""
        node = self.root
        for key in keys:
            holds = key in node.value if isinstance(node.value, dict) else isinstance(node.value, list)
            if not holds:
                break
            node = node.value[key]
        return Where(self.path, node.line)


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """What the front matter says. ``output`` and ``tools`` are still as written: a path, or the thing itself."""

    data: Entries
    description: str = ""
    inputs: Mapping[str, InputSpec] | None = None
    output: str | Mapping[str, JSON] | None = None
    defaults: Mapping[str, JSON] = field(default_factory=dict)
    tools: str | list[JSON] | None = None


def split(text: str, path: str) -> tuple[str, str]:
    """Return the front matter (without its fences, empty if there is none) and the template.

    The template keeps its line numbers: the front matter's place is taken by a Jinja comment of as many lines.
    """
    lines = text.split("\n")
    if lines[0].rstrip() != _FENCE:
        return "", text
    end = next((number for number, line in enumerate(lines[1:], start=1) if line.rstrip() == _FENCE), None)
    if end is None:
        raise PromptError(
            "the front matter is not closed",
            hint="end it with a line '---'; a prompt that begins with a rule needs an empty line first",
            where=Where(path, 1),
        )
    return "\n".join(lines[1:end]), "{#" + "\n" * (end + 1) + "#}" + "\n".join(lines[end + 1 :])


def read(text: str, path: str) -> FrontMatter:
    """Read the front matter of a prompt's ``text``. Raises PromptError with file and line for every mistake."""
    data = _entries(split(text, path)[0], path)
    for key in data.value:
        if key not in KEYS:
            raise PromptError(
                f"unknown key {key!r} in the front matter", hint=did_you_mean(key, KEYS), where=data.where(key)
            )
    return FrontMatter(
        data=data,
        description=_text(data, "description"),
        inputs=_inputs(data),
        output=_one_of(data, "output", (str, dict), "a path to a JSON Schema, or the schema itself"),
        defaults=_defaults(data),
        tools=_one_of(data, "tools", (str, list), "a list of tools, or a path to a JSON file with one"),
    )


def _entries(front: str, path: str) -> Entries:
    try:
        root = parse_yaml(front, name=path, first_line=2, aliases=False)
    except EvalkitError as error:
        raise PromptError(error.message, hint=error.hint, where=error.where) from error
    if root.value is None:
        root = Node({}, 1)
    if not isinstance(root.value, dict):
        hint = "write 'key: value' lines"
        raise PromptError("not a mapping of keys to values", hint=hint, where=Where(path, root.line))
    return Entries({key: node.plain() for key, node in root.value.items()}, root, path)


def _text(data: Entries, key: str) -> str:
    value: str = _one_of(data, key, (str,), "text") or ""
    return " ".join(value.split())


def _one_of(data: Entries, key: str, types: tuple[type, ...], wanted: str) -> Any:  # noqa: ANN401 - one of types
    value = data.value.get(key)
    if key in data.value and not isinstance(value, types):
        raise PromptError(
            f"{key} is {wanted}, not {value!r}"[:200],
            hint=f"write {key}: as docs/prompts.md shows",
            where=data.where(key),
        )
    return value


def _defaults(data: Entries) -> Mapping[str, JSON]:
    defaults: dict[str, Any] = _one_of(data, "defaults", (dict,), "a mapping with model and parameters") or {}
    for key, value in defaults.items():
        place = data.where("defaults", key)
        if not key.isidentifier():
            raise PromptError(
                f"{key!r} is not the name of a parameter",
                hint="write defaults: {model: provider/model, temperature: 0}",
                where=place,
            )
        if key == "model" and (not isinstance(value, str) or not all(value.partition("/"))):
            raise PromptError(f"model is {value!r}", hint="write provider/model, like openai/gpt-5-mini", where=place)
    return defaults


def _inputs(data: Entries) -> Mapping[str, InputSpec] | None:
    inputs = _one_of(data, "inputs", (dict,), "a mapping of names to types")
    return None if inputs is None else {name: _input(data, name, spec) for name, spec in inputs.items()}


def _input(data: Entries, name: str, spec: JSON) -> InputSpec:
    where = data.where("inputs", name)
    if not name.isidentifier() or name in _RESERVED:
        raise PromptError(f"{name!r} cannot be the name of an input", hint="use letters, digits and _", where=where)
    if isinstance(spec, str):
        spec = {"type": spec}
    if not isinstance(spec, Mapping):
        raise PromptError(f"the input {name!r} is {spec!r}", hint="write a type or a JSON Schema", where=where)
    schema = dict(spec)
    required = schema.pop("required") if isinstance(schema.get("required"), bool) else "default" not in schema
    kind = schema.get("type", "any")
    if kind == "any":
        schema.pop("type", None)
    elif isinstance(kind, str) and kind not in TYPES:
        raise PromptError(
            f"the input {name!r} has no type {kind!r}", hint=did_you_mean(kind, (*TYPES, "any")), where=where
        )
    _check_schema(name, schema, where)
    return InputSpec(name, kind if isinstance(kind, str) else "any", schema, required=bool(required))


def _check_schema(name: str, schema: Mapping[str, JSON], where: Where) -> None:
    validator = validator_for(schema, what=f"the input {name!r}", where=where)
    reason = misfit(validator, schema["default"]) if "default" in schema else None
    if reason is not None:
        raise PromptError(
            f"the default of the input {name!r} does not fit: {reason}",
            hint="change the default, or the type",
            where=where,
        )
