"""Your own check as a Python function: ``@check("name")``."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from pydantic import create_model
from pydantic.errors import PydanticInvalidForJsonSchema

from evalkit.checks.base import CheckContext, CheckModel
from evalkit.checks.build import COMBINATORS
from evalkit.checks.catalog import CHECKS
from evalkit.checks.reading.text import quoted
from evalkit.checks.schemas import long_schema
from evalkit.errors import CheckError, ConfigError, Where
from evalkit.files import shown
from evalkit.model.calls import Reply, Response
from evalkit.model.results import Family, Verdict

Judge = Callable[..., Any]
F = TypeVar("F", bound=Judge)


class CustomCheck(CheckModel):
    """Base of the checks that :func:`check` makes; its subclasses hold the function."""

    family: ClassVar[Family] = "custom"
    function: ClassVar[Judge]
    takes: ClassVar[type]
    origin: ClassVar[str]

    def judge(self, ctx: CheckContext, replies: Sequence[Reply]) -> Verdict:
        """Call the function. Raises CheckError if it returns something that is no verdict."""
        del replies
        given: dict[type, object] = {str: ctx.text, Response: ctx.response, CheckContext: ctx}
        outcome = type(self).function(
            given[self.takes], **{name: getattr(self, name) for name in type(self).model_fields}
        )
        if isinstance(outcome, Verdict):
            return outcome
        if isinstance(outcome, bool):
            return self.verdict(outcome, f"{self.name} returned {outcome}")
        match outcome:
            case (bool() as held, str() as reason):
                return self.verdict(held, reason)
        raise CheckError(f"{self.name} returned {quoted(outcome)}, not a bool, (bool, reason) or Verdict")


def check(name: str) -> Callable[[F], F]:
    """Register a function as the check ``name``.

    ::

        @check("mentions_price")
        def mentions_price(answer: str, *, currency: str = "EUR") -> bool:
            '''The answer names a price in the currency.'''
            return currency in answer

    The first parameter is annotated ``str`` (the answer's text), ``Response`` or ``CheckContext`` and gets that. Keyword-only parameters,
    each annotated, are the parameters in a suite, strictly typed. The docstring is the summary. The function returns ``bool``,
    ``(bool, reason)`` or a ``Verdict``; whatever it raises is the verdict ``error``.

    Raises ConfigError for a function of another form, and for a name that is taken, unless the same function is imported
    again.
    """
    if not isinstance(name, str):  # @check without a name would leave no check, and no word about it
        given = getattr(name, "__name__", "my_check")
        raise ConfigError("a check needs a name", hint=f'write @evalkit.check("{given}")', where=_where(name))

    def register(function: F) -> F:
        made = _check_class(name, function)
        ours = name in CHECKS and CHECKS.target(name) == made.origin  # the entry point that led here
        known = CHECKS.get(name) if name in CHECKS and not ours else None
        again = isinstance(known, type) and issubclass(known, CustomCheck) and known.origin == made.origin
        if name in COMBINATORS or not name.isidentifier():
            raise ConfigError(f"{name!r} cannot name a check", hint="use letters, digits and _", where=_where(function))
        if known is not None and not again:
            raise ConfigError(
                f"a check named {name!r} exists already", hint="choose another name", where=_where(function)
            )
        CHECKS.add(name, made, replace=again or ours)
        return function

    return register


def _check_class(name: str, function: Judge) -> type[CustomCheck]:
    takes, parameters = _signature(name, function)
    made: type[CustomCheck] = create_model(
        f"Check_{name}", __base__=CustomCheck, __module__=function.__module__, **parameters
    )
    made.__doc__ = inspect.getdoc(function) or f"The check {name} of {function.__module__}."
    made.name = name
    made.short = next(iter(parameters)) if len(parameters) == 1 else None
    made.function = staticmethod(function)
    made.takes = takes
    made.origin = _origin(function)
    try:
        long_schema(made)
    except PydanticInvalidForJsonSchema as error:
        raise ConfigError(
            f"a parameter of the check {name!r} has a type that no suite can hold: {error.message}",
            hint="use str, int, float, bool, list, dict or Literal",
            where=_where(function),
        ) from error
    return made


def _signature(name: str, function: Judge) -> tuple[type, dict[str, Any]]:
    where = _where(function)
    form = f"def {name}(answer: str, *, option: int = 3) -> bool"
    if inspect.iscoroutinefunction(function):
        raise ConfigError(f"the check {name!r} is an async function; checks are pure", hint=form, where=where)
    try:
        hints = typing.get_type_hints(function)
    except NameError as error:
        raise ConfigError(
            f"an annotation of the check {name!r} cannot be resolved: {error}",
            hint="import what the annotation names, or leave it out",
            where=where,
        ) from error
    signature = list(inspect.signature(function).parameters.values())
    takes = hints.get(signature[0].name) if signature else None
    if takes not in {str, Response, CheckContext} or signature[0].kind is inspect.Parameter.KEYWORD_ONLY:
        raise ConfigError(
            f"the first parameter of the check {name!r} must be annotated str, Response or CheckContext",
            hint=form,
            where=where,
        )
    for parameter in signature[1:]:
        problem = _parameter_problem(parameter, hints)
        if problem is not None:
            raise ConfigError(
                f"the parameter {parameter.name!r} of the check {name!r} {problem}", hint=form, where=where
            )
    fields = {p.name: (hints[p.name], ... if p.default is p.empty else p.default) for p in signature[1:]}
    return takes, fields


def _parameter_problem(parameter: inspect.Parameter, hints: dict[str, Any]) -> str | None:
    if parameter.kind is not parameter.KEYWORD_ONLY:
        return "is not keyword-only"
    if parameter.name not in hints:
        return "has no type"
    if parameter.name.startswith("_") or hasattr(CustomCheck, parameter.name):
        return "has a name that evalkit uses itself"
    return None


def _origin(function: Judge) -> str:
    return f"{function.__module__}:{getattr(function, '__qualname__', repr(function))}"


def _where(function: Judge) -> Where:
    code = getattr(function, "__code__", None)
    return (
        Where(function.__module__)
        if code is None
        else Where(shown(Path(code.co_filename), Path.cwd()), code.co_firstlineno)
    )
