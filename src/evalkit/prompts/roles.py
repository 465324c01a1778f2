"""Role blocks: ``{% system %}``, ``{% user %}``, ``{% assistant %}`` and ``{% message role %}``.

A block hands its message to the rendering directly, so nothing that a value contains can look like a block.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from jinja2 import nodes
from jinja2.exceptions import TemplateRuntimeError
from jinja2.ext import Extension

from evalkit.errors import did_you_mean
from evalkit.model.calls import Message, Role

if TYPE_CHECKING:
    from collections.abc import Callable

    from jinja2.parser import Parser

_FIXED = ("system", "user", "assistant")
ROLES: tuple[Role, ...] = tuple(role for role in get_args(Role) if role in _FIXED)
_BLANK = " \t\n\r\f\v"


class RoleBlocks(Extension):
    """The Jinja extension that turns role blocks into messages of the environment's ``rendering``."""

    tags = {*_FIXED, "message"}  # noqa: RUF012 - the name and shape that Jinja asks for

    def parse(self, parser: Parser) -> nodes.Node:
        """Parse one role block, from its tag to its end tag."""
        tag = next(parser.stream)
        role = parser.parse_expression() if tag.value == "message" else nodes.Const(tag.value)
        body = parser.parse_statements((f"name:end{tag.value}",), drop_needle=True)
        if isinstance(role, nodes.Const) and role.value not in _FIXED:
            parser.fail(_bad_role(role.value), tag.lineno)
        if any(_holds_role_block(node) for node in body):
            parser.fail(f"a role block inside {{% {tag.value} %}}: end it first", tag.lineno)
        return nodes.CallBlock(self.call_method("collect", [role]), [], [], body).set_lineno(tag.lineno)

    def collect(self, role: object, caller: Callable[[], str]) -> str:
        """Add the message that the block's body renders to; the block itself leaves no text."""
        rendering: Rendering = self.environment.rendering  # type: ignore[attr-defined]
        rendering.add(role, caller)
        return ""


class Rendering:
    """The messages that one rendering has collected so far."""

    __slots__ = ("_open", "messages")

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self._open = False

    def add(self, role: object, body: Callable[[], str]) -> None:
        """Render ``body`` and append it as a message. Raises TemplateRuntimeError for a bad role, nesting or no content."""
        name = next((known for known in ROLES if known == role), None)
        if name is None:
            raise TemplateRuntimeError(_bad_role(role))
        if self._open:
            raise TemplateRuntimeError("a role block inside another role block: end the first one before")
        self._open = True
        content = trimmed(str(body()))
        self._open = False
        if not content.strip():
            raise TemplateRuntimeError(f"the {name} message is empty")
        self.messages.append(Message(name, content))


def role_block_lines(nodes_: list[nodes.Node]) -> list[int]:
    """The lines of role blocks that run when ``nodes_`` do, so not those inside macros."""
    lines: list[int] = []
    for node in nodes_:
        if _is_role_block(node):
            lines.append(node.lineno)
        elif not isinstance(node, nodes.Macro):
            lines += role_block_lines(list(node.iter_child_nodes()))
    return lines


def trimmed(text: str) -> str:
    """Return ``text`` without blank lines at its start and end; the indent of the first line stays."""
    start = len(text) - len(text.lstrip(_BLANK))
    end = len(text.rstrip(_BLANK))
    if start >= end:
        return ""
    first = text.rfind("\n", 0, start) + 1
    last = text.find("\n", end)
    return text[first : last if last >= 0 else len(text)]


def _is_role_block(node: nodes.Node) -> bool:
    return (
        isinstance(node, nodes.CallBlock)
        and isinstance(node.call.node, nodes.ExtensionAttribute)
        and node.call.node.identifier == RoleBlocks.identifier
    )


def _holds_role_block(node: nodes.Node) -> bool:
    return _is_role_block(node) or any(_is_role_block(block) for block in node.find_all(nodes.CallBlock))


def _bad_role(role: object) -> str:
    name = role if isinstance(role, str) else repr(role)
    return f"no role {name[:40]!r}; {did_you_mean(name[:40], _FIXED)}"
