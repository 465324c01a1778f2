"""The sandbox that prompts and check parameters render in: JSON in, text out, nothing else reachable, nothing endless.

Built on Jinja's ImmutableSandboxedEnvironment, which stops code but not resources: every loop, call, filter, operator and
printed value goes through a :class:`evalkit.prompts.limits.Meter`.
"""

from __future__ import annotations

import math
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from jinja2 import BaseLoader, StrictUndefined, nodes
from jinja2.exceptions import TemplateAssertionError, TemplateSyntaxError
from jinja2.lexer import TokenStream
from jinja2.runtime import Context, LoopContext, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment, SandboxedFormatter, safe_range
from jinja2.utils import Cycler, Joiner, Namespace, pass_context

from evalkit.errors import did_you_mean
from evalkit.prompts.filters import MISSING_FILTERS, foresee, prompt_filters, prompt_tests
from evalkit.prompts.limits import (
    MAX_INT_BITS,
    MAX_SOURCE_CHARS,
    MAX_TOKENS,
    LimitError,
    Meter,
    advice,
    check_chars,
    check_items,
    check_key,
    check_percent,
    check_plain,
    check_spec,
    described,
)
from evalkit.prompts.metering import compared, concatenated, each, keyed, metered, spend, weighed
from evalkit.prompts.roles import Rendering, RoleBlocks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_METHODS: dict[type, frozenset[str]] = {
    str: frozenset({
        "capitalize", "casefold", "count", "endswith", "find", "index", "isalnum", "isalpha", "isdecimal", "isdigit",
        "islower", "isnumeric", "isspace", "istitle", "isupper", "join", "lower", "lstrip", "partition", "removeprefix",
        "removesuffix", "replace", "rfind", "rpartition", "rsplit", "rstrip", "split", "splitlines", "startswith", "strip",
        "swapcase", "title", "upper",
    }),
    dict: frozenset({"get", "items", "keys", "values"}),
    list: frozenset({"count", "index"}),
    tuple: frozenset({"count", "index"}),
    int: frozenset(),
    float: frozenset({"is_integer"}),
    bool: frozenset(),
    type(None): frozenset(),
    range: frozenset(),
    type({}.keys()): frozenset(),
    type({}.values()): frozenset(),
    type({}.items()): frozenset(),
}  # fmt: skip
_SHOWN_KEYS = 12
_STEPS_PER_FIELD = 4
_CHARS_PER_STEP_OF_FORMAT = 2
_NAMES_PER_STEP = 4


class Missing(StrictUndefined):
    """An undefined value: any use of it is an error that says what is there instead, also inside a printed list."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)  # raises: a list must not print 'Undefined'

    @property
    def _undefined_message(self) -> str:
        if isinstance(self._undefined_obj, dict) and self._undefined_hint is None:
            keys = ", ".join(repr(key)[:40] for key in list(self._undefined_obj)[:_SHOWN_KEYS])
            return f"{str(self._undefined_name)[:80]!r} is not a key of this mapping, which has: {keys or 'nothing'}"
        return super()._undefined_message


class _Formatter(SandboxedFormatter):
    """One ``str.format`` with bounded widths, plain values only, and a bounded text: a field may be named any number of times."""

    def __init__(self, env: Sandbox) -> None:
        super().__init__(env)
        self._meter = env.meter
        self._chars = 0

    def vformat(self, format_string: str, args: Any, kwargs: Any) -> str:  # noqa: ANN401 - the standard library's
        self._meter.read(format_string, chars_per_step=_CHARS_PER_STEP_OF_FORMAT)
        return super().vformat(format_string, args, kwargs)

    def format_field(self, value: Any, format_spec: str) -> str:  # noqa: ANN401 - template values
        check_spec(format_spec)
        check_plain(value)
        text = str(super().format_field(value, format_spec))
        self._chars += len(text)
        check_chars(self._chars)
        self._meter.step(_STEPS_PER_FIELD)
        return text


class _Scope(Context):
    """The variables of one template; what an include or import is handed is copied, and counts."""

    def __init__(self, environment: Sandbox, parent: dict[str, Any], *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - Jinja's
        environment.meter.step(len(parent) // _NAMES_PER_STEP)
        super().__init__(environment, parent, *args, **kwargs)


class Sandbox(ImmutableSandboxedEnvironment):
    """A Jinja environment for hostile templates and hostile values.

    Templates run inside :meth:`metering`, which also collects the messages of role blocks in :attr:`rendering`. One sandbox may
    be used by several threads. ``roles`` adds the role blocks; ``syntax`` replaces delimiters, under Jinja's names.
    """

    intercepted_binops = frozenset({"+", "*", "**", "%"})
    context_class = _Scope

    def __init__(
        self, *, loader: BaseLoader | None = None, roles: bool = False, syntax: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(
            loader=loader,
            undefined=Missing,
            extensions=[RoleBlocks] if roles else [],
            autoescape=False,
            auto_reload=False,
            optimized=False,  # folding constants takes quadratic time in the depth of an expression
            keep_trailing_newline=True,
            finalize=_printed,
            **(syntax or {}),
        )
        self.filters = {
            **prompt_filters(),
            "__each": each,
            "__concat": concatenated,
            "__weigh": weighed,
            "__compare": compared,
            "__key": keyed,
            "__spend": spend,
        }
        self.tests = prompt_tests()  # type: ignore[assignment]  # Jinja says function, and takes any callable
        self.globals = {
            "range": safe_range,
            "dict": _mapping,
            "namespace": _namespace,
            "cycler": Cycler,
            "joiner": Joiner,
        }
        self._thread = threading.local()

    @contextmanager
    def metering(self) -> Iterator[Rendering]:
        """Open the meter and the message list of one rendering in this thread."""
        self._thread.meter, self._thread.rendering = Meter(), Rendering()
        try:
            yield self._thread.rendering
        finally:
            del self._thread.meter, self._thread.rendering

    @property
    def meter(self) -> Meter:
        """The meter of this thread's rendering. While a template compiles there is none, so that no constant is folded."""
        meter: Meter = self._thread.meter
        return meter

    @property
    def rendering(self) -> Rendering:
        """The messages of this thread's rendering."""
        rendering: Rendering = self._thread.rendering
        return rendering

    # What Jinja calls while it compiles.

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        if len(source) > MAX_SOURCE_CHARS:
            raise TemplateSyntaxError(
                f"the template has {len(source):,} characters; the limit is {MAX_SOURCE_CHARS:,}", 1, name, filename
            )
        template = super()._parse(source, name, filename)
        self._check_names(template, name, filename)
        return template

    def _tokenize(
        self, source: str, name: str | None, filename: str | None = None, state: str | None = None
    ) -> TokenStream:
        stream = super()._tokenize(source, name, filename, state)
        return TokenStream(_bounded(stream, name, filename), name, filename)

    def _generate(
        self,
        source: nodes.Template,
        name: str | None,
        filename: str | None,
        defer_init: bool = False,  # noqa: FBT002 - Jinja's
    ) -> str:
        return super()._generate(metered(source), name, filename, defer_init=defer_init)

    def _check_names(self, template: nodes.Template, name: str | None, filename: str | None) -> None:
        for node in template.find_all((nodes.Filter, nodes.Test)):
            known, kind = (self.filters, "filter") if isinstance(node, nodes.Filter) else (self.tests, "test")
            if node.name not in known or node.name.startswith("__"):
                hint = MISSING_FILTERS.get(node.name) if kind == "filter" else None
                problem = f"a prompt cannot use the {kind}" if hint else f"no {kind} named"
                valid = (entry for entry in known if not entry.startswith("__"))
                raise TemplateAssertionError(
                    f"{problem} {node.name[:80]!r}; {hint or did_you_mean(node.name, valid)}",
                    node.lineno,
                    name,
                    filename,
                )

    # What Jinja calls while a template runs.

    def getattr(self, obj: Any, attribute: str) -> Any:  # noqa: ANN401 - template values
        """``x.name``: a key of a mapping, or one of the few methods that are allowed."""
        self.meter.step()
        if type(obj) is dict and attribute in obj and attribute not in _METHODS[dict]:
            return obj[attribute]
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:  # noqa: ANN401 - template values
        """``x[argument]``, and each part of an attribute that a filter is given."""
        self.meter.step()
        if not isinstance(argument, slice):
            check_key(argument)
        return super().getitem(obj, argument)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:  # noqa: ANN401, D102 - Jinja's
        allowed = _METHODS[str] if isinstance(obj, str) else _METHODS.get(type(obj))
        if allowed is not None:
            return attr in allowed
        return super().is_safe_attribute(obj, attr, value)

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:  # noqa: ANN401
        """Hand out ``str.format`` with bounded widths; ``format_map`` not at all."""
        text = getattr(value, "__self__", None)
        if not isinstance(text, str) or getattr(value, "__name__", "") != "format":
            return None
        return lambda *args, **kwargs: _Formatter(self).vformat(str(text), args, kwargs)

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401, N805 - Jinja's
        """Call a macro, a method or a helper; how deep calls nest and what they make is bounded."""
        owner = getattr(__obj, "__self__", None)
        __self.meter.read(owner)
        __self.meter.step(len(args) + len(kwargs))
        if isinstance(owner, str):
            args = __self._foreseen(__obj.__name__, owner, args)
        elif isinstance(owner, (list, tuple, dict)):
            __self._read_all(__obj.__name__, owner, args)
        if isinstance(owner, LoopContext):  # loop.changed(x) compares x with the last one
            for arg in args:
                __self.meter.compare(arg)
        if isinstance(__obj, LoopContext) and args:
            args = (__self.meter.counted(args[0]), *args[1:])
        __self.meter.enter()
        try:
            return __self.meter.keep(super().call(__context, __obj, *args, **kwargs))
        finally:
            __self.meter.leave()

    def _foreseen(self, method: str, owner: str, args: tuple[Any, ...]) -> tuple[Any, ...]:
        if method == "join" and args:
            parts = self.meter.keep(list(args[0]))
            foresee(method, parts, (owner,), self.meter)
            return (parts, *args[1:])
        foresee(method, owner, args, self.meter)
        return args

    def _read_all(self, method: str, owner: Any, args: tuple[Any, ...]) -> None:  # noqa: ANN401 - a list, tuple or mapping
        """Count the work of a method that compares its arguments with everything, or takes their hash."""
        if method in {"count", "index"}:
            self.meter.compare(owner)
        for arg in args:
            self.meter.compare(arg)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:  # noqa: ANN401
        """``+ * ** %``: the size of the result is foreseen."""
        self.meter.step()
        check_plain(left)
        check_plain(right)
        if operator == "*":
            _foresee_product(left, right)
        elif operator == "**" and isinstance(left, int) and isinstance(right, int):
            _foresee_bits(left.bit_length() * abs(right))
        elif operator == "%" and isinstance(left, str):
            self.meter.step(_STEPS_PER_FIELD * left.count("%"))
            check_percent(left, right)
        return self.meter.keep(super().call_binop(context, operator, left, right))

    def join_path(self, template: str, parent: str) -> str:
        """``./name`` is beside the file that says it; any other name starts in the prompts folder."""
        if not template.startswith("./"):
            return template
        folder, slash, _ = parent.rpartition("/")
        return f"{folder}{slash}{template[2:]}"


@pass_context
def _mapping(context: Context, pairs: Any = (), /, **named: Any) -> dict[Any, Any]:  # noqa: ANN401 - template values
    """Jinja's ``dict``, with keys that a mapping can hold quickly."""
    listed = list(pairs.items() if isinstance(pairs, dict) else pairs)
    meter: Meter = context.environment.meter  # type: ignore[attr-defined]
    meter.step(len(listed))
    for key, _ in listed:
        check_key(key)
    return dict(listed, **named)


@pass_context
def _namespace(context: Context, pairs: Any = (), /, **named: Any) -> Namespace:  # noqa: ANN401 - template values
    """Jinja's ``namespace``, made of such a mapping."""
    return Namespace(_mapping(context, pairs, **named))


@pass_context
def _printed(context: Context, value: Any) -> Any:  # noqa: ANN401 - template values
    """Bound what ``{{ }}`` prints, and refuse what has no text."""
    if type(value) is not str:
        if value is not None and not isinstance(value, (str, int, float, list, tuple, dict, Undefined)):
            raise LimitError(f"{described(value)} cannot be printed: {advice(value)}")
        value = str(value)
    meter: Meter = context.environment.meter  # type: ignore[attr-defined]
    meter.text(len(value))
    return value


def _foresee_product(left: Any, right: Any) -> None:  # noqa: ANN401 - template values
    for sized, times in ((left, right), (right, left)):
        if not isinstance(times, int):
            continue
        if isinstance(sized, str):
            check_chars(len(sized) * times)
        elif isinstance(sized, (list, tuple)):
            check_items(len(sized) * times)
        elif isinstance(sized, int):
            _foresee_bits(sized.bit_length() + times.bit_length())


def _foresee_bits(bits: int) -> None:
    if bits > MAX_INT_BITS:
        raise LimitError("a number grows too large")


def _bounded(stream: TokenStream, name: str | None, filename: str | None) -> Iterator[Any]:
    for count, token in enumerate(_whole_numbers(stream, name, filename)):
        if token.type == "float" and math.isinf(
            float(token.value)
        ):  # Jinja would write it into its code as the name `inf`
            raise TemplateSyntaxError("a number is too large", token.lineno, name, filename)
        if count > MAX_TOKENS:
            raise TemplateSyntaxError(f"the template has more than {MAX_TOKENS:,} tokens", token.lineno, name, filename)
        yield token


def _whole_numbers(stream: TokenStream, name: str | None, filename: str | None) -> Iterator[Any]:
    """The tokens; Python's refusal to read a number of thousands of digits becomes an error of the template, with its line."""
    line = 1
    try:
        for token in stream:
            line = token.lineno
            yield token
    except ValueError as error:
        raise TemplateSyntaxError("a number has too many digits", line, name, filename) from error
