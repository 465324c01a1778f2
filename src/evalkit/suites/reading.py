"""Reading a parsed file strictly: typed access to nodes that notes every mistake with its line instead of stopping at the first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalkit.errors import SuiteError, Where, did_you_mean
from evalkit.model.nodes import Node

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from evalkit.errors import EvalkitError

MAX_COMPLAINTS = 100
_SHAPES = {
    "a mapping": "write it as `key: value` lines, or as {key: value}",
    "a list": "write it as `- item` lines, or as [one, two]",
    "text": "write one text here",
    "a whole number": "write digits, without quotes and without a point",
    "a number": "write a number",
}


class Complaints:
    """The mistakes found so far, in the suite's file at ``path`` and those it names.

    At most :data:`MAX_COMPLAINTS` are kept, the rest counted.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._found: list[SuiteError] = []
        self._more = 0

    def add(self, complaint: SuiteError) -> None:
        """Note one mistake; the same text at the same place counts once."""
        if len(self._found) >= MAX_COMPLAINTS:
            self._more += 1
        elif not any(str(known) == str(complaint) for known in self._found):
            self._found.append(complaint)

    @property
    def count(self) -> int:
        """How many mistakes were noted."""
        return len(self._found) + self._more

    def raise_any(self) -> None:
        """Raise one SuiteError with every complaint, by file (the suite's first) and line, if there is any."""
        if not self._found:
            return
        files = list(dict.fromkeys([self._path, *(_path(complaint) for complaint in self._found)]))
        ordered = sorted(self._found, key=lambda found: (files.index(_path(found)), _line(found)))
        if self._more:
            ordered.append(SuiteError(f"… and {self._more} more mistakes like these", hint="mend those above first"))
        raise SuiteError.of(ordered)


def _path(complaint: SuiteError) -> str:
    return complaint.where.path if complaint.where else ""


def _line(complaint: SuiteError) -> int:
    return (complaint.where.line if complaint.where else None) or 0


class Reader:
    """Typed access to the nodes of one file. Every method that finds a mistake notes it and returns None or what is left."""

    def __init__(self, path: str, complaints: Complaints | None = None) -> None:
        self.path = path
        self.complaints = complaints or Complaints(path)

    def beside(self, path: str) -> Reader:
        """A reader of another file that notes mistakes in the same list."""
        return Reader(path, self.complaints)

    def where(self, line: int) -> Where:
        """A place in this file."""
        return Where(self.path, line)

    def complain(self, message: str, line: int, hint: str) -> None:
        """Note a mistake in ``line``."""
        self.complaints.add(SuiteError(message, hint=hint, where=self.where(line)))

    def absorb(self, error: EvalkitError, line: int) -> None:
        """Note an error raised by another part, at its own place or else at ``line``."""
        self.complaints.add(SuiteError(error.message, hint=error.hint, where=error.where or self.where(line)))

    def mapping(self, node: Node | None, what: str) -> dict[str, Node]:
        """The entries of a mapping; nothing for a missing node."""
        if node is None:
            return {}
        if isinstance(node.value, dict):
            return node.value
        self._wrong(node, what, "a mapping")
        return {}

    def fields(self, node: Node | None, what: str, valid: Iterable[str]) -> dict[str, Node]:
        """The entries of a mapping whose keys are a closed set."""
        entries = self.mapping(node, what)
        names = frozenset(valid)
        unknown = entries.keys() - names
        if not unknown:
            return entries
        for key in unknown:
            self.unknown_key(key, what, names, entries[key].line)
        return {key: value for key, value in entries.items() if key in names}

    def unknown_key(self, key: str, what: str, valid: Collection[str], line: int) -> None:
        """Complain about a key that does not belong; endpoints and keys get the reason why they do not."""
        head, colon, rest = key.partition(":")
        hint = (
            f"write a blank after the colon: {head}: {rest[:60]}"
            if colon and head in valid
            else did_you_mean(key, valid)
        )
        if key in {"base_url", "api_base", "headers", "api_key", "api_key_env", "organization", "endpoint"}:
            hint = "endpoints and keys come only from [tool.evalkit.providers.<name>] in pyproject.toml"
        self.complain(f"unknown key {key[:80]!r} in {what}", line, hint)

    def items(self, node: Node | None, what: str) -> list[Node]:
        """The items of a list; nothing for a missing node."""
        if node is None:
            return []
        if isinstance(node.value, list):
            return node.value
        self._wrong(node, what, "a list")
        return []

    def text(self, node: Node | None, what: str) -> str | None:
        """A text that is not empty."""
        if node is None:
            return None
        if isinstance(node.value, str):
            if node.value.strip():
                return node.value
            self.complain(f"{what} is empty", node.line, "write something, or leave the key out")
            return None
        self._wrong(node, what, "text")
        return None

    def words(self, node: Node | None, what: str) -> list[Node]:
        """Texts from a list, or from one text with commas. Numbers count as text."""
        if node is None or node.value is None:
            return []
        if isinstance(node.value, str):
            parts = [part.strip() for part in node.value.split(",")]
            return [Node(part, node.line) for part in parts if part]
        found = []
        for item in self.items(node, what):
            word = self.label(item, what)
            if word is not None:
                found.append(Node(word, item.line))
        return found

    def label(self, node: Node | None, what: str) -> str | None:
        """A short text; a whole number counts as its digits."""
        if node is not None and isinstance(node.value, int) and not isinstance(node.value, bool):
            return str(node.value)
        return self.text(node, what)

    def number(self, node: Node | None, what: str) -> float | None:
        """A number."""
        if node is None:
            return None
        if isinstance(node.value, (int, float)) and not isinstance(node.value, bool):
            return float(node.value)
        self._wrong(node, what, "a number")
        return None

    def positive(self, node: Node | None, what: str, *, most: int) -> int | None:
        """A whole number from 1 to ``most``."""
        if node is None:
            return None
        value = node.value
        if isinstance(value, bool) or not isinstance(value, int):
            self._wrong(node, what, "a whole number")
            return None
        if not 1 <= value <= most:
            hint = f"write a number from 1 to {most}, or leave the key out"
            self.complain(f"{what} is {str(value)[:40]}; it must be from 1 to {most}", node.line, hint)
            return None
        return value

    def flag(self, node: Node | None, what: str) -> bool:
        """True or false; false for a missing node."""
        if node is None or isinstance(node.value, bool):
            return bool(node and node.value)
        self._wrong(node, what, "true or false")
        return False

    def _wrong(self, node: Node, what: str, wanted: str) -> None:
        hint = _SHAPES.get(wanted, f"write {wanted}")
        if wanted == "text" and isinstance(node.value, (bool, int, float)):
            hint = f"quote it: {str(node.plain()).lower()!r}"
        elif wanted == "true or false" and isinstance(node.value, str):
            hint = "write true or false; yes, no, on and off are text here"
        elif wanted == "a number" and isinstance(node.value, str):
            hint = "write the number without quotes, with a point for decimals"
        self.complain(f"{what} is {node.kind}, not {wanted}", node.line, hint)
