"""The seam to judgement: a check may ask, it never calls. Checks are pure: no I/O, no async, no model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from pydantic import BaseModel, ConfigDict

from evalkit.checks.templates import Template, Templates
from evalkit.checks.timelimit import TimeLimit
from evalkit.errors import ConfigError
from evalkit.model.results import PRIMARY, Family, Verdict

if TYPE_CHECKING:
    from evalkit.checks.reading.text import Span
    from evalkit.model.calls import JSON, Message, Reply, Request, Response
    from evalkit.model.cases import Variant
    from evalkit.model.results import Status

MAX_SPANS = 50


def _whole(text: str) -> str:
    return text


@dataclass(frozen=True, slots=True)
class CheckContext:
    """All that a check may look at.

    ``text`` is the answer's text, or what ``select`` took out of it; ``value`` is that selection as JSON (None without
    ``select``). ``offset`` is where ``text`` starts in the answer when it is a slice of it, else None. ``cost_usd`` is None when
    the price is unknown. ``served`` says whose answer it is: ``primary``, the model of a fallback, or ``canned answer``.
    ``variant`` is what was asked, None outside a suite. ``narrow`` takes out of another answer's text what ``select`` took out of this
    one; it returns None if there is no such part.
    """

    text: str
    response: Response
    request: Request
    vars: Mapping[str, JSON] = field(default_factory=dict)
    expect: Mapping[str, JSON] = field(default_factory=dict)
    cost_usd: float | None = None
    value: JSON = None
    selected: bool = False
    offset: int | None = 0
    served: str = PRIMARY
    variant: Variant | None = None
    narrow: Callable[[str], str | None] = _whole

    def placed(self, spans: Iterable[Span]) -> tuple[Span, ...]:
        """Return spans of ``text`` as spans of the whole answer (the first 50); none if the text is no slice of it."""
        if self.offset is None:
            return ()
        return tuple((start + self.offset, end + self.offset) for start, end in islice(spans, MAX_SPANS))


class Check(Protocol):
    """Two pure functions. ``judge`` may raise :class:`evalkit.errors.CheckError`: the verdict is then ``error``."""

    def followups(self, ctx: CheckContext) -> Sequence[Request]:
        """Requests whose replies the judgement needs; usually none. At most one round."""
        ...

    def judge(self, ctx: CheckContext, replies: Sequence[Reply]) -> Verdict:
        """Judge the answer; ``replies`` answer :meth:`followups` in order."""
        ...


def _no_objection(request: Request) -> str | None:
    del request
    return None


def _no_prompts(variant: Variant, variables: Mapping[str, JSON]) -> tuple[Message, ...]:
    del variables
    raise ConfigError(f"there is no prompt {variant.prompt!r} here")


@dataclass(frozen=True, slots=True)
class BuildContext:
    """What a check may use while it is built, before any call: files of the project, importable names, model endpoints.

    ``read_json(path)`` returns the JSON of a project file; ``load_python(dotted)`` an allowed Python object;
    ``endpoint(model)`` the endpoint identity for a follow-up request. Each raises EvalkitError with the reason.
    ``check_request(request)`` says why a provider would refuse a follow-up request, or returns None. ``prompt(ref)`` is a prompt to
    ask a judge with: one that ships with evalkit, or one of the project's. ``limit`` bounds the time of checks that are not evalkit's own.
    ``render(variant, vars)`` renders a variant's prompt for other variables.
    """

    read_json: Callable[[str], Any]
    load_python: Callable[[str], Any]
    endpoint: Callable[[str], str]
    check_request: Callable[[Request], str | None] = _no_objection
    prompt: Callable[[str], Template] = field(default_factory=lambda: Templates().get)
    limit: TimeLimit = field(default_factory=TimeLimit)
    render: Callable[[Variant, Mapping[str, JSON]], tuple[Message, ...]] = _no_prompts


class CheckModel(BaseModel):
    """Base of the built-in checks: the class is the check, its fields are the YAML parameters, strictly typed.

    A subclass sets ``name`` (as written in a suite), ``family``, and ``short`` (the field that the short form ``name: value``
    fills, None if the check takes no short form; a check whose fields all have defaults also accepts ``name: true`` and the
    bare ``name``), ``scored`` (whether its verdicts say how good the answer is, from 0 to 1, which gates may ask for), and
    ``example``: ``{"params": …, "passes": text, "fails": text}``, which a test executes. The class
    docstring's first line is its summary in ``evalkit checks``; the rest says parameters' units and the source of any formula.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, arbitrary_types_allowed=True)

    name: ClassVar[str]
    family: ClassVar[Family]
    short: ClassVar[str | None] = None
    example: ClassVar[Mapping[str, Any]] = {}
    scored: ClassVar[bool] = False

    def prepare(self, build: BuildContext) -> CheckModel:
        """Resolve files and Python names, compile patterns; return the check to use. Raises EvalkitError."""
        del build
        return self

    def followups(self, ctx: CheckContext) -> Sequence[Request]:
        """Ask for nothing, unless a subclass says otherwise."""
        del ctx
        return ()

    def judge(self, ctx: CheckContext, replies: Sequence[Reply]) -> Verdict:
        """Judge the answer."""
        raise NotImplementedError

    def verdict(
        self,
        status: Status | bool,
        reason: str,
        *,
        score: float | None = None,
        spans: Sequence[tuple[int, int]] = (),
    ) -> Verdict:
        """A verdict of this check. ``reason`` says what was expected and what was found."""
        outcome: Status = status if isinstance(status, str) else ("pass" if status else "fail")
        return Verdict(
            check=self.name, family=self.family, status=outcome, reason=reason, score=score, spans=tuple(spans)
        )
