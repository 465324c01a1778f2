"""YAML as data, strictly: no tags, anchors, merge keys or duplicate keys, and no values that look like something else.

``no``, ``on``, ``012``, ``1:30`` and ``2026-11-21`` are the texts they look like; only ``true``, ``false``, ``null``, ``~`` and
decimal numbers are not text (the core of YAML 1.2).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from evalkit.errors import PromptError, Where

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from evalkit.model.calls import JSON

_MAX_DEPTH = 50
_STANDARD = "tag:yaml.org,2002:"
_INT = re.compile(r"[-+]?(?:0|[1-9]\d{0,30})\Z")
_FLOAT = re.compile(r"[-+]?(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d{1,2})?\Z")
_WORDS: Mapping[str, bool | None] = {"true": True, "false": False, "null": None, "~": None, "": None}


@dataclass(frozen=True, slots=True)
class YamlData:
    """A mapping read from YAML. ``lines`` maps the path of each key and list item to its line in the file."""

    value: dict[str, Any]
    lines: Mapping[tuple[str | int, ...], int]
    path: str

    def where(self, *keys: str | int) -> Where:
        """The place of a key, or of the nearest part above it."""
        while keys and keys not in self.lines:
            keys = keys[:-1]
        return Where(self.path, self.lines.get(keys, 1))


def read_mapping(text: str, *, path: str, first_line: int) -> YamlData:
    """Read ``text``, which begins at ``first_line`` of the file ``path``, as one mapping; empty text is an empty one.

    Raises PromptError with the line for anything that is not plain data.
    """
    reader = _Reader(path, first_line)
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader) if reader.allows(text) else None
        value = reader.value(root, ()) if root is not None else {}
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line if error.problem_mark else 0
        raise PromptError(f"not valid YAML: {error.problem or error.context}", where=reader.at(line)) from error
    except yaml.YAMLError as error:
        raise PromptError(f"not valid YAML: {error}"[:300], where=reader.at(0)) from error
    except RecursionError as error:
        raise PromptError("the YAML is nested too deep", where=reader.at(0)) from error
    if not isinstance(value, dict):
        raise PromptError("not a mapping of keys to values", hint="write 'key: value' lines", where=reader.at(0))
    return YamlData(value, reader.lines, path)


class _Reader:
    def __init__(self, path: str, first_line: int) -> None:
        self._path = path
        self._first_line = first_line
        self.lines: dict[tuple[str | int, ...], int] = {}

    def at(self, line: int) -> Where:
        return Where(self._path, self._first_line + line)

    def allows(self, text: str) -> bool:
        """Tell whether there is any data; raise for what plain data does not need, before anything is built."""
        depth = 0
        started = False
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            line = event.start_mark.line if event.start_mark else 0
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                raise PromptError(
                    "anchors and aliases (& *) are not allowed here", hint="write it out", where=self.at(line)
                )
            if getattr(event, "tag", None):
                raise PromptError("tags (!…) are not allowed here", where=self.at(line))
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _MAX_DEPTH:
                raise PromptError("the YAML is nested too deep", where=self.at(line))
            started = started or isinstance(event, yaml.NodeEvent)
        return started

    def value(self, node: yaml.Node, path: tuple[str | int, ...]) -> JSON:
        self.lines[path] = self._first_line + _line(node)
        if isinstance(node, yaml.MappingNode):
            return {key: self.value(part, (*path, key)) for key, part in self._entries(node)}
        if isinstance(node, yaml.SequenceNode):
            return [self.value(part, (*path, index)) for index, part in enumerate(node.value)]
        return _scalar(node)

    def _entries(self, node: yaml.MappingNode) -> Iterator[tuple[str, yaml.Node]]:
        seen: dict[str, int] = {}
        for key_node, part in node.value:
            line = _line(key_node)
            key = key_node.value
            if not isinstance(key_node, yaml.ScalarNode) or key == "<<":
                raise PromptError("a key must be plain text", where=self.at(line))
            if key in seen:
                raise PromptError(
                    f"the key {key!r} is there twice", hint=f"first in line {seen[key]}", where=self.at(line)
                )
            seen[key] = self._first_line + line
            yield key, part


def _line(node: yaml.Node) -> int:
    return node.start_mark.line if node.start_mark else 0


def _scalar(node: yaml.Node) -> JSON:
    text = str(node.value)
    if getattr(node, "style", None) is not None:  # quoted, or a | or > block
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INT.match(text):
        return int(text)
    return float(text) if _FLOAT.match(text) else text
