"""What one rendering may use: steps, characters, nesting; every excess is an error, never a hang."""

from __future__ import annotations

import re
from collections.abc import MappingView
from typing import TYPE_CHECKING, Any

from jinja2.exceptions import TemplateRuntimeError
from jinja2.runtime import Undefined
from markupsafe import Markup

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_SOURCE_CHARS = 200_000
MAX_TOKENS = 50_000
MAX_STEPS = 1_000_000
MAX_TEXT_CHARS = 4_000_000
MAX_ITEMS = 200_000
MAX_INT_BITS = 4_096
MAX_DEPTH = 40
MAX_ARGUMENT = 100_000
_CHARS_PER_STEP = 64
_STEPS_PER_CALL = 10
_COMPARED_PER_STEP = 2048
_BITS_PER_DIGIT = 3
_KEY_BITS = 60  # a larger number has the hash of a smaller one
_WIDTH_DIGITS = 4
_PLAIN_FLOAT, _SHORT_FLOAT, _LONGEST_FLOAT = 1e15, 25, 320  # %f writes every digit before the point
_PERCENT = re.compile(r"%(?:\([^)]*\))?[#0\- +]*(\*|\d*)(?:\.(\*|\d*))?")


class LimitError(TemplateRuntimeError):
    """A template wants more than a prompt may use."""


class Meter:
    """Counts what one rendering uses. Each method raises :class:`LimitError` when a limit is passed."""

    __slots__ = ("_depth", "_steps", "_text")

    def __init__(self) -> None:
        self._steps = 0
        self._text = 0
        self._depth = 0

    def step(self, count: int = 1) -> None:
        """Count ``count`` steps: a loop turn, a call, a filter, or 64 characters handled."""
        self._steps += count
        if self._steps > MAX_STEPS:
            raise LimitError(f"the template does too much work (more than {MAX_STEPS:,} steps)")

    def text(self, length: int) -> None:
        """Count ``length`` characters of output, captured or final."""
        self._text += length
        if self._text > MAX_TEXT_CHARS:
            raise LimitError(f"the prompt grows too long (more than {MAX_TEXT_CHARS:,} characters)")

    def enter(self) -> None:
        """Count a call that begins, ten steps: macros and recursive loops may nest 40 deep."""
        self.step(_STEPS_PER_CALL)
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise LimitError(f"calls nest deeper than {MAX_DEPTH}: a macro or loop calls itself without end")

    def leave(self) -> None:
        """Count a call that ended."""
        self._depth -= 1

    def counted(self, items: Iterable[Any], static: int = 0, steps: int = 1) -> Iterator[Any]:
        """Yield ``items``, with ``steps`` each; ``static`` is the length of the literal text that each turn writes."""
        for item in items:
            self.step(steps)
            self.text(static)
            yield item

    def keep(self, value: Any) -> Any:  # noqa: ANN401 - whatever a template computes
        """Return a computed value if its size is allowed; shared parts of a container count each time they occur."""
        if isinstance(value, Markup):
            value = str(value)
        kind = type(value)
        if kind is str:
            check_chars(len(value))
            self.step(1 + len(value) // _CHARS_PER_STEP)
        elif kind in {list, tuple, dict}:
            self._walk(value, limited=True)
        elif kind is int and value.bit_length() > MAX_INT_BITS:
            raise LimitError("a number grows too large")
        return value

    def read(self, value: Any, *, chars_per_step: int = _CHARS_PER_STEP) -> None:  # noqa: ANN401 - whatever a template computes
        """Count the work of looking at a value once: its characters, or its direct parts."""
        if isinstance(value, str):
            self.step(len(value) // chars_per_step)
        elif isinstance(value, (list, tuple, dict)):
            self.step(len(value))

    def compare(self, value: Any) -> None:  # noqa: ANN401 - whatever a template computes
        """Count the work of comparing a value with another: all of it."""
        if isinstance(value, (str, list, tuple, dict)):
            self._walk(value, limited=False)
        elif isinstance(value, range):  # a number that is not whole is looked for in all of it
            self.step(len(value))
        elif isinstance(value, MappingView):
            self._walk([*value], limited=False)  # type: ignore[misc]  # the three views that there are can be iterated

    def search(self, text: str, sought: str) -> None:
        """Count the work of looking at every character of ``text`` for every one of ``sought``."""
        self.step(len(text) * len(sought) // _COMPARED_PER_STEP)

    def _walk(self, value: Any, *, limited: bool) -> None:  # noqa: ANN401 - text or a container
        chars = items = 0
        stack = [value]
        while stack:
            part = stack.pop()
            if isinstance(part, str):
                chars += len(part)
                self.step(len(part) // _CHARS_PER_STEP)
            elif isinstance(part, (dict, list, tuple)):
                items += len(part)
                self.step(len(part))
                stack.extend(part.values() if isinstance(part, dict) else part)
            elif limited:
                check_part(part)
                chars += part.bit_length() // _BITS_PER_DIGIT if isinstance(part, int) else 0
            if limited:
                check_chars(chars)
                check_items(items)


def check_chars(count: int) -> None:
    """Raise LimitError if a text of ``count`` characters is too long for one value."""
    if count > MAX_TEXT_CHARS:
        raise LimitError(f"a text grows too long (more than {MAX_TEXT_CHARS:,} characters)")


def check_items(count: int) -> None:
    """Raise LimitError if a list or mapping of ``count`` parts is too large for one value."""
    if count > MAX_ITEMS:
        raise LimitError(f"a list grows too large (more than {MAX_ITEMS:,} items)")


def check_plain(value: Any) -> None:  # noqa: ANN401 - whatever a template computes
    """Raise LimitError for a value that is neither JSON nor undefined: helper objects have no size and no text."""
    if value is not None and not isinstance(value, (str, int, float, list, tuple, dict, Undefined)):
        raise LimitError(f"{described(value)} cannot be part of a text or a list")


def check_part(value: Any) -> None:  # noqa: ANN401 - whatever a template computes
    """Raise LimitError for a part of a list or mapping that has no text of its own."""
    check_plain(value)
    if type(value) is Undefined:  # Jinja's lenient value of an 'if' without 'else', which would print as 'Undefined'
        raise LimitError("an 'if' without 'else' inside a list or mapping")


def check_key(value: Any) -> None:  # noqa: ANN401 - whatever a template computes
    """Raise LimitError for a key whose hash can be chosen at will, or takes long: a mapping of them would be slow without end."""
    if isinstance(value, tuple) or (isinstance(value, int) and value.bit_length() > _KEY_BITS):
        raise LimitError(f"{'a tuple' if isinstance(value, tuple) else 'so large a number'} cannot be a key")


def check_argument(value: Any) -> None:  # noqa: ANN401 - whatever a template computes
    """Raise LimitError for a number over 100,000 where a filter takes a width or a count."""
    if isinstance(value, int) and abs(value) > MAX_ARGUMENT:
        raise LimitError(
            f"the argument {value if value.bit_length() < 64 else 'given'} is too large (at most {MAX_ARGUMENT:,})"
        )


def check_percent(template: str, values: Any) -> None:  # noqa: ANN401 - the right side of %
    """Raise LimitError if a ``%`` format asks for a width or precision of more than four digits, or could make too long a text.

    A named value may be used by every directive, any other one by a single one.
    """
    parts = (
        list(values.values()) if isinstance(values, dict) else list(values) if isinstance(values, tuple) else [values]
    )
    sizes = [_shown_size(part) for part in parts]
    named = "%(" in template
    wide, count = 0, 0
    for match in _PERCENT.finditer(template):
        count += 1
        wide += sum(_width(asked, parts, match.group()) for asked in match.groups() if asked)
    long = count * max(sizes, default=0) if named else sum(sizes)
    check_chars(len(template) + wide + long)


def _width(asked: str, parts: list[Any], directive: str) -> int:
    """The width or precision that a directive asks for; ``*`` takes it from the values."""
    if asked == "*":
        for part in parts:
            check_argument(part)
        return max((abs(part) for part in parts if isinstance(part, int)), default=0)
    if len(asked) > _WIDTH_DIGITS:
        raise LimitError(f"the width in {directive[:20]!r} is too large (at most {_WIDTH_DIGITS} digits)")
    return int(asked)


def _shown_size(value: Any) -> int:  # noqa: ANN401 - whatever a template computes
    """About how many characters a value has as text."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, float):
        return _LONGEST_FLOAT if abs(value) > _PLAIN_FLOAT else _SHORT_FLOAT
    return len(str(value)) if isinstance(value, (list, tuple, dict, int)) else 0


def check_spec(spec: str) -> None:
    """Raise LimitError if a ``str.format`` spec asks for a width or precision of more than four digits."""
    if re.search(r"\d{5}", spec):
        raise LimitError(f"the width in {spec[:20]!r} is too large (at most {_WIDTH_DIGITS} digits)")


def described(value: Any) -> str:  # noqa: ANN401 - whatever a template computes
    """Say what a value is that is not text: ``a macro``, ``the method 'items'``, ``a generator``."""
    name = getattr(value, "__name__", "")
    kind = type(value).__name__
    if kind in {"builtin_function_or_method", "function", "method"}:
        return f"the method {name!r}"
    if kind == "Macro":
        return f"the macro {value.name!r}"
    if isinstance(value, type):
        return f"the function {name!r}"
    return f"a {kind}"


def advice(value: Any) -> str:  # noqa: ANN401 - whatever a template computes
    """Say what to write instead of printing a value that has no text."""
    return "call it with (), or write ['…'] for a key of that name" if callable(value) else "add |list or |join"
