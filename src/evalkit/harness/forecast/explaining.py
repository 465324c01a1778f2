"""Why a test is, or is not, answered without a call: its requests, what is stored for each, and the nearest one if nothing is."""

from __future__ import annotations

import asyncio
import re
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from evalkit.engine.call import Caller
from evalkit.engine.ports import NoLedger
from evalkit.engine.trial import answer
from evalkit.errors import CallError, ConfigError, did_you_mean
from evalkit.harness.batch.waiting import waiting_requests
from evalkit.harness.before.discovery import is_suite
from evalkit.harness.before.planning import Planner
from evalkit.harness.during.routes import make_policy, make_pricing, make_routes
from evalkit.model.calls import Response
from evalkit.providers.recordings.nearest import Nearest, differences
from evalkit.store.asked import asked_before
from evalkit.store.cache import CACHE_FILE, Cache

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalkit.config import Config
    from evalkit.model.calls import Call, Request
    from evalkit.model.cases import PlannedTest
    from evalkit.providers.recordings.nearest import Difference
    from evalkit.store.asked import Asked
    from evalkit.store.batches import Batch

Against = Literal["runs", "recordings"]

MOST = 20_000
"""With how many earlier calls a request is compared, the newest first."""

_KEY = re.compile(r"[0-9a-f]{8,64}")


@dataclass(frozen=True, slots=True)
class Explained:
    """One request of a test; ``role`` says what for. ``stored`` says whether it has an answer.

    ``reason`` is where the answer comes from, or why there is none. ``differing`` is how the nearest answered request differs.
    """

    role: str
    request: Request
    stored: bool
    reason: str
    differing: tuple[Difference, ...] = ()


def explain(config: Config, what: str, *, against: Against = "runs") -> list[Explained]:
    """Explain a test (``suites/x.yaml::case[variant]``, or without the variant), or a request by its key (at least 8 characters).

    ``against`` the answers of earlier ``runs``, as the cache holds them, or the ``recordings``. Nobody is called. Raises ConfigError if
    there is no such test or key, and what planning the suite raises.
    """
    past = _Past(asked_before(config.journals, most=MOST), waiting_requests(config))
    if _KEY.fullmatch(what):
        return [past.of_key(what)]
    planner = Planner(config)
    tests = _tests(planner, config, what)
    with closing(Cache(config.folder("reports") / CACHE_FILE)) as cache:
        cache.absorb(config.journals)
        explained: list[Explained] = []
        for test in tests:
            for role, call in asyncio.run(_asked(test, planner, config, cache if against == "runs" else None)):
                explained.append(past.of_call(role, call) if against == "runs" else _recorded(role, call))
    return explained


def _tests(planner: Planner, config: Config, what: str) -> list[PlannedTest]:
    path, _, case = what.partition("::")
    if not case or not (config.root / path).is_file():
        folder = config.folder("suites")
        suites = sorted(found for found in folder.rglob("*.y*ml") if is_suite(found, folder))
        example = suites[0].relative_to(config.root).as_posix() if suites else "suites/refunds.yaml"
        raise ConfigError(f"there is no test {what!r}", hint=f"name one as pytest prints it: {example}::case[variant]")
    tests = planner.plan(config.root / path).tests
    found = [test for test in tests if what in {test.test_id, test.test_id.partition("[")[0]}]
    if not found:
        raise ConfigError(f"there is no test {what!r}", hint=did_you_mean(what, [test.test_id for test in tests]))
    return found


async def _asked(test: PlannedTest, planner: Planner, config: Config, cache: Cache | None) -> list[tuple[str, Call]]:
    """Every call of the test that can be known without asking anybody, with its role. ``cache`` None: the recordings answer."""
    checks = planner.checks_of(test)
    if cache is None:
        routes = make_routes(replace(config, mode="replay"))
    else:
        routes = make_routes(replace(config, mode="cache"), collector=lambda _: _Nobody())
    caller = Caller(
        route=routes, ledger=NoLedger(), cache=cache, policy=make_policy(config), pricing=make_pricing(config)
    )
    calls = []
    try:
        for trial in test.trials:
            answered = await answer(trial, checks, caller)
            calls.append((f"{test.test_id}, repeat {trial.repeat + 1}", answered.call))
            for check, asked in zip(checks, answered.asked, strict=False):
                calls += [(f"asked by {check.name}", call) for call in asked.calls]
    finally:
        await caller.aclose()
    return calls


class _Past:
    """The live calls of earlier runs, found by key or by likeness."""

    def __init__(self, asked: Sequence[Asked], waiting: Mapping[str, Batch]) -> None:
        self._waiting = waiting
        self._by_key: dict[str, Asked] = {}
        for one in asked:
            known = self._by_key.get(one.key)
            if known is None or (known.failure is not None and one.failure is None):
                self._by_key[one.key] = one
        self._answered = [one for one in self._by_key.values() if one.failure is None]
        self._nearest = Nearest([one.request for one in self._answered], endpoint=True)

    def of_key(self, start: str) -> Explained:
        """Explain the one earlier request whose key begins so. Raises ConfigError unless there is exactly one."""
        found = [one for key, one in self._by_key.items() if key.startswith(start)]
        if len(found) != 1:
            hint = (
                "a longer beginning says which"
                if found
                else "name the test that asks it: suites/refunds.yaml::case[variant]"
            )
            raise ConfigError(f"{len(found)} stored requests have a key that begins with {start!r}", hint=hint)
        one = found[0]
        if one.failure is None:
            return Explained("request", one.request, stored=True, reason=_origin(one))
        return Explained("request", one.request, stored=False, reason=f"{_origin(one)} it failed: {one.failure}")

    def of_call(self, role: str, call: Call) -> Explained:
        """Explain a request that was looked up in the cache."""
        request, known = call.request, self._by_key.get(call.request.key)
        if isinstance(call.reply, Response):
            reason = _origin(known) if known is not None and call.source == "cache" else call.source
            return Explained(role, request, stored=True, reason=reason)
        if request.key in self._waiting:
            batch = self._waiting[request.key]
            return Explained(role, request, stored=False, reason=f"it waits in the batch {batch.id or batch.marker}")
        if known is not None:
            why = (
                f"it failed: {known.failure}" if known.failure else "its answer did not end normally, so it is not kept"
            )
            return Explained(role, request, stored=False, reason=f"{_origin(known)} {why}")
        found = self._nearest.find(request)
        if found is None:
            return Explained(role, request, stored=False, reason="no earlier run asked anything")
        near = self._answered[found]
        told = tuple(differences(request, near.request, endpoint=True))
        if not told:  # only texts that hold a secret: they are stored without it
            return Explained(role, request, stored=False, reason=f"nearest is {_origin(near)}; only secrets differ")
        return Explained(role, request, stored=False, reason=f"nearest is {_origin(near)}", differing=told)


def _recorded(role: str, call: Call) -> Explained:
    if isinstance(call.reply, Response):
        return Explained(role, call.request, stored=True, reason=call.source)
    return Explained(role, call.request, stored=False, reason=call.reply.message)


def _origin(asked: Asked) -> str:
    at = datetime.fromtimestamp(asked.settled_at, UTC)
    return (
        f"an answer of {at:%Y-%m-%d %H:%M} UTC (run {asked.run_id})"
        if asked.failure is None
        else f"in run {asked.run_id}"
    )


class _Nobody:
    """Stands where a live provider would. Satisfies ``Provider``."""

    async def complete(self, request: Request) -> Response:
        """Raises CallError: nothing is called here."""
        raise CallError(f"no answer of {request.model} is stored", kind="replay_miss")

    async def aclose(self) -> None:
        """Nothing is open."""
