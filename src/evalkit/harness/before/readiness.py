"""Keys that a run will need and that are not there, found before anything is sent."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from evalkit.checks.base import CheckContext
from evalkit.errors import CheckError, ConfigError
from evalkit.harness.before.foresight import foreseen
from evalkit.model.calls import Response
from evalkit.providers.catalog import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from evalkit.checks.build import BuiltCheck
    from evalkit.config import Config
    from evalkit.model.calls import Request
    from evalkit.model.cases import PlannedTest


def require_ready(
    config: Config, tests: Sequence[PlannedTest], checks_of: Callable[[PlannedTest], Iterable[BuiltCheck]]
) -> None:
    """Raise ConfigError if a provider cannot be called (its key is not set or malformed) and ``tests`` need a call to it.

    A request that the cache answers needs no call, and in replay mode only scripts are asked. Fallbacks are not looked at: they may
    never be asked. Of each check, what it asks for its first test stands for all.
    """
    asked = {test.trials[0].request.provider for test in tests} | {*_judging(tests, checks_of)}
    problems = {name: problem for name in sorted(asked) if (problem := _problem(name, config)) is not None}
    if not problems:
        return
    fresh = _unanswered(config, tests)
    needed = {trial.provider for test in fresh for trial in _requests(test)} | {*_judging(fresh, checks_of)}
    for name, problem in problems.items():
        if name in needed:
            what, _, hint = problem.partition("; ")
            raise ConfigError(f"{what}, and the provider {name!r} is needed: nothing was called", hint=hint)


def _problem(name: str, config: Config) -> str | None:
    kind, settings = resolve(name, config)
    recorded = config.mode == "replay" and settings.options.get("kind", name) != "scripted"
    return None if recorded else kind.ready(settings)


def _requests(test: PlannedTest) -> Iterator[Request]:
    return (trial.request for trial in test.trials)


def _unanswered(config: Config, tests: Sequence[PlannedTest]) -> Sequence[PlannedTest]:
    """The tests with a request that the cache does not answer."""
    if config.mode not in {"cache", "batch"}:
        return tests
    from evalkit.store.cache import CACHE_FILE, Cache

    with closing(Cache(config.folder("reports") / CACHE_FILE)) as cache:
        cache.absorb(config.journals)
        return [test for test in tests if any(cache.get(request.key) is None for request in _requests(test))]


def _judging(tests: Iterable[PlannedTest], checks_of: Callable[[PlannedTest], Iterable[BuiltCheck]]) -> Iterator[str]:
    """The providers that checks will ask, as far as that can be known without an answer."""
    seen: set[int] = set()
    for test in tests:
        trial = test.trials[0]
        context = CheckContext(
            "", Response(""), trial.request, vars=trial.case.vars, expect=trial.case.expect, variant=trial.variant
        )
        for check in checks_of(test):
            if id(check) in seen:
                continue
            seen.add(id(check))
            try:
                yield from (request.provider for request in foreseen(check, context))
            except CheckError:  # it needs an answer to know
                continue
