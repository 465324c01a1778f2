"""Compile-time half of the meter: rewrites a parsed template so that everything that can repeat or grow is counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from jinja2 import nodes
from jinja2.runtime import Context, Undefined
from jinja2.utils import pass_context
from jinja2.visitor import NodeTransformer

from evalkit.prompts.limits import LimitError, Meter, advice, check_key, check_plain, described

if TYPE_CHECKING:
    from collections.abc import Iterator

_Scope = TypeVar("_Scope", nodes.Template, nodes.Macro, nodes.CallBlock, nodes.Block)
_STEPS_PER_SCOPE = 10
_NODES_PER_STEP = 4
_OWN_SCOPE = (nodes.Macro, nodes.CallBlock, nodes.Block)


def metered(template: nodes.Template) -> nodes.Template:
    """Return the template with counting added. It is changed in place, and must not be passed twice."""
    return _Meterer().visit(template)  # type: ignore[no-any-return]


@pass_context
def each(context: Context, items: Any, static: int, steps: int) -> Iterator[Any]:  # noqa: ANN401 - template values
    """What a ``for`` loop runs over: each turn is ``steps`` and ``static`` characters."""
    if callable(items) and not isinstance(items, Undefined):
        raise LimitError(f"cannot loop over {described(items)}: {advice(items)}")
    return _meter(context).counted(items, static, steps)


@pass_context
def concatenated(context: Context, parts: list[Any]) -> Any:  # noqa: ANN401 - template values
    """What ``a ~ b`` makes."""
    for part in parts:
        check_plain(part)
    return _meter(context).keep("".join([str(part) for part in parts]))


@pass_context
def weighed(context: Context, value: Any) -> Any:  # noqa: ANN401 - template values
    """What a list, tuple or mapping written in a template is."""
    return _meter(context).keep(value)


@pass_context
def compared(context: Context, value: Any) -> Any:  # noqa: ANN401 - template values
    """What is compared with ``==``, ``<`` or ``in``."""
    _meter(context).compare(value)
    return value


def keyed(value: Any) -> Any:  # noqa: ANN401 - template values
    """What a mapping written in a template has as a key."""
    check_key(value)
    return value


@pass_context
def spend(context: Context, static: int, steps: int) -> None:
    """What a template, macro, block or call body does first: count itself, and the literal text it may write."""
    meter = _meter(context)
    meter.step(_STEPS_PER_SCOPE + steps)
    meter.text(static)


def _meter(context: Context) -> Meter:
    meter: Meter = context.environment.meter  # type: ignore[attr-defined]
    return meter


class _Meterer(NodeTransformer):
    def visit_For(self, node: nodes.For) -> nodes.For:  # noqa: N802 - Jinja's naming
        size = _size(node.body)
        self.generic_visit(node)
        node.iter = _filter(node.iter, "__each", *size)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Expr:  # noqa: N802
        self.generic_visit(node)
        return _filter(nodes.List(list(node.nodes), lineno=node.lineno), "__concat")

    def visit_Compare(self, node: nodes.Compare) -> nodes.Compare:  # noqa: N802
        self.generic_visit(node)
        node.expr = _compared(node.expr)
        for operand in node.ops:
            operand.expr = _compared(operand.expr)
        return node

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Expr:  # noqa: N802
        self.generic_visit(node)
        return _filter(node, "__weigh") if isinstance(node.arg, nodes.Slice) else node

    def visit_List(self, node: nodes.List) -> nodes.Expr:  # noqa: N802
        self.generic_visit(node)
        return _filter(node, "__weigh")

    def visit_Dict(self, node: nodes.Dict) -> nodes.Expr:  # noqa: N802
        self.generic_visit(node)
        return _filter(node, "__weigh")

    def visit_Pair(self, node: nodes.Pair) -> nodes.Pair:  # noqa: N802
        self.generic_visit(node)
        if not isinstance(node.key, nodes.Const) or not isinstance(node.key.value, str):
            node.key = _filter(node.key, "__key")
        return node

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Expr:  # noqa: N802
        self.generic_visit(node)
        return _filter(node, "__weigh") if node.ctx == "load" else node

    def visit_Template(self, node: nodes.Template) -> nodes.Template:  # noqa: N802
        return self._scope(node)

    def visit_Macro(self, node: nodes.Macro) -> nodes.Macro:  # noqa: N802
        return self._scope(node)

    def visit_CallBlock(self, node: nodes.CallBlock) -> nodes.CallBlock:  # noqa: N802
        return self._scope(node)

    def visit_Block(self, node: nodes.Block) -> nodes.Block:  # noqa: N802
        return self._scope(node)

    def _scope(self, node: _Scope) -> _Scope:
        static, steps = _size(node.body)
        self.generic_visit(node)
        spending = _filter(nodes.Const(static, lineno=node.lineno), "__spend", steps)
        node.body.insert(0, nodes.ExprStmt(spending, lineno=node.lineno))
        return node


def _filter(value: nodes.Node, name: str, *args: int) -> nodes.Filter:
    constants: list[nodes.Expr] = [nodes.Const(arg, lineno=value.lineno) for arg in args]
    return nodes.Filter(value, name, constants, [], None, None, lineno=value.lineno)


def _compared(operand: nodes.Expr) -> nodes.Expr:
    return operand if isinstance(operand, nodes.Const) else _filter(operand, "__compare")


def _size(body: list[nodes.Node]) -> tuple[int, int]:
    """How many characters of literal text a body may write, and how many steps its parts are, whatever their values."""
    return _static_length(body), 1 + _count(body) // _NODES_PER_STEP


def _count(body: list[nodes.Node]) -> int:
    """The parts of a body, without those that count themselves: what loops repeat, and what is called."""
    count = 0
    for node in body:
        inner = list(node.iter_child_nodes(exclude=("body",) if isinstance(node, (nodes.For, *_OWN_SCOPE)) else None))
        count += 1 + _count(inner)
    return count


def _static_length(body: list[nodes.Node]) -> int:
    length = 0
    for node in body:
        if isinstance(node, nodes.TemplateData):
            length += len(node.data)
        elif isinstance(node, nodes.For):
            length += _static_length(node.else_)
        elif not isinstance(node, _OWN_SCOPE):
            length += _static_length(list(node.iter_child_nodes()))
    return length
