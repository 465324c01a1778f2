"""What went wrong in a template, in words and with its place: Jinja's and Python's exceptions become ours."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jinja2.exceptions import SecurityError, TemplateError, TemplateNotFound, TemplateSyntaxError, UndefinedError

from evalkit.errors import PromptError, Where, did_you_mean
from evalkit.prompts.limits import LimitError
from evalkit.prompts.roles import RoleBlocks

if TYPE_CHECKING:
    from collections.abc import Iterable

TEMPLATE_ERRORS = (
    TemplateError,
    SyntaxError,
    TypeError,
    ValueError,
    ArithmeticError,
    LookupError,
    AttributeError,
    RuntimeError,
    AssertionError,
    NameError,
    MemoryError,
)
"""All that a template can raise while it compiles or renders."""

_TAGS = frozenset({
    "block", "call", "extends", "filter", "for", "from", "if", "import", "include", "macro", "raw", "set", "with",
    *RoleBlocks.tags,
})  # fmt: skip
_MESSAGE_CHARS = 500


@dataclass(frozen=True, slots=True)
class Problem:
    """A template's mistake: what, what to do, and where if the template is a file."""

    message: str
    hint: str | None
    where: Where | None

    def as_prompt_error(self, default: Where) -> PromptError:
        """The error to raise; ``default`` is the place if the template itself does not know."""
        where = self.where or default
        if not where.path:  # the parser knew the line, and not the file
            where = Where(default.path, where.line)
        return PromptError(self.message, hint=self.hint, where=where)


def problem_of(error: BaseException, *, names: Iterable[str] = ()) -> Problem:
    """Say what ``error``, raised by a template, means. ``names`` are the variables the template was given."""
    return Problem(_message(error)[:_MESSAGE_CHARS], _hint(error, names), _where(error))


def _message(error: BaseException) -> str:
    if isinstance(error, TemplateNotFound):
        return f"no template {error.name!r}"
    if isinstance(error, TemplateError):
        return error.message or type(error).__name__
    if isinstance(error, (RecursionError, SyntaxError)):
        return "the template is nested too deep"
    if isinstance(error, MemoryError):
        return "the template needs too much memory"
    if isinstance(error, AssertionError):
        return "an argument of a filter makes no sense"
    return f"{error} ({type(error).__name__})"


def _hint(error: BaseException, names: Iterable[str]) -> str | None:
    message = _message(error)
    if isinstance(error, SecurityError):
        return "a prompt sees its variables and nothing of Python"
    if isinstance(error, UndefinedError):
        missing = re.match(r"'(.{1,80})' is undefined$", message)
        return (
            f"variables here: {did_you_mean(missing.group(1), names)}"
            if missing
            else "test it first: {% if … is defined %}"
        )
    tag = re.match(r"Encountered unknown tag '(.{1,80}?)'", message)
    return did_you_mean(tag.group(1), _TAGS) if tag else _general_hint(error)


def _general_hint(error: BaseException) -> str:
    if isinstance(error, LimitError):
        return "a template's work is bounded; prepare large data outside, and pass what is needed"
    if isinstance(error, (TemplateSyntaxError, SyntaxError, RecursionError)):
        return "look at the {{ }} and {% %} of this line; docs/prompts.md shows what a template may hold"
    return "look at what this line does with the variables of the case"


def _where(error: BaseException) -> Where | None:
    if isinstance(error, TemplateSyntaxError):
        return Where(error.filename or "", error.lineno)
    found: Where | None = None
    trace = error.__traceback__
    while trace is not None:
        template = trace.tb_frame.f_globals.get("__jinja_template__")
        if template is not None and template.filename and template.name:
            found = Where(template.filename, template.get_corresponding_lineno(trace.tb_lineno))
        trace = trace.tb_next
    return found
