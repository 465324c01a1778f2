"""``{{ expression }}`` in check parameters: sandboxed, over a case's variables, with the value's type kept."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from jinja2 import nodes
from jinja2.exceptions import TemplateRuntimeError

from evalkit.errors import SuiteError
from evalkit.prompts.limits import advice, described
from evalkit.prompts.problems import TEMPLATE_ERRORS, problem_of
from evalkit.prompts.sandbox import Missing, Sandbox
from evalkit.prompts.values import plain_scope

if TYPE_CHECKING:
    from jinja2 import Template

    from evalkit.errors import Where
    from evalkit.model.calls import JSON

_CACHED = 4096
# {% and {# are ordinary text of a parameter: no text holds these markers.
_ONLY_EXPRESSIONS = {
    "block_start_string": "\x00{%",
    "block_end_string": "%}\x00",
    "comment_start_string": "\x00{#",
    "comment_end_string": "#}\x00",
}


def has_expression(value: JSON) -> bool:
    """Tell whether a string anywhere in ``value`` holds ``{{``."""
    if isinstance(value, str):
        return "{{" in value
    if isinstance(value, Mapping):
        return any(has_expression(part) for part in value.values())
    return isinstance(value, (list, tuple)) and any(has_expression(part) for part in value)


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A text ready to resolve. ``name`` is set if it is nothing but ``{{ name }}``: the common case needs no template."""

    template: Template
    whole: bool
    name: str | None = None


class Expressions:
    """Resolves the expressions in check parameters; each text is compiled once."""

    def __init__(self) -> None:
        self._sandbox = Sandbox(syntax=_ONLY_EXPRESSIONS)
        self._compiled = lru_cache(maxsize=_CACHED)(self._compile)

    def resolve(self, value: JSON, scope: Mapping[str, JSON], *, where: Where) -> JSON:
        """Return ``value`` with every ``{{ expression }}`` in its strings replaced; mapping keys stay as they are.

        A string that is one whole expression becomes the expression's value with its type; a string without ``{{`` is returned as
        it is. Raises SuiteError at ``where`` for a mistake in an expression, an unknown variable, or a value that is not JSON.
        """
        if not has_expression(value):
            return value
        try:
            return self._resolve(value, plain_scope(scope))
        except TEMPLATE_ERRORS as error:
            problem = problem_of(error, names=scope)
            raise SuiteError(f"{problem.message}, in a {{{{ }}}} expression", hint=problem.hint, where=where) from error

    def _resolve(self, value: JSON, scope: dict[str, Any]) -> JSON:
        if isinstance(value, str):
            return self._text(value, scope) if "{{" in value else value
        if isinstance(value, Mapping):
            return {key: self._resolve(part, scope) for key, part in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._resolve(part, scope) for part in value]
        return value

    def _text(self, text: str, scope: dict[str, Any]) -> JSON:
        compiled = self._compiled(text)
        if compiled.name in scope:
            return _json(scope[compiled.name])
        with self._sandbox.metering():
            context = compiled.template.new_context(scope)
            pieces = list(compiled.template.root_render_func(context))
            return _json(context.vars["result"]) if compiled.whole else "".join(pieces)

    def _compile(self, text: str) -> _Compiled:
        parsed = self._sandbox.parse(text)
        expression = _only_expression(parsed)
        if expression is None:
            return _Compiled(self._sandbox.from_string(text), whole=False)
        keep = nodes.Assign(nodes.Name("result", "store"), expression, lineno=1)
        name = expression.name if isinstance(expression, nodes.Name) else None
        return _Compiled(self._sandbox.from_string(nodes.Template([keep], lineno=1)), whole=True, name=name)


def _only_expression(template: nodes.Template) -> nodes.Expr | None:
    if len(template.body) != 1 or not isinstance(template.body[0], nodes.Output):
        return None
    parts = template.body[0].nodes
    return parts[0] if len(parts) == 1 and not isinstance(parts[0], nodes.TemplateData) else None


def _json(value: Any) -> JSON:  # noqa: ANN401 - whatever an expression gives
    if isinstance(value, Missing):
        str(value)  # raises, naming the variable
    if isinstance(value, dict):
        return {str(key): _json(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_json(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise TemplateRuntimeError(f"the value {value} is not JSON")
    if value is None or isinstance(value, (str, int, float)):
        return value
    raise TemplateRuntimeError(f"{described(value)} is not JSON: {advice(value)}")
