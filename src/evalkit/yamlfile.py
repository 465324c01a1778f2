"""YAML as evalkit reads it: JSON values with line numbers, built from the parser's events and bounded in every direction.

Scalars follow the YAML 1.2 core schema, minus what loses information: ``true``, ``false``, ``null`` and numbers written as in
JSON are typed; ``no``, ``012``, ``0x1F``, ``+49151``, ``1:30`` and dates stay text. Tags are refused everywhere. Anchors, aliases
and merge keys are bounded in a file, and refused where a reader asks for it.
"""

from __future__ import annotations

import gc
import math
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from evalkit.errors import EvalkitError, Where
from evalkit.files import read_text, shown
from evalkit.model.nodes import LONE_SURROGATE, MAX_DEPTH, Node, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from evalkit.model.calls import JSON

MAX_ALIAS_WEIGHT = 1_000_000
MAX_DIGITS = 300
_FLATTER = "no suite, dataset or front matter needs that; look for an indentation that grows"

_CONSTANTS: dict[str, JSON] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]*)\Z")
_FLOAT = re.compile(r"-?(?:0|[1-9][0-9]*)?(?:\.[0-9]+|\.(?=[eE]|\Z))?(?:[eE][-+]?[0-9]+)?\Z")
# With the line breaks of YAML 1.1 (U+0085, U+2028, U+2029), which the parser would fold into blanks.
_UNPRINTABLE = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")


def load_yaml(path: Path, *, root: Path) -> Node:
    """Read the YAML file at ``path``; errors name it relative to the project ``root``.

    Raises EvalkitError with the line; also for an empty file.
    """
    name = shown(path, root)
    document = parse_yaml(read_text(path, where=Where(name)), name=name)
    if document.value is None:
        raise EvalkitError("the file is empty", hint="write something into it, or delete it", where=Where(name, 1))
    return document


def parse_yaml(text: str, *, name: str, first_line: int = 1, aliases: bool = True) -> Node:
    """Parse the one YAML document in ``text``, which begins at ``first_line`` of the file ``name``; no document is None.

    Without ``aliases``, anchors, aliases and merge keys are refused. Raises EvalkitError with the line.
    """
    builder = _Builder(text, name, first_line, aliases=aliases)
    with _gc_paused():
        return builder.document()


@contextmanager
def _gc_paused() -> Iterator[None]:
    # Millions of small, acyclic objects are made: collecting between them doubles the time.
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class _Anchored(NamedTuple):
    node: Node
    weight: int
    height: int


class _Builder:
    """One pass over the events of a document. ``weight`` counts nodes, long texts as several, aliases at full size."""

    def __init__(self, text: str, name: str, first_line: int, *, aliases: bool) -> None:
        self._text = text
        self._name = name
        self._first_line = first_line
        self._aliases = aliases
        self._events: Iterator[Any] = iter(())
        self._anchors: dict[str, _Anchored | None] = {}
        self._weight = 0
        self._alias_weight = 0
        self._height = 0

    def document(self) -> Node:
        """The only document of the stream."""
        self._refuse_unprintable()
        try:
            self._events = yaml.parse(self._text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
            return self._root()
        except yaml.YAMLError as error:
            raise self._syntax_error(error) from error

    def _refuse_unprintable(self) -> None:
        bad = _UNPRINTABLE.search(self._text)
        if bad:
            raise self._error(
                f"a control character (U+{ord(bad[0]):04X}) in the file",
                self._text.count("\n", 0, bad.start()) + self._first_line,
                f'remove it, or write it as an escape in double quotes: "\\u{ord(bad[0]):04x}"',
            )

    def _root(self) -> Node:
        next(self._events)  # stream start
        if not isinstance(next(self._events), yaml.DocumentStartEvent):
            return Node(None, self._first_line)
        event = next(self._events)
        root = self._node(event, self._line(event), 1)
        next(self._events)  # document end
        follower = next(self._events)
        if isinstance(follower, yaml.DocumentStartEvent):
            raise self._error(
                "a second document starts here; a file holds one document",
                self._line(follower),
                "remove the line ---, or make two files",
            )
        return root

    def _line(self, event: Any) -> int:  # noqa: ANN401 - PyYAML's events share no useful type
        line: int = event.start_mark.line
        return line + self._first_line

    def _error(self, message: str, line: int, hint: str | None = None) -> EvalkitError:
        return EvalkitError(message, hint=hint, where=Where(self._name, line))

    def _syntax_error(self, error: yaml.YAMLError) -> EvalkitError:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "cannot be parsed"
        if mark is None:
            return self._error(f"not valid YAML: {problem}", self._first_line)
        lines = self._text.rstrip("\n").split("\n")
        row = min(mark.line, len(lines) - 1)  # what is not closed is missed after the last line
        line = row + self._first_line
        if lines[row][: mark.column + 1].lstrip(" ").startswith("\t"):
            return self._error("a tab cannot indent YAML", line, "use spaces")
        context = getattr(error, "context", None)
        detail = f"{context}: {problem}" if context else problem
        return self._error(f"not valid YAML: {detail}", line, self._syntax_hint(lines, row, str(problem)))

    def _syntax_hint(self, lines: list[str], row: int, problem: str) -> str:
        """What to do about a syntax error that the parser met in ``lines[row]``: most are indentation or missing quotes."""
        before = next((number for number in range(row - 1, -1, -1) if lines[number].strip()), None)
        indents = [
            len(lines[number]) - len(lines[number].lstrip(" ")) for number in (row, before) if number is not None
        ]
        misplaced = any(word in problem for word in ("'-' indicator", "<block end>", "mapping values are not allowed"))
        if misplaced and before is not None and indents[0] != indents[1]:
            return (
                f"it begins {indents[0]} columns in and line {before + self._first_line} {indents[1]}: what belongs together begins"
                " in the same column; or quote text that holds ': '"
            )
        if "'-' indicator" in problem:
            return "each item of a list begins with '- '"
        return "quote text that holds ': ', ' #', or begins with one of @ ` % & * ! | > { } [ ] ,"

    def _node(self, event: Any, line: int, depth: int) -> Node:  # noqa: ANN401 - as above
        if isinstance(event, yaml.ScalarEvent) and event.anchor is None and event.tag is None:
            self._weight += 1 + len(event.value) // 64
            return Node(self._scalar(event, line), line)
        if event.anchor is not None and not self._aliases:
            raise self._no_aliases(line)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event.anchor or "", line, depth)
        if event.tag is not None:
            raise self._error(
                f"tags are not allowed, and here is {event.tag[:80]!r}", line, "write the value without it; quote text"
            )
        return self._anchored(event, line, depth)

    def _anchored(self, event: Any, line: int, depth: int) -> Node:  # noqa: ANN401 - as above
        anchor, before, outer = event.anchor, self._weight, self._height
        self._height = 0
        if anchor is not None:
            self._anchors[anchor] = None
        node = Node(self._content(event, line, depth), line)
        if anchor is not None:
            self._anchors[anchor] = _Anchored(node, self._weight - before, self._height)
        self._height = max(outer, self._height + 1)
        return node

    def _content(self, event: Any, line: int, depth: int) -> Any:  # noqa: ANN401 - as above
        self._weight += 1
        if isinstance(event, yaml.ScalarEvent):
            self._weight += len(event.value) // 64
            return self._scalar(event, line)
        if depth > MAX_DEPTH:
            raise self._error(f"nested too deep: more than {MAX_DEPTH} levels", line, _FLATTER)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(depth)
        items: list[Node] = []
        for item in self._events:
            if isinstance(item, yaml.SequenceEndEvent):
                break
            items.append(self._node(item, self._line(item), depth + 1))
        return items

    def _mapping(self, depth: int) -> dict[str, Node]:
        entries: dict[str, Node] = {}
        merged: list[Node] = []
        for key_event in self._events:
            if isinstance(key_event, yaml.MappingEndEvent):
                break
            line = self._line(key_event)
            merge = isinstance(key_event, yaml.ScalarEvent) and key_event.value == "<<" and key_event.implicit[0]
            key = self._key(key_event, line)
            if key in entries and not merge:
                raise self._error(
                    f"the key {key[:80]!r} is there twice (first in line {entries[key].line})",
                    line,
                    "keep one of the two",
                )
            value = self._node(next(self._events), line, depth + 1)
            if merge:
                merged += self._merge_sources(value)
            else:
                entries[key] = value
        for source in merged:
            for key, value in source.value.items():
                entries.setdefault(key, value)
        return entries

    def _no_aliases(self, line: int) -> EvalkitError:
        return self._error("anchors and aliases (& * <<) are not allowed here", line, "write it out; quote text")

    def _merge_sources(self, node: Node) -> list[Node]:
        if not self._aliases:
            raise self._no_aliases(node.line)
        sources = node.value if isinstance(node.value, list) else [node]
        if not all(isinstance(source.value, dict) for source in sources):
            raise self._error(
                "<< merges mappings, and this is not one", node.line, "write <<: *anchor, or quote the key"
            )
        return list(sources)

    def _key(self, event: Any, line: int) -> str:  # noqa: ANN401 - as above
        if not isinstance(event, yaml.ScalarEvent):
            raise self._error(
                "a key of a mapping is text, and this one is not", line, 'quote text with braces: "{{ name }}"'
            )
        if event.tag is not None:
            raise self._error(f"tags are not allowed, and here is {event.tag[:80]!r}", line, "write the key without it")
        if event.anchor is not None:
            raise self._error(f"the anchor &{event.anchor[:80]} stands before a key", line, "put it before the value")
        self._weight += 1
        value = self._scalar(event, line)
        if not isinstance(value, str):
            raise self._error(f"the key {event.value[:80]!r} is {kind_of(value)}, not text", line, "quote it")
        return value

    def _alias(self, anchor: str, line: int, depth: int) -> Node:
        target = self._anchors.get(anchor)
        if target is None:
            inside = anchor in self._anchors
            reason = "refers to itself" if inside else "names no anchor above it"
            raise self._error(f"the alias *{anchor[:80]} {reason}", line, "quote text that begins with *")
        self._weight += target.weight
        self._alias_weight += target.weight
        if self._alias_weight > MAX_ALIAS_WEIGHT:
            raise self._error("aliases expand to too much data", line, "write the data out once, without aliases")
        if depth + target.height > MAX_DEPTH + 1:
            raise self._error(f"nested too deep through aliases: more than {MAX_DEPTH} levels", line, _FLATTER)
        self._height = max(self._height, target.height + 1)
        return Node(target.node.value, line)

    def _scalar(self, event: Any, line: int) -> JSON:  # noqa: ANN401 - as above
        text: str = event.value
        if not event.implicit[0]:
            if LONE_SURROGATE.search(text):
                raise self._error(
                    "an escape in this text is half of a character (a lone surrogate)",
                    line,
                    "write the character itself",
                )
            return text
        if text in _CONSTANTS:
            return _CONSTANTS[text]
        if text[0] in "-.0123456789":
            return self._number(text, line)
        return text

    def _number(self, text: str, line: int) -> JSON:
        if _INTEGER.match(text):
            if len(text) > MAX_DIGITS:
                raise self._error(f"a number of {len(text)} digits", line, "quote it if it is text")
            return int(text)
        if not _FLOAT.match(text) or not any("0" <= char <= "9" for char in text):
            return text
        number = float(text)
        if not math.isfinite(number):
            raise self._error(f"the number {text[:40]} is too large", line, "quote it if it is text")
        return number
