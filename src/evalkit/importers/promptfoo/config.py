"""A ``promptfooconfig.yaml`` and the files that it names, read as data: nothing in them is run, and none outside their folder is opened."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from evalkit.errors import ConfigError, EvalkitError, Where
from evalkit.files import inside, read_text, shown
from evalkit.importers.notes import Notes, UnportableError
from evalkit.model.nodes import Node
from evalkit.yamlfile import load_yaml, parse_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KNOWN = frozenset({
    "$schema", "description", "tags", "metadata", "prompts", "providers", "targets", "tests", "scenarios", "defaultTest", "outputPath",
    "evaluateOptions", "commandLineOptions", "env", "sharing", "writeLatestResults", "assertionTemplates",
})  # fmt: skip
"""The keys of a configuration that are read, or mean nothing to what is measured."""
_SCHEME = "file://"
_PROGRAMS = {".js", ".cjs", ".mjs", ".ts", ".py", ".rb", ".go", ".sh"}


@dataclass(frozen=True, slots=True)
class Source:
    """What stands in the file ``name``. Files that it names are looked up in ``folder``, the configuration's; ``notes`` take what is left out."""

    folder: Path
    name: str
    root: Node
    notes: Notes

    def where(self, node: Node) -> Where:
        """The place of a node."""
        return Where(self.name, node.line)

    def get(self, key: str) -> Node | None:
        """A key at the top, or None."""
        found: Node | None = self.root.value.get(key)
        return found

    def files(self, text: str, node: Node) -> list[Path]:
        """The files that ``text`` names, without or with ``file://``, in the order of their names. Raises UnportableError."""
        name = text.removeprefix(_SCHEME)
        if "://" in name or name.startswith(("huggingface:", "package:", "exec:")):
            raise UnportableError(f"{text[:100]!r} is not in this folder: download it first")
        try:
            return [
                inside(one, root=self.folder, bases=(self.folder,), where=self.where(node)) for one in self._names(name)
            ]
        except EvalkitError as error:
            raise UnportableError(f"{error.message}") from error

    def text(self, path: Path) -> str:
        """The text of a file. Raises UnportableError, also for a program: none is run."""
        if is_program(path.name):
            raise UnportableError(
                f"{shown(path, self.folder)} is a program, and nothing is run: write down what it makes"
            )
        try:
            return read_text(path, where=Where(shown(path, self.folder)))
        except EvalkitError as error:
            raise UnportableError(str(error)) from error

    def data(self, path: Path) -> Source:
        """The YAML or JSON of a file, as a source of its own. Raises UnportableError."""
        text, name = self.text(path), shown(path, self.folder)
        try:
            return Source(self.folder, name, parse_yaml(text, name=name), self.notes)
        except EvalkitError as error:
            raise UnportableError(str(error)) from error

    def resolved(self, node: Node) -> Node:
        """``node``, or what its ``$ref`` names in this file. Raises UnportableError."""
        if not isinstance(node.value, dict) or "$ref" not in node.value:
            return node
        text = str(node.value["$ref"].value)
        found = self.root
        for step in text.removeprefix("#/").split("/"):
            if not text.startswith("#/") or not isinstance(found.value, dict) or step not in found.value:
                raise UnportableError(f"$ref {text[:100]!r} leads nowhere in this file")
            found = found.value[step]
        return Node(found.value, node.line)

    def _names(self, name: str) -> list[str]:
        if not any(sign in name for sign in "*?["):
            return [name]
        if name.startswith("/") or ".." in name.split("/") or name.count("**") > 1:
            raise UnportableError(
                f"{name[:100]!r} leaves the folder of the configuration, or looks through it more than once"
            )
        try:
            found = sorted(
                path.relative_to(self.folder).as_posix() for path in self.folder.glob(name) if path.is_file()
            )
        except (ValueError, OSError) as error:
            raise UnportableError(f"{name[:100]!r} is not a pattern for files") from error
        if not found:
            raise UnportableError(f"{name[:100]!r} names no file")
        return found


def read_config(path: Path) -> Source:
    """Read the configuration at ``path``. Raises ConfigError if it is none."""
    if path.suffix.lower() not in {".yaml", ".yml", ".json"}:
        raise ConfigError(
            f"{path.name} is a program or unknown: only YAML and JSON are read",
            hint="nothing of a configuration is run: write what it makes as YAML",
        )
    root = load_yaml(path, root=path.parent)
    if not isinstance(root.value, dict) or not root.value.keys() & {"prompts", "providers", "targets", "tests"}:
        raise ConfigError(
            "this is no promptfoo configuration: it has neither prompts, providers nor tests",
            hint="name a promptfooconfig.yaml",
            where=Where(path.name, root.line),
        )
    source = Source(path.parent, path.name, root, Notes())
    for key, node in root.value.items():
        if key not in KNOWN:
            source.notes.left_out(source.where(node), f"{key[:40]}: evalkit has nothing like it")
    return source


def items(node: Node | None) -> Iterator[Node]:
    """The members of a list, or the one thing that stands in its place."""
    if node is not None:
        yield from node.value if isinstance(node.value, list) else [node]


def entries(node: Node | None) -> dict[str, Node]:
    """The entries of a mapping; of anything else, none."""
    return dict(node.value) if node is not None and isinstance(node.value, dict) else {}


def as_text(node: Node) -> str:
    """A scalar as promptfoo prints it; a list or a mapping as JSON."""
    value = node.plain()
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def is_program(name: str) -> bool:
    """Whether ``name`` (``file://checks.py:get_assert``) is a file of code."""
    return PurePath(name.removeprefix(_SCHEME).partition(":")[0]).suffix in _PROGRAMS
