"""From what a suite's author wrote behind a check's name to the check: strict, and every mistake named."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from evalkit.checks.reading.text import quoted
from evalkit.checks.schemas import in_words, long_schema
from evalkit.errors import SuiteError, did_you_mean

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from evalkit.checks.base import CheckModel
    from evalkit.model.calls import JSON
    from evalkit.model.cases import CheckSpec


def parse_params(cls: type[CheckModel], spec: CheckSpec) -> CheckModel:
    """Return the check with its parameters. Raises SuiteError for unknown, missing and ill-typed ones, all at once."""
    values = _as_mapping(cls, spec)
    try:
        # JSON mode is as strict, but lets a function's tuple, date or enum be written as the list or text that YAML has.
        return cls.model_validate_json(json.dumps(values))
    except ValidationError as error:
        raise SuiteError.of(_complaints(cls, spec, values, error)) from None


def _as_mapping(cls: type[CheckModel], spec: CheckSpec) -> dict[str, Any]:
    params = spec.params
    if isinstance(params, Mapping):
        return {str(key): plain(value) for key, value in params.items()}
    if params is None or (params is True and accepts_bare(cls)):
        return {}
    if params is False and accepts_bare(cls):
        hint = f"to want the opposite, write 'not: {spec.name}'"
        raise SuiteError(f"{spec.name}: false says nothing", hint=hint, where=spec.where)
    if cls.short is None:
        names = sorted(cls.model_fields, key=lambda name: not cls.model_fields[name].is_required())
        hint = f"{spec.name}: {{{', '.join(f'{name}: …' for name in names)}}}; 'evalkit checks {spec.name}' shows what it is"
        raise SuiteError(
            f"{spec.name} takes its parameters by name, not {_kind_of(params)}", hint=hint, where=spec.where
        )
    return {cls.short: plain(params)}


def accepts_bare(cls: type[CheckModel]) -> bool:
    """Whether the check can be written as its bare name, without any parameter."""
    try:
        cls.model_validate({})
    except ValidationError:
        return False
    return True


def plain(value: JSON) -> Any:  # noqa: ANN401 - any JSON value
    """Return JSON with plain dicts and lists, which is what strict validation takes."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def _complaints(
    cls: type[CheckModel], spec: CheckSpec, values: Mapping[str, Any], error: ValidationError
) -> list[SuiteError]:
    found: dict[str, SuiteError] = {}
    for detail in error.errors(include_url=False, include_context=False):
        path = _known_path(detail, values)
        found.setdefault(path, _complaint(cls, spec, path, detail))
    return list(found.values())


def _known_path(detail: ErrorDetails, values: Mapping[str, Any]) -> str:
    """The part of the error's location that the author wrote; pydantic appends names of union branches."""
    steps: list[str] = []
    node: Any = values
    for step in detail["loc"]:
        if isinstance(node, dict) and (step in node or detail["type"] == "missing"):
            node = node.get(step)
        elif isinstance(node, list) and isinstance(step, int) and step < len(node):
            node = node[step]
        else:
            continue
        steps.append(str(step))
    return ".".join(steps)


def _complaint(cls: type[CheckModel], spec: CheckSpec, path: str, detail: ErrorDetails) -> SuiteError:
    kind, value = detail["type"], detail["input"]
    properties = long_schema(cls)["properties"]
    if kind == "extra_forbidden":
        name = path.rpartition(".")[2]
        valid = properties if "." not in path else _inner_names(properties, path)
        return SuiteError(f"{spec.name}: unknown parameter {name!r}", hint=did_you_mean(name, valid), where=spec.where)
    if kind == "json_invalid":
        return SuiteError(
            f"{spec.name}: a text that no file can hold: {detail['msg']}",
            hint="write the character itself",
            where=spec.where,
        )
    if kind == "missing":
        wanted = in_words(properties[path]) if path in properties else "a value"
        return SuiteError(f"{spec.name}: needs the parameter {path!r}", hint=f"{path} is {wanted}", where=spec.where)
    if kind in {"value_error", "assertion_error"} or kind.startswith((
        "greater",
        "less",
        "too_",
        "string_too",
        "finite",
    )):
        about = f"{path}: " if path else ""
        hint = f"'evalkit checks {spec.name}' shows what it takes"
        return SuiteError(f"{spec.name}: {about}{_own_words(detail['msg'])}", hint=hint, where=spec.where)
    return _ill_typed(spec, path, value, properties)


def _ill_typed(spec: CheckSpec, path: str, value: object, properties: Mapping[str, Any]) -> SuiteError:
    top = path.partition(".")[0]
    wanted = in_words(properties[top]) if top == path and top in properties else _leaf_words(properties, path)
    return SuiteError(
        f"{spec.name}: {path} is {_kind_of(value)}, expected {wanted}", hint=_repair(value, wanted), where=spec.where
    )


def _leaf_words(properties: Mapping[str, Any], path: str) -> str:
    node: Any = {"properties": properties}
    for step in path.split("."):
        branches = node.get("anyOf", [node])
        node = next((b["items"] for b in branches if step.isdigit() and "items" in b), None) or next(
            (b["properties"][step] for b in branches if step in b.get("properties", {})), {}
        )
    return in_words(node)


def _inner_names(properties: Mapping[str, Any], path: str) -> list[str]:
    branches = properties.get(path.partition(".")[0], {}).get("anyOf", [{}])
    return [name for branch in branches for name in branch.get("properties", {})]


def _own_words(message: str) -> str:
    return message.removeprefix("Value error, ").removeprefix("Input should be ").replace("Input should", "should")


def _kind_of(value: object) -> str:
    """Name a value as a YAML author would: ``a bool (true)``, ``text ('0.8')``."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return f"a bool ({str(value).lower()})"
    names: dict[type, str] = {int: "a whole number", float: "a number", str: "text", list: "a list", dict: "a mapping"}
    return f"{names.get(type(value), type(value).__name__)} ({quoted(value, 40)})"


def _repair(value: object, wanted: str) -> str | None:
    if "text" in wanted and isinstance(value, bool | int | float):
        return "quote it if you mean text; in an expression, write {{ … | string }}"
    if "number" in wanted and isinstance(value, str):
        return "remove the quotes, or the unit, if you mean a number"
    return None
