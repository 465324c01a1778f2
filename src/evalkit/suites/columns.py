"""Which column of a dataset becomes what: a flat row turned into the shape that an inline case has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalkit.errors import did_you_mean
from evalkit.model.nodes import Node

if TYPE_CHECKING:
    from evalkit.suites.reading import Reader

_PLAIN = ("id", "tags", "cluster")
_KEYS = ("vars", "expect", *_PLAIN)


class Columns:
    """The ``map:`` of a dataset entry. What it leaves out keeps its default.

    By default the columns ``id``, ``tags`` and ``cluster`` are themselves, ``expect.<name>`` is an expectation, ``checks`` (in JSON
    Lines and YAML) a list of checks, and every other column a variable. A row with a column ``vars`` that is a mapping, and no
    ``map:``, has the shape of an inline case.
    """

    def __init__(self, node: Node | None, reader: Reader) -> None:
        entries = reader.fields(node, "map", _KEYS)
        self._mapped = node is not None
        self._told: set[tuple[str, str]] = set()
        self._plain = {key: column for key in _PLAIN if (column := reader.text(entries.get(key), f"map.{key}"))}
        self._vars = _names(entries.get("vars"), "map.vars", reader)
        self._expect = _names(entries.get("expect"), "map.expect", reader)

    def case(self, row: Node, reader: Reader) -> Node | None:
        """The row as an inline case; None if ``map:`` names a column that it lacks, which is noted once per file."""
        columns: dict[str, Node] = row.value
        if not self._mapped and "vars" in columns and isinstance(columns["vars"].value, dict):
            return row
        if self._lacks(columns, row.line, reader):
            return None
        case = {key: columns[name] for key in _PLAIN if (name := self._plain.get(key, key)) in columns}
        taken = {self._plain.get(key, key) for key in _PLAIN}
        case["expect"] = Node(self._expectations(columns, taken, reader), row.line)
        if not self._mapped and "checks" in columns:
            case["checks"] = columns["checks"]
            taken.add("checks")
        chosen = self._vars or {name: name for name in columns if name not in taken}
        case["vars"] = Node({name: columns[column] for name, column in chosen.items() if column in columns}, row.line)
        return Node({key: node for key, node in case.items() if not _blank(node, key)}, row.line)

    def _expectations(self, columns: dict[str, Node], taken: set[str], reader: Reader) -> dict[str, Node]:
        if self._expect:
            taken.update(self._expect.values())
            return {name: columns[column] for name, column in self._expect.items() if column in columns}
        found: dict[str, Node] = {}
        for column, node in columns.items():
            if column.startswith("expect."):
                found[column.removeprefix("expect.")] = node
                taken.add(column)
        if "expect" in columns:
            taken.add("expect")
            if isinstance(columns["expect"].value, dict):
                found = {**columns["expect"].value, **found}
            else:
                reader.complain(
                    "the column 'expect' needs a name", columns["expect"].line, "call it expect.answer, say"
                )
        return found

    def _lacks(self, columns: dict[str, Node], line: int, reader: Reader) -> bool:
        named = (*self._plain.values(), *self._vars.values(), *self._expect.values())
        missing = [column for column in named if column not in columns]
        for column in missing:
            if (reader.path, column) not in self._told:
                self._told.add((reader.path, column))
                hint = did_you_mean(column, columns)
                reader.complain(f"map names a column {column[:80]!r} that is not there", line, hint)
        return bool(missing)


def _names(node: Node | None, what: str, reader: Reader) -> dict[str, str]:
    if node is None:
        return {}
    if isinstance(node.value, list):
        words = [reader.text(item, what) for item in node.value]
        return {word: word for word in words if word}
    entries = reader.mapping(node, what)
    return {name: column for name, item in entries.items() if (column := reader.text(item, f"{what}.{name}"))}


def _blank(node: Node, key: str) -> bool:
    return key in _PLAIN and (node.value is None or node.value == "")
