"""Tests in a CSV file: every column is a variable, but for those whose names begin with two underscores."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING

from evalkit.errors import Where
from evalkit.files import shown
from evalkit.importers.notes import UnportableError
from evalkit.model.nodes import Node

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from evalkit.importers.promptfoo.config import Source

_METADATA = "__metadata:"
_EXPECTED = re.compile(r"__expected\d*\Z")
_GRAMMAR = re.compile(r"(?P<type>(?:not-)?[a-z][a-z-]*)(?:\((?P<threshold>[\d.]+)\))?(?::(?P<value>.*))?\Z", re.DOTALL)
_PREFIXES = {
    "javascript:": "javascript",
    "fn:": "javascript",
    "eval:": "javascript",
    "grade:": "llm-rubric",
    "python:": "python",
}
_LEAST = {
    "similar": 0.8,
    "answer-relevance": 0.75,
    "context-faithfulness": 0.75,
    "rouge-n": 0.75,
    "cost": 0.75,
    "latency": 0.75,
}


def rows_of(source: Source, path: Path) -> Iterator[tuple[Node, Where]]:
    """The tests of a CSV file as they would be written in YAML, with their places. Raises UnportableError."""
    from evalkit.importers.promptfoo.assertions import KINDS

    name = shown(path, source.folder)
    try:
        reader = csv.DictReader(io.StringIO(source.text(path)), strict=True)
        for row in reader:
            if None in row or None in row.values():
                raise UnportableError(f"{name}:{reader.line_num}: as many cells as the header has are wanted")
            where = Where(name, reader.line_num)
            yield _test(source, {key: value or "" for key, value in row.items()}, where, set(KINDS)), where
    except csv.Error as error:
        raise UnportableError(f"{name} is no CSV: {error}") from error


def _test(source: Source, row: dict[str, str], where: Where, kinds: set[str]) -> Node:
    line = where.line or 1
    asserts = [_assertion(text, line, kinds) for key, text in row.items() if _EXPECTED.match(key) and text.strip()]
    parts = {
        "vars": Node({key: Node(text, line) for key, text in row.items() if not key.startswith("__")}, line),
        "assert": Node(asserts, line),
    }
    if row.get("__description"):
        parts["description"] = Node(row["__description"], line)
    told = {key: text for key, text in row.items() if key.startswith(_METADATA) and text}
    if told:
        parts["metadata"] = Node(
            {key.removeprefix(_METADATA).removesuffix("[]"): _metadata(key, text, line) for key, text in told.items()},
            line,
        )
    for key, text in row.items():
        if key.startswith("__") and not _EXPECTED.match(key) and key not in {"__description", *told} and text:
            source.notes.left_out(where, f"the column {key[:40]}")
    return Node(parts, line)


def _metadata(key: str, text: str, line: int) -> Node:
    """A cell of ``__metadata:name``; of ``__metadata:name[]`` the texts between its commas."""
    if not key.endswith("[]"):
        return Node(text, line)
    return Node([Node(one.strip().replace("\\,", ","), line) for one in re.split(r"(?<!\\),", text)], line)


def _assertion(text: str, line: int, kinds: set[str]) -> Node:
    """One cell of ``__expected``: ``type(threshold):value``, a program with its prefix, or else the text that is wanted."""
    text = text.strip()
    for prefix, kind in _PREFIXES.items():
        if text.startswith(prefix):
            return _node(kind, text.removeprefix(prefix).strip(), None, line)
    found = _GRAMMAR.match(text)
    if found is None or found["type"].removeprefix("not-") not in kinds:
        return _node("equals", text, None, line)
    threshold = found["threshold"] or _LEAST.get(found["type"].removeprefix("not-"))
    return _node(found["type"], found["value"], None if threshold is None else float(threshold), line)


def _node(kind: str, value: str | None, threshold: float | None, line: int) -> Node:
    parts: dict[str, Node] = {"type": Node(kind, line)}
    if value is not None:
        parts["value"] = Node(value.strip(), line)
    if threshold is not None:
        parts["threshold"] = Node(threshold, line)
    return Node(parts, line)
