"""The prompts of a configuration as versions of one prompt: what was compared side by side stays comparable."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalkit.importers.notes import UnportableError
from evalkit.importers.promptfoo.config import entries, items
from evalkit.importers.promptfoo.template import to_jinja, variables_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalkit.importers.promptfoo.config import Source
    from evalkit.model.nodes import Node

_SPLIT = "\n---\n"
_DUMPED = re.compile(r"""(:\s*)\{\{[-~]?\s*([^{}"'|]{1,200}?)\s*\|\s*dump\s*(?:\(\s*\))?\s*[-~]?\}\}""")
"""What promptfoo's own page recommends for chats in JSON: the value of a key is a variable that is printed with its quotes."""
_ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
_FILES = (".txt", ".md", ".j2", ".json", ".yaml", ".yml")
_PROGRAMS = (".py", ".js", ".ts", ".mjs", ".cjs", ".go", ".rb", ".sh")


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt: what it is called there, its template as Jinja, and the variables that this reads."""

    label: str
    template: str
    variables: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Raw:
    label: str
    text: str
    node: Node


def read_prompts(source: Source) -> list[Prompt]:
    """Every prompt of the configuration; what cannot be said in Jinja is noted and left out."""
    found: list[Prompt] = []
    for raw in _raw_prompts(source):
        try:
            template = _template(raw.text)
        except UnportableError as why:
            source.notes.left_out(source.where(raw.node), f"the prompt {_short(raw.label)}: {why}")
            continue
        found.append(Prompt(raw.label, template, variables_of(template)))
    return found


def _raw_prompts(source: Source) -> Iterator[_Raw]:
    node = source.get("prompts")
    if node is None:
        yield _Raw("prompt", "{{prompt}}", source.root)
    elif isinstance(node.value, dict):
        for path, label in node.value.items():
            yield from _read(source, path, str(label.value), label)
    for item in items(node) if node is not None and not isinstance(node.value, dict) else ():
        known = entries(item)
        text = known.get("raw") or known.get("id") or item
        label = known.get("label")
        if isinstance(text.value, str):
            yield from _read(source, text.value, str(label.value) if label else "", item)
        else:
            source.notes.left_out(source.where(item), "a prompt that is no text")


def _read(source: Source, text: str, label: str, node: Node) -> Iterator[_Raw]:
    """The prompts behind one entry: its own text, or those of the files it names."""
    if not _names_file(text):
        yield _Raw(label, text, node)
        return
    try:
        for path in source.files(text, node):
            whole = source.text(path)
            parts = whole.split(_SPLIT) if path.suffix == ".txt" else [whole]
            for part in parts:
                yield _Raw(label or path.stem, part.strip("\n"), node)
    except UnportableError as why:
        source.notes.left_out(source.where(node), f"the prompt {_short(text)}: {why}")


def _names_file(text: str) -> bool:
    name = text.partition(":")[0] if text.endswith(")") else text
    return text.startswith(("file://", "exec:", "http://", "https://")) or (
        "\n" not in text and "{{" not in text and name.lower().endswith((*_FILES, *_PROGRAMS))
    )


def _template(text: str) -> str:
    """A prompt's text as Jinja: a list of messages becomes blocks with roles. Raises UnportableError."""
    stripped = text.strip()
    if stripped.startswith(("[", "- ")):
        messages = messages_of(stripped)
        if messages is not None:
            return "\n".join(_block(role, content) for role, content in messages)
    template = to_jinja(text)
    if not template.strip():
        raise UnportableError("it is empty")
    return template


def messages_of(text: str) -> list[tuple[str, str]] | None:
    """The messages (role and text) of a chat in JSON or YAML, or None if the text is none. Raises UnportableError."""
    from evalkit.errors import EvalkitError
    from evalkit.yamlfile import parse_yaml

    try:
        chat = parse_yaml(_DUMPED.sub(r'\1"{{ \2 }}"', text), name="prompt").plain()
    except EvalkitError as error:
        if "role" in text and "content" in text:
            raise UnportableError(
                f"it is neither text nor a list of messages ({error.message}): write it with role blocks"
            ) from error
        return None
    if not isinstance(chat, list) or not all(isinstance(one, dict) and "role" in one for one in chat):
        return None
    return [_message(one) for one in chat if isinstance(one, dict)]


def _message(one: dict[str, object]) -> tuple[str, str]:
    role, content = str(one["role"]), one.get("content")
    if role not in _ROLES:
        raise UnportableError(f"a message of the role {role[:40]!r}")
    if isinstance(content, list) and all(isinstance(part, dict) and part.get("type") == "text" for part in content):
        content = "\n".join(str(part.get("text", "")) for part in content)
    if not isinstance(content, str):
        raise UnportableError("a message that is no text: evalkit sends no images or files")
    return _ROLES[role], content


def _block(role: str, content: str) -> str:
    return f"{{% {role} %}}\n{to_jinja(content)}\n{{% end{role} %}}"


def _short(text: str) -> str:
    return json.dumps(text[:60], ensure_ascii=False)
