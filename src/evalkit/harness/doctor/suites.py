"""The part of the examination that looks at suites, prompts, prices and providers; only here something may be asked of a provider."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalkit.errors import CallError, ConfigError, EvalkitError
from evalkit.harness.before.discovery import suites_in
from evalkit.harness.doctor.finding import Finding
from evalkit.providers.catalog import resolve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalkit.config import Config

_PRICES_ARE_OLD_DAYS = 120


def suites_and_providers(config: Config, *, online: bool) -> Iterator[Finding]:
    """Yield whether the suites can be planned, and for every provider they or the configuration name whether it can be asked."""
    from evalkit.harness.before.planning import Planner

    try:
        planner = Planner(config)
    except EvalkitError as error:
        problem = str(error).partition("\n  hint: ")[0]
        yield Finding("suites", "problem", f"no suite can be planned: {problem}", error.hint or "correct it")
        return
    used, tests, sound = set(config.providers), 0, 0
    paths = suites_in(config.folder("suites")) if config.folder("suites").is_dir() else []
    for path in paths:
        try:
            plan = planner.plan(path)
        except EvalkitError as error:
            yield Finding("suites", "problem", str(error).partition("\n  hint: ")[0], "correct it, then look again")
            continue
        sound, tests = sound + 1, tests + len(plan.tests)
        used |= {
            request.provider
            for test in plan.tests
            for trial in test.trials[:1]
            for request in (trial.request, *trial.fallbacks)
        }
    yield Finding("suites", "ok", f"{sound} of {len(paths)} suites are sound, with {tests} tests")
    yield from _prices()
    for name in sorted(used):
        yield from _provider(name, config, online=online)


def _prices() -> Iterator[Finding]:
    from evalkit.harness.facts import utc_now
    from evalkit.metrics.table import table_facts

    facts = table_facts()
    days = None if facts.newest is None else (utc_now().date() - facts.newest).days
    if days is None or days > _PRICES_ARE_OLD_DAYS:
        yield Finding(
            "prices", "note", str(facts), "pip install --upgrade genai-prices: newer models have no price yet"
        )
    else:
        yield Finding("prices", "ok", str(facts))


def _provider(name: str, config: Config, *, online: bool) -> Iterator[Finding]:
    """The endpoint, whether there is a key (never the key), and if asked whether both work."""
    try:
        kind, settings = resolve(name, config)
        endpoint, problem = kind.endpoint(settings), kind.ready(settings)
    except ConfigError as error:
        yield Finding("providers", "problem", f"{name}: {error.message}", error.hint or "correct pyproject.toml")
        return
    if problem is not None:
        offline = config.mode == "replay"
        reason, _, todo = problem.partition("; ")
        yield Finding("providers", "note" if offline else "problem", f"{name}: {reason}", todo or "set it")
        return
    yield Finding("providers", "ok", f"{name}: {endpoint}, ready")
    if online:
        yield _asked(name, config)


def _asked(name: str, config: Config) -> Finding:
    from evalkit.harness.during.secrecy import redactor_for
    from evalkit.providers.listing import count_models

    try:
        found = count_models(name, config)
    except CallError as error:
        text = redactor_for(config).text(f"{name} does not answer: {error.kind}: {error.message}")
        return Finding("providers", "problem", text, error.hint or "check base_url and the network")
    if found is None:
        return Finding("providers", "ok", f"{name}: has no list of models to ask for")
    return Finding("providers", "ok", f"{name}: answers, and lists {found} models")
