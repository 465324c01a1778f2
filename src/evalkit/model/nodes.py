"""A value with the line it stands in, as every reader of a suite, a dataset or a front matter makes it."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from evalkit.model.calls import JSON

MAX_DEPTH = 50
"""How many levels data may nest, whatever file it comes from."""

LONE_SURROGATE = re.compile("[\ud800-\udfff]")
"""Half of a character: no text that can be written as UTF-8 holds one."""


class Node(NamedTuple):
    """A value and its line (from 1): a scalar, a list of nodes, or a mapping of text to nodes.

    A value in a mapping carries the line of its key; an alias carries the line where it is used.
    """

    value: Any
    line: int

    def plain(self) -> JSON:
        """The value without line numbers."""
        value = self.value
        if isinstance(value, dict):
            return {key: node.plain() for key, node in value.items()}
        if isinstance(value, list):
            return [node.plain() for node in value]
        scalar: JSON = value
        return scalar

    @property
    def kind(self) -> str:
        """What the value is, for error messages: ``a mapping``, ``text``, ``a number``, …"""
        return kind_of(self.value)


def kind_of(value: object) -> str:
    """Name a JSON value's type in words."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "true/false (bool)"
    if isinstance(value, (int, float)):
        return "a number"
    if isinstance(value, str):
        return "text"
    return "a list" if isinstance(value, list) else "a mapping"
