"""Requests that no model could read, found while a suite is planned: before anything is spent."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from evalkit.errors import SuiteError
from evalkit.metrics.tokens import TokenCounter, request_texts
from evalkit.metrics.windows import Windows, fit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from evalkit.config import Config
    from evalkit.metrics.tokens import TokenCount
    from evalkit.metrics.windows import ContextWindow
    from evalkit.model.calls import Request
    from evalkit.model.cases import PlannedTest

_SMALL = 4_000
"""Bytes that every chat model in the table can read, so that most requests need no look at it."""

_BYTES_PER_CHARACTER = 4
_FRAME = 8
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class _TooLong:
    """A test whose request does not fit, or may not; ``output`` are the tokens its answer may have."""

    test: PlannedTest
    count: TokenCount
    window: ContextWindow
    output: int


class Overflow:
    """Looks for requests that are longer than their model's context window.

    Recordings and scripts read anything, so in replay mode nothing is looked at. A request is measured only if it has more bytes than
    the window has tokens: planning thousands of ordinary cases costs nothing noticeable.
    """

    def __init__(self, config: Config) -> None:
        self._windows = Windows(config.models)
        self._counter = TokenCounter()
        self._shared: dict[tuple[int, int], tuple[Request, int]] = {}
        self._idle = config.mode == "replay"

    def inspect(self, tests: Sequence[PlannedTest]) -> tuple[str, ...]:
        """Return a note per model that some tests may not fit. Raises SuiteError, naming the tests, for those that surely do not."""
        sure: list[_TooLong] = []
        unsure: dict[str, list[_TooLong]] = {}
        for test in () if self._idle else tests:
            found = self._look(test)
            if found is None:
                continue
            if fit(found.count, found.window) == "overflow":
                sure.append(found)
            else:
                unsure.setdefault(test.trials[0].request.model, []).append(found)
        if sure:
            raise SuiteError.of(_complaints(sure))
        return tuple(_note(model, found) for model, found in unsure.items())

    def problem(self, request: Request) -> str | None:
        """Say why ``request`` surely cannot be read, or None."""
        window = None if self._idle else self._window_at_risk(request)
        if window is None:
            return None
        count = self._counter.count_request(request)
        return _sentence(request.model, count, window) if fit(count, window) == "overflow" else None

    def _look(self, test: PlannedTest) -> _TooLong | None:
        request = test.trials[0].request
        window = self._window_at_risk(request)
        if window is None:
            return None
        count, output = self._counter.count_request(request), _answer(request)
        fits = fit(count, window, output_tokens=output) == "fits"
        return None if fits else _TooLong(test, count, window, output)

    def _window_at_risk(self, request: Request) -> ContextWindow | None:
        """The window of the request's model, unless the request cannot be too long for it whatever the tokenizer."""
        size = self._at_most(request) + _answer(request)
        if size <= _SMALL and not self._windows.stated(request.model):
            return None
        window = self._windows.of(request.model)
        return None if window is None or size <= window.tokens else window

    def _at_most(self, request: Request) -> int:
        """Tokens that the request cannot have more of: its bytes."""
        characters = sum(len(message.content) for message in request.messages)
        return _BYTES_PER_CHARACTER * (characters + self._beside(request)) + _FRAME * len(request.messages)

    def _beside(self, request: Request) -> int:
        """Characters of what is not said: tools and schema, which the tests of a prompt share, and so measured once for each prompt."""
        if not request.tools and request.output_schema is None:
            return 0
        key = (id(request.tools), id(request.output_schema))
        known = self._shared.get(key)
        if known is None:
            size = sum(map(len, request_texts(replace(request, messages=()))))
            # The request is kept beside the size so that its parts' ids cannot be reused.
            known = self._shared[key] = (request, size)
        return known[1]


def _answer(request: Request) -> int:
    most = request.params.get("max_output_tokens")
    return most if isinstance(most, int) else 0


def _complaints(found: Sequence[_TooLong]) -> Iterable[SuiteError]:
    for one in found[:_SHOWN]:
        trial = one.test.trials[0]
        model = trial.request.model
        yield SuiteError(
            f"{trial.test_id}: {_sentence(model, one.count, one.window)}",
            hint="shorten the case or the prompt, or choose another model; a window that is wrong is set by "
            f'[tool.evalkit.models."{model}"] context_window in pyproject.toml',
            where=trial.case.where,
        )
    if len(found) > _SHOWN:
        yield SuiteError(f"… and {len(found) - _SHOWN:,} more tests that do not fit", hint="mend those above first")


def _sentence(model: str, count: TokenCount, window: ContextWindow) -> str:
    return f"the request has {_tokens(count)}, and {model} reads at most {window.tokens:,}"


def _tokens(count: TokenCount) -> str:
    return f"{count.tokens:,} tokens" if count.method == "tokenizer" else f"about {count.tokens:,} tokens (estimated)"


def _note(model: str, found: Sequence[_TooLong]) -> str:
    longest = max(found, key=lambda one: one.count.tokens + one.output)
    answer = f" and an answer of up to {longest.output:,}" if longest.output else ""
    tests = "1 test" if len(found) == 1 else f"{len(found):,} tests"
    return (
        f"{tests} may not fit the context window of {model}, {longest.window.tokens:,} tokens: the longest, "
        f"{longest.test.test_id}, has {_tokens(longest.count)}{answer}"
    )
