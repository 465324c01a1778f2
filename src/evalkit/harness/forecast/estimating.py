"""The forecast of a run: every request it would make, priced and counted, and none sent."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import floor, log10
from typing import TYPE_CHECKING, Literal

from evalkit.checks.base import CheckContext
from evalkit.compare.words import number_of, usd
from evalkit.errors import CheckError
from evalkit.harness.before.foresight import foreseen
from evalkit.harness.forecast.estimate import Estimate, EstimateRow
from evalkit.metrics.cost import DEFAULT_OUTPUT_TOKENS, Prices
from evalkit.metrics.table import table_facts
from evalkit.metrics.tokens import BYTES_PER_TOKEN, TokenCounter
from evalkit.model.calls import Response, Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from evalkit.checks.build import BuiltCheck
    from evalkit.config import Config
    from evalkit.engine.policy import Route
    from evalkit.engine.ports import ResponseCache
    from evalkit.harness.before.planning import Planner
    from evalkit.harness.forecast.estimate import OutputBasis, Purpose
    from evalkit.harness.forecast.past import PastOutputs
    from evalkit.model.calls import Request
    from evalkit.model.cases import PlannedTest, Trial

ASSUMED_OUTPUT_TOKENS = 500
"""Expected length of an answer when nothing was measured before and the request sets no ``max_output_tokens``."""

_Settled = Literal["new", "cached", "shared", "scripted", "replayed"]
_MARK = 16
_WORD = " and"
_MOST_WORDS = 1_000_000  # longer than any window
"""One token in every vocabulary, and four bytes: an answer made of it has the same length however tokens are counted."""

_FREE: dict[str, _Settled] = {"scripted": "scripted", "replay": "replayed"}


@dataclass(frozen=True, slots=True)
class _Answer:
    """The answer to a request: from the cache, or a placeholder."""

    response: Response
    real: bool


@dataclass(slots=True)
class _Sum:
    """The calls of one row so far."""

    trial: Trial
    purpose: Purpose
    model: str
    basis: OutputBasis
    calls: dict[_Settled, int] = field(default_factory=dict)
    tokens: list[int] = field(default_factory=lambda: [0, 0, 0])
    usd: list[float | None] = field(default_factory=lambda: [0.0, 0.0, 0.0])


class Estimator:
    """Walks through planned tests and adds up what their calls would cost.

    ``route`` tells which provider would be paid at all, ``cache`` (None: not used in this mode) what is answered already, ``past`` how long
    answers used to be. Of a test that the cache answers, checks see the real answer; else a placeholder of the expected length, so that
    what judges will be asked has the right size.
    """

    def __init__(
        self,
        config: Config,
        planner: Planner,
        *,
        route: Callable[[str], Route],
        cache: ResponseCache | None,
        past: PastOutputs,
    ) -> None:
        self._config = config
        self._planner = planner
        self._route = route
        self._routes: dict[str, Route] = {}
        self._cache = cache
        self._past = past
        self._prices = Prices(config.prices)
        self._counter = TokenCounter()
        self._seen: set[str] = set()
        self._sums: dict[tuple[str, str, Purpose, str], _Sum] = {}
        self._unforeseen = 0

    def estimate(self, tests: Iterable[PlannedTest], *, notes: Iterable[str] = ()) -> Estimate:
        """Add up ``tests``, which a run would be started with. Call it once."""
        for test in tests:
            checks = self._planner.checks_of(test)
            for trial in test.trials:
                answer = self._add(trial, trial.request, "answers")
                for request in self._followups(checks, trial, answer):
                    self._add(trial, request, "checks")
        rows = tuple(self._row(key[1], found) for key, found in self._sums.items())
        priced = any(row.price == "table" and row.new for row in rows)
        made = Estimate(
            self._config.mode,
            rows,
            prices=str(table_facts()) if priced else None,
            assumed_output_tokens=ASSUMED_OUTPUT_TOKENS,
            assumed_worst_output_tokens=DEFAULT_OUTPUT_TOKENS,
            unforeseen=self._unforeseen,
            notes=(*notes, *([f"no earlier calls: {self._past.problem}"] if self._past.problem else [])),
        )
        return replace(made, ceilings=tuple(_ceilings(self._config, made)))

    def _add(self, trial: Trial, request: Request, purpose: Purpose) -> _Answer:
        """Count one request; return its answer from the cache, or what stands in for it."""
        expected, basis = self._expected(trial, request, purpose)
        key = (trial.suite_path, trial.variant.label, purpose, request.model)
        into = self._sums.setdefault(key, _Sum(trial, purpose, request.model, basis))
        if basis == "assumed":
            into.basis = basis
        settled, response = self._settled(request)
        into.calls[settled] = into.calls.get(settled, 0) + 1
        if settled == "new":
            self._price(into, request, expected)
        real = response is not None
        return _Answer(response or _placeholder(request, expected), real)

    def _settled(self, request: Request) -> tuple[_Settled, Response | None]:
        if request.provider not in self._routes:
            self._routes[request.provider] = self._route(request.provider)
        route = self._routes[request.provider]
        response = self._cache.get(request.key) if route.cached and self._cache is not None else None
        seen = request.key in self._seen
        self._seen.add(request.key)
        if seen:
            return "shared", response
        if response is not None:
            return "cached", response
        return _FREE.get(route.source, "new"), None

    def _expected(self, trial: Trial, request: Request, purpose: Purpose) -> tuple[int, OutputBasis]:
        if request.kind != "chat":
            return 0, "none"
        most = request.params.get("max_output_tokens")
        limit = most if isinstance(most, int) else None
        past = (
            self._past.answers.get((trial.variant.prompt, request.model))
            if purpose == "answers"
            else self._past.followups.get(request.model)
        )
        if past is not None:
            return past if limit is None else min(past, limit), "earlier calls"
        return (ASSUMED_OUTPUT_TOKENS, "assumed") if limit is None else (limit, "max_output_tokens")

    def _price(self, into: _Sum, request: Request, expected: int) -> None:
        sent = self._counter.count_request(request).tokens
        most = request.params.get("max_output_tokens")
        worst = most if isinstance(most, int) else max(DEFAULT_OUTPUT_TOKENS, expected)
        worst = worst if request.kind == "chat" else 0
        usage, longest = Usage(sent, expected), Usage(sent, worst)
        for place, tokens in enumerate((sent, expected, worst)):
            into.tokens[place] += tokens
        model = request.model
        batch = self._config.mode == "batch"
        costs = (
            self._prices.cost_usd(model, usage, batch=batch),
            self._prices.dearest_usd(model, longest, batch=batch),
            self._prices.cost_usd(model, usage, batch=True),
        )
        into.usd = [
            None if one is None or more is None else one + more for one, more in zip(into.usd, costs, strict=True)
        ]

    def _followups(self, checks: Iterable[BuiltCheck], trial: Trial, answer: _Answer) -> Iterator[Request]:
        context = CheckContext(
            text=answer.response.text,
            response=answer.response,
            request=trial.request,
            vars=trial.case.vars,
            expect=trial.case.expect,
            variant=trial.variant,
        )
        for check in checks:
            try:
                yield from list(check.followups(context) if answer.real else foreseen(check, context))
            except CheckError:
                self._unforeseen += 1

    def _row(self, label: str, found: _Sum) -> EstimateRow:
        sent, expected, worst = found.tokens
        cost, worst_cost, batch = found.usd
        return EstimateRow(
            suite=found.trial.suite,
            suite_path=found.trial.suite_path,
            variant=label,
            purpose=found.purpose,
            model=found.model,
            new=found.calls.get("new", 0),
            cached=found.calls.get("cached", 0),
            shared=found.calls.get("shared", 0),
            scripted=found.calls.get("scripted", 0),
            replayed=found.calls.get("replayed", 0),
            input_tokens=sent,
            output_tokens=expected,
            worst_output_tokens=worst,
            cost_usd=cost,
            worst_cost_usd=worst_cost,
            batch_cost_usd=batch,
            counted=self._counter.method(found.model),
            basis=found.basis,
            price=self._prices.origin(found.model),
        )


def _placeholder(request: Request, tokens: int) -> Response:
    """An answer of about ``tokens`` tokens that differs with the request, so that what is asked about it differs too."""
    words = min(tokens - _MARK // BYTES_PER_TOKEN, _MOST_WORDS)
    text = f"{request.key[:_MARK]}{_WORD * max(0, words)}"
    return Response(text, usage=Usage(output_tokens=tokens))


def _ceilings(config: Config, made: Estimate) -> Iterator[str]:
    """Which ceilings a run would reach, as expected or at worst."""
    sums = made.totals
    tokens = sums.input_tokens + sums.output_tokens
    worst_tokens = sums.input_tokens + sums.worst_output_tokens
    ceilings: tuple[tuple[str, float | None, float, float | None, Callable[[float], str]], ...] = (
        ("max_cost_usd", config.max_cost_usd, sums.known_cost_usd, sums.worst_cost_usd, usd),
        ("max_tokens", config.max_tokens, tokens, worst_tokens, lambda number: number_of(int(number), "token")),
        ("max_calls", config.max_calls, sums.new, sums.new, lambda number: number_of(int(number), "call")),
    )
    for name, ceiling, expected, worst, shown in ceilings:
        if ceiling is None:
            continue
        if expected > ceiling:
            yield f"{name} = {_plain(ceiling)}: the run would stop at it: {shown(expected)} expected"
        elif worst is None:
            yield f"{name} = {_plain(ceiling)}: cannot be kept, because a price is unknown"
        elif worst > ceiling:
            yield f"{name} = {_plain(ceiling)}: at worst the run would stop at it, it may need up to {shown(worst)}"


def _plain(number: float) -> str:
    """Six digits, never with an exponent: ``0.000001``, ``2,000,000``."""
    text = f"{number:,.{max(0, 5 - floor(log10(number)))}f}" if number > 0 else "0"
    return text.rstrip("0").rstrip(".") if "." in text else text
