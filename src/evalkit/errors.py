"""Every error evalkit raises on purpose, under one root.

::

    EvalkitError                what went wrong, where, and what to do
    ├── ConfigError             [tool.evalkit], an option or the environment is wrong
    ├── PromptError             a prompt cannot be found, parsed or rendered
    │   └── PromptChangedError  a released prompt version was edited
    ├── SuiteError              a suite or its data is wrong; may carry many complaints
    ├── CheckError              a check could not judge (becomes the verdict ``error``)
    ├── CallError               one attempt at a model call failed (becomes ``CallFailure``)
    ├── StoreError              the journal, cache or database cannot be read or written
    │   └── StoreLockedError    another process holds the database
    ├── RecordingError          a recording is missing, damaged or was edited by hand
    └── MissingExtraError       an optional package is not installed

Usage errors (``ConfigError``, ``PromptError``, ``SuiteError``, ``MissingExtraError``) exit 2 before any call is made;
``StoreError`` and ``RecordingError`` mean "could not measure" and exit 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from itertools import accumulate
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from evalkit.rates import RateLimits


@dataclass(frozen=True, slots=True)
class Where:
    """A place in a file: ``path`` as shown to the user (relative to the project), ``line`` from 1, or None if unknown."""

    path: str
    line: int | None = None

    def __str__(self) -> str:
        return self.path if self.line is None else f"{self.path}:{self.line}"


class EvalkitError(Exception):
    """The root. ``message`` says what, ``where`` in which file and line, ``hint`` what to do about it."""

    def __init__(self, message: str, *, hint: str | None = None, where: Where | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.where = where

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        hint = f"\n  hint: {self.hint}" if self.hint else ""
        return f"{place}{self.message}{hint}"


class ConfigError(EvalkitError):
    """``[tool.evalkit]``, a command-line option or the environment is wrong."""


class PromptError(EvalkitError):
    """A prompt cannot be found, parsed or rendered."""


class PromptChangedError(PromptError):
    """A released prompt version differs from the digest in ``prompts.lock``."""


class SuiteError(EvalkitError):
    """A suite, or the data it names, is wrong. ``complaints`` holds every mistake found, in file order."""

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        where: Where | None = None,
        complaints: Iterable[SuiteError] = (),
    ) -> None:
        super().__init__(message, hint=hint, where=where)
        self.complaints: tuple[SuiteError, ...] = tuple(complaints)

    @classmethod
    def of(cls, complaints: Iterable[SuiteError]) -> SuiteError:
        """One error for all complaints about a file: the only one as it is, several as a list."""
        found = tuple(complaints)
        if len(found) == 1:
            return found[0]
        text = "\n".join(str(complaint) for complaint in found)
        return cls(f"{len(found)} mistakes\n{text}", complaints=found)


class CheckError(EvalkitError):
    """A check could not judge: neither pass nor fail. The runner turns it into the verdict ``error``."""


FailureKind = Literal[
    "rate_limited",  # 429: slow down
    "overloaded",  # 529 or 503: the provider is busy
    "server",  # other 5xx
    "connection",  # refused, reset, DNS, TLS
    "timeout",  # an attempt or the total deadline ran out
    "bad_response",  # a 200 whose body is not an answer
    "bad_request",  # 400, 422: the request itself is wrong
    "too_long",  # 413 or a context-window refusal
    "auth",  # 401, 403: the key
    "quota",  # credit exhausted
    "model_not_found",  # 404
    "replay_miss",  # nothing recorded for this request
    "budget",  # the run's ceiling was reached before this call
    "cancelled",  # the run stopped first
    "pending",  # asked in a batch, or about to be: the answer is not there yet
]
"""Why a call has no answer. A closed set: it is stored, counted and shown."""

RETRYABLE: frozenset[FailureKind] = frozenset({"rate_limited", "overloaded", "server", "connection", "timeout"})
"""Kinds that can succeed when tried again."""

FATAL: frozenset[FailureKind] = frozenset({"auth", "quota", "model_not_found"})
"""Kinds that no other request to the same model can escape: the run stops once, not 5000 times."""


class CallError(EvalkitError):
    """One attempt at a model call failed. ``status`` is the HTTP status or None; ``retry_after_s`` what the provider asked.

    ``should_retry`` is what the provider said about trying again (``x-should-retry``), None if it did not; ``limits`` is a
    :class:`evalkit.rates.RateLimits` if the reply's headers held one.
    """

    def __init__(
        self,
        message: str,
        *,
        kind: FailureKind,
        status: int | None = None,
        retry_after_s: float | None = None,
        hint: str | None = None,
        should_retry: bool | None = None,
        limits: RateLimits | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.kind: FailureKind = kind
        self.status = status
        self.retry_after_s = retry_after_s
        self.should_retry = should_retry
        self.limits = limits


class StoreError(EvalkitError):
    """The journal, the response cache or the database cannot be read or written."""


class StoreLockedError(StoreError):
    """Another process holds the database file."""


class RecordingError(EvalkitError):
    """A recording is missing, damaged, or does not match its own key."""


class MissingExtraError(EvalkitError):
    """A feature needs a package that is not installed."""

    def __init__(self, feature: str, *, package: str, extra: str) -> None:
        super().__init__(
            f"{feature} needs the package {package!r}, which is not installed",
            hint=f"pip install 'pytest-evalkit[{extra}]'",
        )


_HINT = 600
"""Characters of names in a hint, beyond which the rest is counted."""

_OTHER_WORDS: dict[str, tuple[str, ...]] = {
    "assert": ("checks",),
    "assertions": ("checks",),
    "cost": ("cost_usd",),
    "defaulttest": ("checks",),
    "diff": ("compare", "prompts"),
    "eval": ("run",),
    "examples": ("cases",),
    "expected": ("expect",),
    "factuality": ("factual",),
    "generate": ("init",),
    "icontains": ("contains",),
    "input": ("vars",),
    "inputs": ("vars",),
    "javascript": ("regex", "number", "json_like"),
    "latency": ("latency_s",),
    "list": ("history", "prompts"),
    "metadata": ("tags",),
    "prompts": ("variants", "prompt"),
    "provider": ("models", "model"),
    "providers": ("models", "model"),
    "scenarios": ("cases",),
    "show": ("report", "prompts"),
    "similar": ("embedding_similarity",),
    "test": ("cases", "run"),
    "tests": ("cases", "run"),
    "threshold": ("min", "gates"),
    "validate": ("doctor",),
    "variables": ("vars",),
    "view": ("serve", "report"),
    "word-count": ("length",),
}
"""Words of other tools, promptfoo's first, with what they are called here; those that are valid where the word stands are named."""


def did_you_mean(name: str, valid: Iterable[str]) -> str:
    """Return a hint: the valid names that mean the same or are close, and the list of all of them (at most 40, and some 600 characters)."""
    names = sorted(set(valid))
    close = [word for word in _OTHER_WORDS.get(name.lower(), ()) if word in names]
    close = close or get_close_matches(name, names, n=2, cutoff=0.6)
    guess = f"did you mean {' or '.join(repr(c) for c in close)}? " if close else ""
    ends = accumulate(len(name) + 2 for name in names[:40])
    few = names[: max(1, sum(end <= _HINT for end in ends))]
    shown = ", ".join(few) + (f", … ({len(names)} in all)" if len(names) > len(few) else "")
    return f"{guess}valid: {shown}" if names else f"{guess}there are none"
