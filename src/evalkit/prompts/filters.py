"""Jinja's filters for prompts: the useful ones, each metered, without HTML escaping and without chance."""

from __future__ import annotations

import json
from functools import wraps
from typing import TYPE_CHECKING, Any

from jinja2.filters import FILTERS, ignore_case, make_attrgetter
from jinja2.runtime import Context, Undefined
from jinja2.tests import TESTS
from jinja2.utils import _PassArg, pass_context, pass_environment
from markupsafe import Markup

from evalkit.prompts.limits import (
    LimitError,
    check_argument,
    check_chars,
    check_items,
    check_key,
    check_percent,
    check_plain,
    described,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from jinja2 import Environment

    from evalkit.prompts.limits import Meter

MISSING_FILTERS: Mapping[str, str] = {
    "attr": "write x.name or x['name']",
    "pprint": "use tojson(indent=2)",
    "random": "a prompt must render the same way every time",
    "safe": "a prompt is never escaped: leave it out",
    "striptags": "clean the text before it reaches the prompt",
    "urlize": "it makes HTML, which a prompt does not need",
    "xmlattr": "write the attributes out",
}
"""Filters of Jinja that a prompt cannot use, and what to do instead."""

_OF_TEXT = frozenset({"lower", "upper"})
"""Tests that make a text of what they are given."""
_SLOW_CHARS_PER_STEP = 2
_SLOW = frozenset({"format", "title", "urlencode", "wordcount"})
_ITERATING = frozenset({
    "batch", "groupby", "join", "list", "map", "max", "min", "reject", "rejectattr", "select", "selectattr", "slice", "sort",
    "unique", "wordwrap",
})  # fmt: skip
"""Filters that look at every character of a text as an item."""
_OF_PARTS = _ITERATING | {
    "count", "d", "default", "dictsort", "first", "items", "last", "length", "reverse", "string", "sum", "tojson",
}  # fmt: skip
"""Filters that take a list or mapping as it is, or whose result counts; the others make a text of all that is in it."""
_SIZED = frozenset({"batch", "center", "indent", "slice", "truncate", "wordwrap"})
_SEARCHING = frozenset({"lstrip", "rfind", "rpartition", "rsplit", "rstrip", "strip", "trim"})
"""What takes the product of two lengths: Python looks from the right, and for one of several characters, without a plan."""
_MOST_DECIMALS = 400
_JINJAS_WIDTH, _COPIED_PER_STEP = 79, 20_000


def prompt_filters() -> dict[str, Callable[..., Any]]:
    """Return the filters of a prompt environment by name; each takes the template's context first."""
    own: dict[str, Callable[..., Any]] = {"tojson": _tojson, "sum": _sum, "unique": _unique}
    return {name: _metered(name, own.get(name, FILTERS[name])) for name in FILTERS if name not in MISSING_FILTERS}


def prompt_tests() -> dict[str, Callable[..., Any]]:
    """Return the tests (``is …``) of a prompt environment by name; each takes the template's context first."""
    stock: Mapping[str, Any] = TESTS
    return {name: _metered_test(name, function) for name, function in stock.items()}


def _metered_test(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    passes = _PassArg.from_obj(function)

    @pass_context
    @wraps(function)
    def run(context: Context, value: Any, *args: Any) -> Any:  # noqa: ANN401 - template values
        meter = context.environment.meter  # type: ignore[attr-defined]
        meter.step(1 + len(args))
        if args or name in _OF_TEXT:
            meter.compare(value)
        if args:
            meter.compare(args[0])
        return function(value, *args) if passes is None else function(context.environment, value, *args)

    return run


def _metered(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    passes = _PassArg.from_obj(function)
    speed = _speed(name)

    @pass_context
    @wraps(function)
    def run(context: Context, value: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - template values
        meter = context.environment.meter  # type: ignore[attr-defined]
        meter.step(1 + len(args) + len(kwargs))
        value = _input(value)
        meter.read(value, **speed)
        if name not in _OF_PARTS and not isinstance(value, str):
            meter.compare(value)
        if name == "join":
            value = meter.keep(list(value))
        foresee(name, value, (*args, *kwargs.values()), meter)
        if passes is not None:
            args = (value, *args)
            value = {"context": context, "eval_context": context.eval_ctx, "environment": context.environment}[
                passes.name
            ]
        result = function(value, *args, **kwargs)
        return meter.counted(result) if hasattr(result, "__next__") else meter.keep(result)

    return run


def _speed(name: str) -> dict[str, int]:
    if name in _ITERATING:
        return {"chars_per_step": 1}
    return {"chars_per_step": _SLOW_CHARS_PER_STEP} if name in _SLOW else {}


def _input(value: Any) -> Any:  # noqa: ANN401 - template values
    if isinstance(value, Markup):
        return str(value)
    if callable(value) and not isinstance(value, Undefined):
        raise LimitError(f"{described(value)} is not a value: call it with ()")
    if not hasattr(value, "__iter__"):
        check_plain(value)
    return value


def foresee(name: str, value: Any, args: tuple[Any, ...], meter: Meter) -> None:  # noqa: ANN401 - template values
    """Raise LimitError if the filter or text method ``name`` would make something too large out of ``value``, or search it for too long."""
    if name in _SEARCHING and isinstance(value, str):
        for arg in args:
            meter.search(value, arg if isinstance(arg, str) else "")
    if name == "wordwrap":
        meter.step(_wrapping_steps(str(value), args))
    if name in _SIZED:
        for arg in args:
            check_argument(arg)
    check = _GROWTH.get(name)
    if check is not None:
        check(value, args)


def _foresee_indent(value: Any, args: tuple[Any, ...]) -> None:  # noqa: ANN401 - template values
    unit = max(
        [len(arg) if isinstance(arg, str) else int(arg) for arg in args if isinstance(arg, (str, int))], default=4
    )
    check_chars(unit * (str(value).count("\n") + 1))


def _foresee_wordwrap(value: Any, args: tuple[Any, ...]) -> None:  # noqa: ANN401 - template values
    check_chars(max((len(arg) for arg in args if isinstance(arg, str)), default=1) * len(str(value)))


def _wrapping_steps(text: str, args: tuple[Any, ...]) -> int:
    """A word that is too long is copied anew for every piece that is cut off it."""
    width = min([arg for arg in args if type(arg) is int], default=_JINJAS_WIDTH)
    longest = max(map(len, text.splitlines()), default=0)
    return longest * longest // (max(width, 1) * _COPIED_PER_STEP)


def _foresee_replace(value: Any, args: tuple[Any, ...]) -> None:  # noqa: ANN401 - template values
    if len(args) >= 2 and isinstance(args[0], str) and isinstance(args[1], str):
        check_chars(len(args[1]) * str(value).count(args[0]))


def _foresee_join(value: Any, args: tuple[Any, ...]) -> None:  # noqa: ANN401 - template values
    if args and isinstance(args[0], str) and hasattr(value, "__len__"):
        check_chars(len(args[0]) * len(value))


def _foresee_batch(value: Any, args: tuple[Any, ...]) -> None:  # noqa: ANN401 - template values
    del value
    check_items(max((arg for arg in args if isinstance(arg, int)), default=0))


def _foresee_format(value: Any, args: tuple[Any, ...]) -> None:  # noqa: ANN401 - template values
    check_percent(str(value), args)
    for arg in args:
        check_plain(arg)


def _foresee_round(value: Any, args: tuple[Any, ...]) -> None:  # noqa: ANN401 - template values
    del value
    if any(isinstance(arg, int) and abs(arg) > _MOST_DECIMALS for arg in args):
        raise LimitError(f"round takes a precision of at most {_MOST_DECIMALS}")


_GROWTH: Mapping[str, Callable[[Any, tuple[Any, ...]], None]] = {
    "batch": _foresee_batch,
    "format": _foresee_format,
    "indent": _foresee_indent,
    "join": _foresee_join,
    "replace": _foresee_replace,
    "round": _foresee_round,
    "slice": _foresee_batch,
    "wordwrap": _foresee_wordwrap,
}


def _tojson(value: Any, indent: int | None = None) -> str:  # noqa: ANN401 - a JSON value
    """JSON for a model to read: not escaped for HTML, letters of every script as they are."""
    if indent is not None and not 0 <= indent <= 16:
        raise LimitError("tojson takes an indent from 0 to 16")
    _foresee_lines(value, indent or 0)
    return json.dumps(value, ensure_ascii=False, indent=indent, default=_not_json)


def _foresee_lines(value: Any, indent: int) -> None:  # noqa: ANN401 - a JSON value
    """Raise LimitError if the blanks before the lines alone would be too many: each part has its own, as many as it lies deep."""
    level, depth, blanks = [value], 0, 0
    while indent and level:
        level = [part for one in level for part in _parts(one)]
        depth += 1
        blanks += indent * depth * len(level)
        check_chars(blanks)


def _parts(value: Any) -> Iterable[Any]:  # noqa: ANN401 - a JSON value
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, (list, tuple)) else ()


def _not_json(value: Any) -> Any:  # noqa: ANN401 - json.dumps asks for it
    if isinstance(value, Undefined):
        return str(value)  # raises, naming the variable
    raise LimitError(f"{described(value)} is not JSON; a list is made with |list")


@pass_environment
def _unique(
    environment: Environment,
    value: Any,  # noqa: ANN401 - template values
    case_sensitive: bool = False,  # noqa: FBT002 - Jinja's
    attribute: str | int | None = None,
) -> Iterator[Any]:
    """Jinja's filter for what a mapping can have as a key, so that no choice of items makes it slow."""
    key = make_attrgetter(environment, attribute, postprocess=None if case_sensitive else ignore_case)
    seen = set()
    for item in value:
        one = key(item)
        check_key(one)
        if one not in seen:
            seen.add(one)
            yield item


@pass_context
def _sum(context: Context, values: Any, attribute: str | int | None = None, start: float = 0) -> float:  # noqa: ANN401
    """Sum numbers only: adding lists is quadratic."""
    total = start
    for item in values:
        number = context.environment.getitem(item, attribute) if attribute is not None else item
        if isinstance(number, Undefined):
            str(number)
        if not isinstance(number, (int, float)) or not isinstance(total, (int, float)):
            raise LimitError("sum takes numbers")
        total += number
    return total
