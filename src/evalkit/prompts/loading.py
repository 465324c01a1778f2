"""From files to a :class:`PromptVersion`: template, front matter, schema, tools, and the digest over all of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from evalkit.canon import digest
from evalkit.errors import PromptError, Where, did_you_mean
from evalkit.model.calls import Tool
from evalkit.prompts import frontmatter
from evalkit.prompts.reach import Reach, reach, undeclared
from evalkit.prompts.schemas import validator_for
from evalkit.prompts.trees import check_path
from evalkit.prompts.version import PromptVersion

if TYPE_CHECKING:
    from evalkit.model.calls import JSON
    from evalkit.prompts.frontmatter import FrontMatter
    from evalkit.prompts.trees import Tree

_TOOL_KEYS = ("name", "description", "parameters")
_TOOL_FORM = "write - {name: lookup, description: …, parameters: {type: object, …}}"


def load_version(tree: Tree, folder: str, *, name: str, version: str, at: str | None = None) -> PromptVersion:
    """Load ``folder/name/version.j2`` from ``tree`` with everything it reaches.

    ``folder`` is the prompts folder relative to the project. Raises PromptError with file and line for every mistake that can
    be seen without variables.
    """
    main = f"{name}/{version}.j2"
    path = f"{folder}/{main}"
    try:
        found = reach(tree, folder, main)
        front = frontmatter.read(found.texts[main], path)
        _check_inputs(found, front, folder)
    except RecursionError as error:
        raise PromptError(
            "the template is nested too deep",
            hint="no template needs that; look for brackets that are never closed",
            where=Where(path),
        ) from error
    files = _Files(tree, f"{folder}/{name}", front)
    schema = files.schema()
    tools = files.tools()
    return PromptVersion(
        name=name,
        version=version,
        path=path,
        digest=digest({**found.texts, **{f"project:{file}": text for file, text in files.texts.items()}}),
        sources={f"{folder}/{part}": text for part, text in found.texts.items()} | files.texts,
        description=front.description,
        inputs=front.inputs,
        output_path=files.schema_path,
        output_schema=schema,
        defaults=front.defaults,
        tools=tools,
        at=at,
    )


def _check_inputs(found: Reach, front: FrontMatter, folder: str) -> None:
    if front.inputs is None:
        return
    for variable, name, line in undeclared(found, front.inputs):
        raise PromptError(
            f"the variable {variable!r} is not declared under inputs:",
            hint=did_you_mean(variable, front.inputs),
            where=Where(f"{folder}/{name}", line),
        )


class _Files:
    """The JSON files that a front matter names, looked up beside the prompt and then in the project."""

    def __init__(self, tree: Tree, home: str, front: FrontMatter) -> None:
        self._tree = tree
        self._home = home
        self._front = front
        self.texts: dict[str, str] = {}
        self.schema_path: str | None = None

    def schema(self) -> Mapping[str, JSON] | None:
        """The schema of ``output:``, checked."""
        output = self._front.output
        where = self._front.data.where("output")
        schema: Any = output
        if isinstance(output, str):
            self.schema_path, schema = self._json(output, where)
            where = Where(self.schema_path)
            if not isinstance(schema, Mapping):
                raise PromptError("a JSON Schema is a mapping", hint='write {"type": "object", …}', where=where)
        if schema is not None:
            validator_for(schema, what="output", where=where)
        return schema  # type: ignore[no-any-return]

    def tools(self) -> tuple[Tool, ...]:
        """The tools of ``tools:``, checked."""
        tools: Any = self._front.tools
        where = self._front.data.where("tools")
        if isinstance(tools, str):
            path, tools = self._json(tools, where)
            where = Where(path)
            if not isinstance(tools, list):
                raise PromptError(
                    "not a list of tools",
                    hint="write a list of mappings with name, description and parameters",
                    where=where,
                )
            return _unique([_tool(spec, where) for spec in tools], where)
        return _unique([_tool(spec, self._front.data.where("tools", i)) for i, spec in enumerate(tools or [])], where)

    def _json(self, text: str, where: Where) -> tuple[str, JSON]:
        check_path(text, where=where)
        for path in (f"{self._home}/{text.removeprefix('./')}", text.removeprefix("./")):
            found = self._tree.text(path)
            if found is not None:
                self.texts[path] = found
                return path, _parse_json(found, Where(path))
        raise PromptError(f"no file {text!r}", hint=f"looked in {self._home} and in the project", where=where)


def _parse_json(text: str, where: Where) -> JSON:
    def refuse(constant: str) -> NoReturn:
        raise ValueError(f"{constant} is not JSON")

    try:
        return json.loads(text, parse_constant=refuse)  # type: ignore[no-any-return]
    except json.JSONDecodeError as error:
        raise PromptError(
            f"not valid JSON: {error.msg}",
            hint="mend the file in the line named here",
            where=Where(where.path, error.lineno),
        ) from error
    except (ValueError, RecursionError) as error:
        raise PromptError(f"not valid JSON: {error}", hint="mend the file", where=where) from error


def _tool(spec: JSON, where: Where) -> Tool:
    if not isinstance(spec, Mapping):
        raise PromptError("a tool is a mapping with name, description and parameters", hint=_TOOL_FORM, where=where)
    for key in spec:
        if key not in _TOOL_KEYS:
            raise PromptError(f"unknown key {key!r} in a tool", hint=did_you_mean(key, _TOOL_KEYS), where=where)
    name, description, parameters = (spec.get(key) for key in _TOOL_KEYS)
    if not isinstance(name, str) or not name or not isinstance(description, str) or not isinstance(parameters, Mapping):
        raise PromptError(
            "a tool needs a name, a description and a JSON Schema under parameters", hint=_TOOL_FORM, where=where
        )
    validator_for(parameters, what=f"the parameters of the tool {name!r}", where=where)
    return Tool(name, description, parameters)


def _unique(tools: list[Tool], where: Where) -> tuple[Tool, ...]:
    names = [tool.name for tool in tools]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise PromptError(f"two tools named {twice!r}", hint="give each tool a name of its own", where=where)
    return tuple(tools)
