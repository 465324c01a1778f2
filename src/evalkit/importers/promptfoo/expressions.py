"""One-line assertions in JavaScript or Python as checks: parsed as an expression of a small grammar, never run.

Of the single-line assertions in promptfoo's own examples, nearly all are comparisons of the answer, its length, or a part of its JSON with a constant.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, NoReturn

from evalkit.importers.notes import UnportableError

if TYPE_CHECKING:
    from evalkit.model.calls import JSON

_JAVASCRIPT = (
    (re.compile(r"!==?"), "!="),
    (re.compile(r"===?"), "=="),
    (re.compile(r"&&"), " and "),
    (re.compile(r"\|\|"), " or "),
    (re.compile(r"!(?!=)"), " not "),
    (re.compile(r"\btrue\b"), "True"),
    (re.compile(r"\bfalse\b"), "False"),
    (re.compile(r"\bnull\b"), "None"),
)
_TEXTS = re.compile(r"""("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')""")
_TEST = re.compile(r"/((?:[^/\\\n]|\\.)+)/([gimsu]*)\.test\(output\)\Z")
_RANGES = {ast.Gt: ("min", 1), ast.GtE: ("min", 0), ast.Lt: ("max", -1), ast.LtE: ("max", 0)}
_CALLS = {"includes": "contains", "startsWith": "starts_with", "startswith": "starts_with", "endsWith": "ends_with", "endswith": "ends_with"}  # fmt: skip
_LOWER = {"toLowerCase", "lower", "toUpperCase", "upper"}
_TRIM = {"trim", "strip"}
_LONGEST = 1000
_BY_HAND = "write it as a check in Python (docs/python.md)"

Check = dict[str, "JSON"]


def from_javascript(code: str) -> Check:
    """A JavaScript expression over ``output`` as a check. Raises UnportableError."""
    code = _short(code).rstrip("; \n")
    test = _TEST.fullmatch(code)
    if test:
        return regex(test[1], flags=test[2])
    if "`" in code or "=>" in code:
        raise UnportableError(f"it is a program: {_BY_HAND}")
    parts = _TEXTS.split(code)
    for place in range(0, len(parts), 2):
        for pattern, by in _JAVASCRIPT:
            parts[place] = pattern.sub(by, parts[place])
    return _check("".join(parts).strip())


def from_python(code: str) -> Check:
    """A Python expression over ``output`` as a check. Raises UnportableError."""
    return _check(_short(code))


def regex(pattern: str, *, flags: str = "") -> Check:
    """A JavaScript regular expression as a check."""
    python = re.sub(r"\(\?<(?![=!])", "(?P<", pattern)
    more: Check = {
        name: True for sign, name in (("i", "ignore_case"), ("m", "multiline"), ("s", "dotall")) if sign in flags
    }
    return {"regex": {"pattern": python, **more} if more else python}


def select_of(code: str) -> str | None:
    """The JSONPath behind ``output.a.b``, ``JSON.parse(output).a`` or ``json.loads(output)['a']``; None if it is another expression."""
    try:
        return _path(ast.parse(_short(code), mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError, UnportableError):
        return None


def _short(code: str) -> str:
    """One line of code without its ``return``. Raises UnportableError for more."""
    line = code.strip().removeprefix("return ")
    if "\n" in line or len(line) > _LONGEST:
        raise UnportableError(f"it is a program: {_BY_HAND}")
    return line


def _check(code: str) -> Check:
    try:
        return _truth(ast.parse(code, mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise UnportableError(f"it is a program: {_BY_HAND}") from error


def _truth(node: ast.expr) -> Check:
    """What makes an expression true, as a check."""
    match node:
        case ast.BoolOp(op, values):
            return {"all_of" if isinstance(op, ast.And) else "any_of": [_truth(one) for one in values]}
        case ast.UnaryOp(ast.Not(), operand):
            return {"not": _truth(operand)}
        case ast.Call(ast.Attribute(of, name), [argument]) if name in _CALLS:
            return _text_check(_CALLS[name], of, argument)
        case ast.Compare(left, [op], [right]):
            return _compared(left, op, right)
    return _unknown()


def _compared(left: ast.expr, op: ast.cmpop, right: ast.expr) -> Check:
    match op:
        case ast.In():
            return _text_check("contains", right, left)
        case ast.NotIn():
            return {"not": _text_check("contains", right, left)}
        case ast.NotEq():
            return {"not": _compared(left, ast.Eq(), right)}
    unit = _unit(left)
    if unit is not None:
        return {"length": {unit: _bounds(op, right)}}
    return _equal(left, _constant(right)) if isinstance(op, ast.Eq) else _number(left, op, right)


def _number(left: ast.expr, op: ast.cmpop, right: ast.expr) -> Check:
    """A number in the answer's JSON, above or below a constant; ``number`` knows no open bounds."""
    path = _path(left)
    if path is None or not isinstance(op, (ast.GtE, ast.LtE)):
        return _unknown()
    return {"number": {"select": path, _RANGES[type(op)][0]: _constant(right)}}


def _equal(left: ast.expr, value: JSON) -> Check:
    path = _path(left)
    if path is not None:
        return {"equals": {"select": path, **({"value": value} if isinstance(value, str) else {"json": value})}}
    of, ignore_case = _plain(left)
    if not _is_output(of) or not isinstance(value, str):
        return _unknown()
    return {"equals": {"value": value, "ignore_case": True} if ignore_case else value}


def _text_check(name: str, of: ast.expr, argument: ast.expr) -> Check:
    """``contains`` and its like: of the answer, or of a part of its JSON."""
    value = _constant(argument)
    of, ignore_case = _plain(of)
    if not isinstance(value, str):
        return _unknown()
    more: Check = {"ignore_case": True} if ignore_case else {}
    path = _path(of)
    if path is not None:
        more["select"] = path
    elif not _is_output(of):
        return _unknown()
    return {name: {"value": value, **more} if more else value}


def _plain(node: ast.expr) -> tuple[ast.expr, bool]:
    """What ``.trim()`` and ``.toLowerCase()`` are called on, and whether case does not count."""
    ignore_case = False
    while (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and not node.args
        and node.func.attr in _LOWER | _TRIM
    ):
        ignore_case = ignore_case or node.func.attr in _LOWER
        node = node.func.value
    return node, ignore_case


def _unit(node: ast.expr) -> str | None:
    """The unit that is counted: characters for ``output.length`` and ``len(output)``, words for ``output.split(' ').length``."""
    match node:
        case ast.Attribute(of, "length") | ast.Call(ast.Name("len"), [of]):
            of, _ = _plain(of)
            if isinstance(of, ast.Call) and isinstance(of.func, ast.Attribute) and of.func.attr == "split":
                inner, _ = _plain(of.func.value)
                return "words" if _is_output(inner) else None
            return "chars" if _is_output(of) else None
    return None


def _bounds(op: ast.cmpop, right: ast.expr) -> JSON:
    count = _constant(right)
    if not isinstance(count, int) or isinstance(count, bool):
        return _unknown()
    if isinstance(op, ast.Eq):
        return count
    if type(op) not in _RANGES:
        return _unknown()
    name, step = _RANGES[type(op)]
    return {name: count + step}


def _constant(node: ast.expr) -> JSON:
    match node:
        case ast.Constant(str() | int() | float() | bool() | None as value):
            return value
        case ast.UnaryOp(ast.USub(), ast.Constant(int() | float() as number)):
            return -number
        case ast.Attribute(ast.Attribute(ast.Name("context"), "vars"), name) if name.isidentifier():
            return "{{ " + name + " }}"
        case ast.Subscript(ast.Subscript(ast.Name("context"), ast.Constant("vars")), ast.Constant(str() as name)) if (
            name.isidentifier()
        ):
            return "{{ " + name + " }}"
    return _unknown()


def _path(node: ast.expr) -> str | None:
    """The JSONPath of a part of the answer's JSON; None if the expression is another."""
    match node:
        case ast.Call(ast.Attribute(ast.Name("JSON"), "parse") | ast.Attribute(ast.Name("json"), "loads"), [of]) if (
            _is_output(of)
        ):
            return "$"
        case ast.Attribute(of, name) if name != "length":
            inner = "$" if _is_output(of) else _path(of)
            return None if inner is None else f"{inner}.{name}"
        case ast.Subscript(of, ast.Constant(str() | int() as key)) if not isinstance(key, bool):
            inner = "$" if _is_output(of) else _path(of)
            return None if inner is None else f"{inner}[{key!r}]"
    return None


def _is_output(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "output"


def _unknown() -> NoReturn:
    raise UnportableError(f"it is a program: {_BY_HAND}")
