"""What a configuration says per provider and evalkit per prompt: structured output and tools, as front matter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalkit.importers.notes import UnportableError
from evalkit.importers.promptfoo.models import OF_THE_PROMPT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.importers.promptfoo.config import Source
    from evalkit.importers.promptfoo.models import Model
    from evalkit.model.calls import JSON
    from evalkit.model.nodes import Node


def front_matter_of(source: Source, models: Sequence[Model]) -> dict[str, JSON]:
    """``output`` and ``tools`` where every model has the same; what only some have, or evalkit cannot say, is noted and left out."""
    found: dict[str, JSON] = {}
    for key in OF_THE_PROMPT:
        nodes = [model.settings[key] for model in models if key in model.settings]
        try:
            found |= _said(source, key, nodes, everybody=len(nodes) == len(models))
        except UnportableError as why:
            source.notes.left_out(source.where(nodes[0]), f"{key} of a provider: {why}")
    return found


def _said(source: Source, key: str, nodes: Sequence[Node], *, everybody: bool) -> dict[str, JSON]:
    """The entry of the front matter for the setting ``key``, if there is one. Raises UnportableError."""
    if not nodes:
        return {}
    if not everybody or any(node.plain() != nodes[0].plain() for node in nodes):
        raise UnportableError("not every provider has the same, and a prompt of evalkit has it for all of them")
    if key == "tools":
        return {"tools": _tools(source, nodes[0])}
    schema = _schema(source, nodes[0])
    source.notes.changed(source.where(nodes[0]), f"{key}: the output: of the prompts, which is sent and checked")
    return {"output": schema}


def _schema(source: Source, node: Node) -> JSON:
    """The JSON Schema that the answer has to fit. Raises UnportableError."""
    form = _loaded(source, node)
    inner = form.get("json_schema", form) if isinstance(form, dict) else None
    schema = inner.get("schema") if isinstance(inner, dict) else None
    if isinstance(schema, str) and schema.startswith("file://"):
        schema = source.data(source.files(schema, node)[0]).root.plain()
    if not isinstance(schema, dict):
        raise UnportableError("it has no schema: give the prompt an output: (docs/prompts.md)")
    return schema


def _tools(source: Source, node: Node) -> JSON:
    """The tools as a prompt of evalkit lists them; OpenAI's form and Anthropic's. Raises UnportableError."""
    listed = _loaded(source, node)
    if not isinstance(listed, list) or not listed:
        raise UnportableError("it is no list of tools")
    tools: list[JSON] = []
    for one in listed:
        tool = one.get("function", one) if isinstance(one, dict) else None
        if not isinstance(tool, dict) or not isinstance(tool.get("name"), str):
            raise UnportableError("one of them is no function")
        about = str(tool.get("description") or tool["name"])
        parameters = tool.get("parameters") or tool.get("input_schema") or {"type": "object"}
        tools.append({"name": tool["name"], "description": about, "parameters": parameters})
    return tools


def _loaded(source: Source, node: Node) -> JSON:
    if isinstance(node.value, str) and node.value.startswith("file://"):
        return source.data(source.files(node.value, node)[0]).root.plain()
    return node.plain()
