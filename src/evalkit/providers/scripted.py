"""The ``scripted`` kind: answers from a list, a mapping or a Python function. For examples, tests and dry runs."""

from __future__ import annotations

import inspect
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from evalkit.canon import digest, digest_text, short
from evalkit.errors import CallError
from evalkit.files import read_text
from evalkit.model.calls import Request, Response
from evalkit.providers.base import parameter_problem
from evalkit.providers.transport.connection import option_error, text_option

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from pydantic import TypeAdapter

    from evalkit.providers.base import Provider, ProviderSettings

Answer: TypeAlias = str | Response
Script: TypeAlias = Sequence[str] | Mapping[str, str] | Callable[[Request], Answer | Awaitable[Answer]]

DEFAULT = "default"
"""The key of a mapping that answers when no other key is in the question."""


class Scripted:
    """The ``scripted`` provider kind, as registered.

    ``answers`` is a list, of which repeat *n* gets the *n*-th text (from 0, round and round), or a table, of which the first key
    that the last user message contains gives the answer, else ``default``. ``function`` is ``module:function`` in the project:
    it takes the ``Request`` and returns a text or a ``Response`` (or an awaitable of one).
    """

    @staticmethod
    def endpoint(settings: ProviderSettings) -> str:
        """Return ``scripted`` and a digest of the answers or the function's file: other answers are another model."""
        name = text_option(settings, "function")
        if name is None:
            return f"scripted {short(digest(_answers(settings)))}"
        source = _source(name, settings)
        return f"scripted {name} {short(digest_text(read_text(source)))}"

    @staticmethod
    def check(request: Request, settings: ProviderSettings) -> str | None:
        """Return why the script cannot answer ``request``, or None. Every known parameter is taken and has no effect."""
        problems = (parameter_problem(name, value) for name, value in request.params.items())
        problem = next((text for text in problems if text is not None), None)
        if problem is None and request.kind != "chat" and text_option(settings, "function") is None:
            return f"scripted answers cannot serve {request.kind} requests; write a function that returns a Response"
        return problem

    @staticmethod
    def ready(settings: ProviderSettings) -> str | None:
        """Return None: a script is always ready. Raises ConfigError if the options are wrong or the function cannot be imported."""
        name = text_option(settings, "function")
        if name is None:
            _answers(settings)
        else:
            _function(name, settings)
        return None

    @staticmethod
    def open(settings: ProviderSettings) -> Provider:
        """Return the provider. Raises ConfigError if the options are wrong or the function cannot be imported."""
        name = text_option(settings, "function")
        return ScriptedProvider(_answers(settings) if name is None else _function(name, settings))


class ScriptedProvider:
    """Answers from a ``script``, as told at :class:`Scripted`. Costs nothing and needs no network."""

    def __init__(self, script: Script) -> None:
        self._script = script

    async def complete(self, request: Request) -> Response:
        """Return the script's answer. Raises CallError if it has none, or if its function fails."""
        if callable(self._script):
            return await _called(self._script, request)
        if isinstance(self._script, Mapping):
            return Response(_matching(self._script, request))
        return Response(self._script[request.repeat % len(self._script)])

    async def aclose(self) -> None:
        """Nothing is open."""


def _matching(answers: Mapping[str, str], request: Request) -> str:
    question = next((message.content for message in reversed(request.messages) if message.role == "user"), "")
    found = next((answer for key, answer in answers.items() if key != DEFAULT and key in question), None)
    if found is None:
        found = answers.get(DEFAULT)
    if found is None:
        raise CallError(
            f"no scripted answer: the last user message holds none of {len(answers)} keys",
            kind="bad_request",
            hint=f"add a key to answers, or an answer for {DEFAULT!r}",
        )
    return found


async def _called(function: Callable[[Request], Answer | Awaitable[Answer]], request: Request) -> Response:
    started = time.monotonic()
    try:
        made = function(request)
        answer = await made if inspect.isawaitable(made) else made
    except CallError:
        raise
    except (
        Exception,
        SystemExit,
    ) as error:  # the project's own code may raise anything; a provider raises only CallError
        raise _function_error(f"raised {type(error).__name__}: {error}") from error
    if isinstance(answer, str):
        return Response(answer, latency_s=time.monotonic() - started)
    if not isinstance(answer, Response):
        raise _function_error(f"returned {type(answer).__name__}, not a text or an evalkit Response", again=False)
    answer = _validated(answer)
    return answer if answer.latency_s is not None else replace(answer, latency_s=time.monotonic() - started)


_TOO_MUCH = 2**53
"""From here on whole numbers are no longer told apart by whoever reads JSON."""


@cache
def _response_type() -> TypeAdapter[Response]:
    """Built once: building it takes milliseconds, and every answer of a function passes through."""
    from pydantic import TypeAdapter

    return TypeAdapter(Response)


def _validated(answer: Response) -> Response:
    """The answer with every field of its type: the journal must be able to read it back."""
    from pydantic import ValidationError

    try:
        valid = _response_type().validate_python(asdict(answer))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise _function_error(f"returned a Response whose {place} is wrong: {first['msg']}", again=False) from error
    wrong = next((name for name, value in _measured(valid) if value is not None and not 0 <= value < _TOO_MUCH), None)
    if wrong is not None:
        raise _function_error(
            f"returned a Response whose {wrong} is wrong: it is less than 0 or no finite number", again=False
        )
    return valid


def _measured(answer: Response) -> Iterator[tuple[str, float | None]]:
    yield "latency_s", answer.latency_s
    yield "first_token_s", answer.first_token_s
    for name, value in asdict(answer.usage).items():
        yield f"usage.{name}", value


def _function_error(problem: str, *, again: bool | None = None) -> CallError:
    """``again`` is False for what the same function would do to the same request once more."""
    hint = "see docs/providers.md, scripted"
    return CallError(f"the scripted function {problem}", kind="bad_response", hint=hint, should_retry=again)


def _answers(settings: ProviderSettings) -> list[str] | dict[str, str]:
    answers = settings.options.get("answers")
    texts = list(answers.values()) if isinstance(answers, dict) else answers
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise option_error(
            settings,
            "a scripted provider needs answers (a list of texts, or a table of texts) or function",
            hint='answers = ["yes"], or function = "my_module:my_function"',
        )
    return dict(answers) if isinstance(answers, dict) else list(texts)


def _source(name: str, settings: ProviderSettings) -> Path:
    """The file that ``module:function`` names. It must be a module of the project, so that a configuration cannot run others."""
    module, colon, function = name.partition(":")
    parts = module.split(".")
    if not colon or not function.isidentifier() or not all(part.isidentifier() for part in parts):
        raise option_error(settings, f"function {name!r} is not written module:function")
    if "answers" in settings.options:
        raise option_error(settings, "has both answers and function", hint="keep one of them")
    base = settings.root.joinpath(*parts)
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file() and path.resolve().is_relative_to(settings.root.resolve()):
            return path
    raise option_error(
        settings, f"function {name!r} is in no module of the project", hint="the file must be inside the project"
    )


def _function(name: str, settings: ProviderSettings) -> Callable[[Request], Answer | Awaitable[Answer]]:
    source = _source(name, settings)
    module_name, _, attribute = name.partition(":")
    with _importable(settings.root):
        module = _imported(module_name, settings)
    if not _is_from(module, source):
        raise option_error(
            settings, f"another module named {module_name!r} is imported already", hint="rename the project's module"
        )
    found: object = getattr(module, attribute, None)
    if not callable(found):
        raise option_error(
            settings, f"function {attribute!r} is no function of {module_name}", hint="name a function of that module"
        )
    return found


def _imported(name: str, settings: ProviderSettings) -> ModuleType:
    try:
        return import_module(name)
    except (Exception, SystemExit) as error:  # importing runs the project's own code, which may raise anything
        problem = f"function is in {name!r}, which cannot be imported: {type(error).__name__}: {error}"
        raise option_error(settings, problem[:500], hint="mend the module") from error


def _is_from(module: ModuleType, source: Path) -> bool:
    return module.__file__ is not None and Path(module.__file__).resolve() == source.resolve()


@contextmanager
def _importable(root: Path) -> Iterator[None]:
    """Put the project first on the import path, for the time of one import."""
    entry = str(root)
    sys.path.insert(0, entry)
    try:
        yield
    finally:
        sys.path.remove(entry)
