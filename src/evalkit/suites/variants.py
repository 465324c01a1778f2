"""Variants and the parameter grid as written in a suite."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalkit.suites.models import DELIVERY_KEYS
from evalkit.suites.spec import VariantSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalkit.model.calls import JSON
    from evalkit.model.nodes import Node
    from evalkit.suites.models import ModelReader
    from evalkit.suites.reading import Reader

VARIANT_KEYS = ("prompt", "model", "params", "at", *DELIVERY_KEYS, "fallbacks")
LABEL = re.compile(r"[\w:+\-./]+\Z", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,59}\Z")


@dataclass(frozen=True, slots=True)
class VariantReader:
    """Reads what a suite crosses its cases with."""

    reader: Reader
    models: ModelReader

    def variants(self, node: Node | None, prompt: Node | None, line: int) -> tuple[VariantSpec, ...]:
        """The variants, or the only one that ``prompt:`` alone makes."""
        suite_prompt = self._prompt(prompt)
        if node is None:
            if suite_prompt is None:
                hint = "write prompt: name (or name:v2), or variants: with a prompt each"
                if prompt is None:
                    self.reader.complain("the suite names no prompt", line, hint)
                return ()
            return (VariantSpec("", suite_prompt, self.reader.where(prompt.line if prompt else line)),)
        entries = self.reader.mapping(node, "variants")
        if not entries and node.value in ({}, None):
            self.reader.complain("there are no variants", node.line, "remove variants: or name one")
        found = (self._variant(name, entry, suite_prompt) for name, entry in entries.items())
        return tuple(variant for variant in found if variant is not None)

    def _variant(self, name: str, node: Node, suite_prompt: str | None) -> VariantSpec | None:
        if not _NAME.match(name):
            hint = "letters, digits and _ . + -, because it becomes part of a test id"
            self.reader.complain(f"{name[:80]!r} is not a name for a variant", node.line, hint)
        if isinstance(node.value, str):
            hint = f"write {name[:60]}: {{prompt: {node.value[:60]}}}"
            self.reader.complain(f"variant {name[:60]!r} is text, not a mapping", node.line, hint)
            return None
        entries = self._fields(name, node)
        prompt = self._prompt(entries.get("prompt")) or suite_prompt
        if prompt is None:
            if "prompt" not in entries:
                hint = "write prompt: name:v1 in the variant, or prompt: for the whole suite"
                self.reader.complain(f"variant {name[:60]!r} has no prompt", node.line, hint)
            return None
        return VariantSpec(
            name=name,
            prompt=prompt,
            where=self.reader.where(node.line),
            model=self.models.name(entries.get("model")),
            params=self.models.params(entries.get("params")),
            at=self.reader.text(entries.get("at"), "at"),
            delivery=self.models.delivery(entries),
            fallbacks=self.models.fallbacks(entries.get("fallbacks")),
        )

    def _fields(self, name: str, node: Node) -> dict[str, Node]:
        entries = self.reader.mapping(node, f"variant {name[:60]!r}")
        for key, value in entries.items():
            if key in {"temperature", "top_p", "top_k", "max_output_tokens", "seed", "stop", "reasoning_effort"}:
                self.reader.complain(f"{key} stands in the wrong place", value.line, f"write params: {{{key}: …}}")
            elif key not in VARIANT_KEYS:
                self.reader.unknown_key(key, f"variant {name[:60]!r}", VARIANT_KEYS, value.line)
        return entries

    def _prompt(self, node: Node | None) -> str | None:
        reference = self.reader.text(node, "prompt")
        # name@v2 goes on as it is: the prompt library says what to write instead.
        return reference if reference is None or ":" in reference or "@" in reference else f"{reference}:latest"

    def grid(self, node: Node | None) -> Mapping[str, tuple[JSON, ...]]:
        """Parameter → the values to cross, each fit to be part of a test id."""
        found: dict[str, tuple[JSON, ...]] = {}
        for name, values in self.reader.mapping(node, "grid").items():
            if name in {"model", "models"}:
                self.reader.complain("models are crossed with models:", values.line, "move them there")
                continue
            found[name] = tuple(self._grid_value(name, item) for item in self.reader.items(values, f"grid.{name}"))
            labels = [label_of(value) for value in found[name]]
            if len(set(labels)) != len(labels):
                self.reader.complain(f"grid.{name} holds a value twice", values.line, "name each value once")
            if values.value in ([], None):
                self.reader.complain(f"grid.{name} is empty", values.line, "list the values to cross")
        return found

    def _grid_value(self, name: str, item: Node) -> JSON:
        value = item.plain()
        if not isinstance(value, (str, int, float)) or not LABEL.match(label_of(value)):
            hint = "a value of the grid is a number, true, false or one word, because it becomes part of a test id"
            self.reader.complain(f"grid.{name} holds {item.kind}: {str(value)[:60]!r}", item.line, hint)
        return value


def label_of(value: JSON) -> str:
    """A grid value as it stands in a label: ``0.7``, ``true``, ``high``."""
    return str(value).lower() if isinstance(value, bool) else str(value)
