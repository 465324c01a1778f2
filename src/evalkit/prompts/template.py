"""A prompt version ready to render: compiled once, then variables in, messages out."""

from __future__ import annotations

from types import GeneratorType
from typing import TYPE_CHECKING, Any

from jinja2 import BaseLoader, Environment
from jinja2.exceptions import TemplateNotFound, TemplateRuntimeError

from evalkit.errors import PromptError, Where
from evalkit.model.calls import Message
from evalkit.prompts.frontmatter import split
from evalkit.prompts.problems import TEMPLATE_ERRORS, problem_of
from evalkit.prompts.roles import trimmed
from evalkit.prompts.sandbox import Sandbox
from evalkit.prompts.schemas import misfit, validator_for
from evalkit.prompts.values import plain_scope

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import FrameType

    from evalkit.model.calls import JSON
    from evalkit.prompts.version import PromptVersion


_SHOWN_NAMES = 20


class PromptTemplate:
    """The compiled form of one prompt version, made from its ``sources`` alone."""

    def __init__(self, version: PromptVersion) -> None:
        self._version = version
        self._where = Where(version.path)
        folder = version.path.removesuffix(f"{version.name}/{version.version}.j2")
        sandbox = Sandbox(loader=_Sources(version.sources, folder), roles=True)
        try:
            self._template = sandbox.get_template(version.path.removeprefix(folder))
        except TEMPLATE_ERRORS as error:
            raise problem_of(error).as_prompt_error(self._where) from error
        self._sandbox = sandbox
        self._inputs = {
            name: (spec, validator_for(spec.schema, what=f"the input {name!r}", where=self._where))
            for name, spec in (version.inputs or {}).items()
        }

    def render(self, variables: Mapping[str, JSON]) -> tuple[Message, ...]:
        """Return the messages for one set of variables. Raises PromptError that says which variable or line is wrong."""
        try:
            scope = plain_scope(variables)
            self._check_inputs(scope)
            return self._messages(scope)
        except TEMPLATE_ERRORS as error:
            raise problem_of(error, names=variables).as_prompt_error(self._where) from error

    def _check_inputs(self, scope: dict[str, Any]) -> None:
        for name, (spec, validator) in self._inputs.items():
            if name not in scope:
                if spec.required:
                    raise PromptError(
                        f"the prompt {self._version.ref} needs the variable {name!r}",
                        hint=f"the variables given are: {_listed(scope)}",
                        where=self._where,
                    )
                if "default" in spec.schema:
                    scope[name] = spec.schema["default"]
                continue
            reason = misfit(validator, scope[name])
            if reason is not None:
                raise PromptError(
                    f"the variable {name!r} does not fit the input of {self._version.ref}: {reason}",
                    hint="change the value in the case, or the input in the prompt's front matter; quote a number that is text",
                    where=self._where,
                )

    def _messages(self, scope: dict[str, Any]) -> tuple[Message, ...]:
        with self._sandbox.metering() as rendering:
            text = trimmed("".join(self._template.root_render_func(self._template.new_context(scope))))
        if not rendering.messages:
            if not text.strip():
                raise TemplateRuntimeError("the prompt is empty")
            return (Message("user", text),)
        if text.strip():
            raise PromptError(
                f"text outside the role blocks: {text.strip()[:60]!r}",
                hint="move it into {% system %} or {% user %}",
                where=self._stray(scope),
            )
        return tuple(rendering.messages)

    def _stray(self, scope: dict[str, Any]) -> Where:
        """Where the first text outside the role blocks stands: rendered once more, for only a suspended template knows its line."""
        with self._sandbox.metering():
            pieces = self._template.root_render_func(self._template.new_context(scope))
            return next((self._place(pieces, piece) for piece in pieces if piece.strip()), self._where)

    def _place(self, pieces: Iterator[str], piece: str) -> Where:
        """Where the template stands that has just written ``piece``."""
        frame = _innermost(pieces)
        if frame is None:
            return self._where
        template = frame.f_globals["__jinja_template__"]
        line = template.get_corresponding_lineno(frame.f_lineno)
        lines = self._version.sources[template.filename].split("\n")
        first = piece.strip().partition("\n")[0]
        literal = next((number for number in range(line, len(lines) + 1) if first in lines[number - 1]), line)
        return Where(template.filename, literal)


def _listed(scope: Mapping[str, Any]) -> str:
    names = [name[:80] for name in sorted(scope)]
    more = f", and {len(names) - _SHOWN_NAMES:,} more" if len(names) > _SHOWN_NAMES else ""
    return f"{', '.join(names[:_SHOWN_NAMES]) or 'none'}{more}"


def _innermost(pieces: Iterator[str]) -> FrameType | None:
    """The frame of the template, block or include that is suspended at its ``yield``; Jinja keeps an include in ``gen``."""
    inner: object = pieces
    frame: FrameType | None = None
    while isinstance(inner, GeneratorType) and inner.gi_frame is not None:
        frame = inner.gi_frame
        inner = inner.gi_yieldfrom or frame.f_locals.get("gen")
    return frame


class _Sources(BaseLoader):
    """Serves templates from the texts of a prompt version, so that disk and git are one path."""

    def __init__(self, sources: Mapping[str, str], folder: str) -> None:
        self._sources = sources
        self._folder = folder

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        """Return a template's text without front matter, and its path as shown to the user."""
        del environment
        path = f"{self._folder}{template}"
        if path not in self._sources:
            raise TemplateNotFound(template)
        return split(self._sources[path], path)[1], path, lambda: True
