"""The running part of a session: the engine on its loop, the journal beside it. One per process."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from evalkit.engine.call import Caller
from evalkit.engine.events import Event, unobserved
from evalkit.engine.loop import BackgroundLoop
from evalkit.engine.trial import answer, judge
from evalkit.errors import ConfigError
from evalkit.harness.during.outcome import TestOutcome
from evalkit.harness.during.privacy import Privacy
from evalkit.harness.during.routes import make_policy, make_pricing, make_routes
from evalkit.harness.during.secrecy import redactor_for
from evalkit.harness.during.stored import stored_routes
from evalkit.harness.facts import describe_run
from evalkit.model.calls import Response
from evalkit.store.cache import CACHE_FILE, Cache
from evalkit.store.journal.codec import dumps, encode_call
from evalkit.store.journal.writer import Journal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from concurrent.futures import Future

    from evalkit.checks.build import BuiltCheck
    from evalkit.config import Config
    from evalkit.engine.events import Observer
    from evalkit.engine.policy import Policy
    from evalkit.engine.trial import Answered
    from evalkit.harness.batch.mode import Batching
    from evalkit.harness.before.planning import Planner, SuitePlan
    from evalkit.model.calls import Call, CallFailure
    from evalkit.model.cases import PlannedTest, Trial
    from evalkit.model.results import Result
    from evalkit.prompts.version import PromptVersion
    from evalkit.providers.base import Provider
    from evalkit.store.batches import Command
    from evalkit.store.journal.reader import RunRecords

GRACE_S = 5.0
"""Seconds that calls in flight get to end when a session closes."""


class Runner:
    """Submits tests to the engine, judges and journals their answers.

    With ``earlier`` every answer is the one that was stored in that run, and none is asked for.
    ``notes`` says what was wrong with the response cache, if anything; ``observe`` hears every event of the run. Raises StoreError if
    the journal cannot be created, RecordingError if a recording is damaged: both before any call.
    """

    def __init__(
        self,
        config: Config,
        planner: Planner,
        *,
        run_id: str,
        worker: str,
        observe: Observer = unobserved,
        earlier: RunRecords | None = None,
    ) -> None:
        self._planner = planner
        self._observe = observe
        self._config = config
        self._pricing = make_pricing(config)
        if config.untrusted:
            from evalkit.harness.untrusted import require_ceiling

            require_ceiling(config)
        if config.mode == "batch" and worker != "main":
            raise ConfigError(
                "batch mode cannot be shared by workers", hint="run without -n: nothing in it waits for an answer"
            )
        policy = make_policy(config)  # before there is a journal: what is wrong in it is no run
        self._info = describe_run(run_id=run_id, mode=config.mode, root=config.root, untrusted=config.untrusted)
        if earlier is None:
            routes = make_routes(config, collector=self._collector if config.mode == "batch" else None)
        else:
            routes = stored_routes(earlier)
            self._info = replace(self._info, extra={**self._info.extra, "rescored": earlier.run.run_id})
        self._redactor = redactor_for(config)
        self._privacy = Privacy(config.redact)
        self._journal = Journal(
            config.journals,
            self._info,
            worker=worker,
            redact=self._redactor.json,
            suspects=self._redactor.suspects,
            hide=self._privacy.hide,
        )
        self.notes: tuple[str, ...] = ()
        self._cache = self._open_cache(config) if config.mode in {"cache", "batch"} else None
        self._batching = self._open_batching(config, policy)
        self._loop = BackgroundLoop()
        self._caller = Caller(
            route=routes,
            ledger=self._journal,
            cache=self._cache,
            policy=policy,
            pricing=self._pricing,
            observe=observe,
        )
        self._closed = False

    @property
    def halted(self) -> CallFailure | None:
        """The failure that no later call can escape, if there was one."""
        return self._caller.halted

    def plan(self, plans: Iterable[SuitePlan], selected: set[str]) -> None:
        """Journal what is about to be measured: the prompts' full text and the selected tests. First take in what batches brought.

        Raises StoreError, ConfigError when a ceiling cannot be kept because a model has no price, and CallError when the batches cannot be
        looked at.
        """
        plans = tuple(plans)
        self._privacy.plan(plans)
        self._take_in_batches()
        tests: list[PlannedTest] = []
        for suite in plans:
            for prompt in suite.prompts:
                self._journal.append_prompt(prompt.record())
            tests.extend(test for test in suite.tests if test.test_id in selected)
        self._require_prices(tests)
        self._journal.append_plan([test.test_id for test in tests], planned=sum(len(test.trials) for test in tests))

    def _require_prices(self, tests: Iterable[PlannedTest]) -> None:
        if self._config.max_cost_usd is None or self._config.mode == "replay":
            return
        firsts = (test.trials[0] for test in tests)
        asked = (request for trial in firsts for request in (trial.request, *trial.fallbacks))
        for request in {request.model: request for request in asked}.values():
            if self._pricing.worst_case_usd(request) is None:
                raise ConfigError(
                    f"the price of {request.model} is unknown, so the ceiling of ${self._config.max_cost_usd:g} cannot be kept",
                    hint=f'add to pyproject.toml: [tool.evalkit.prices."{request.model}"] with input_usd_per_mtok and '
                    "output_usd_per_mtok, or run without a ceiling",
                )

    def submit(self, test: PlannedTest) -> Future[tuple[Answered, ...]]:
        """Send all repeats of ``test``; the future holds their answers in order."""
        return self._loop.submit(self._answers(test, self._planner.checks_of(test)))

    def judge(self, test: PlannedTest, answered: Sequence[Answered]) -> TestOutcome:
        """Judge the answers and journal the results. Raises StoreError if they cannot be written."""
        checks = self._planner.checks_of(test)
        results = tuple(judge(one, checks) for one in answered)
        for result in results:
            self._journal.append_result(result)
        return TestOutcome(test, results)

    def shown(self, text: str, test: PlannedTest | None = None) -> str:
        """``text`` (about ``test``) as a log or a report may keep it: without secrets, and without what its suite redacts."""
        return self._privacy.text("" if test is None else test.trials[0].request.key, self._redactor.text(text))

    def record(self, result: Result) -> None:
        """Journal a result that was measured outside a suite. Raises StoreError."""
        self._journal.append_result(result)

    def skip(self, test: PlannedTest, reason: str) -> None:
        """Journal that ``test`` was skipped on purpose, so that it is accounted for. Raises StoreError."""
        self._journal.append_skip(test.test_id, reason=reason, trials=len(test.trials))

    def prompt(self, prompt: PromptVersion) -> None:
        """Journal the text of a prompt that is used outside a suite. Raises StoreError."""
        self._journal.append_prompt(prompt.record())

    def judged(self, test: PlannedTest) -> Result:
        """Answer and judge the first repeat of ``test``, waiting for it; nothing is journaled but the calls."""
        return judge(self.submit(test).result()[0], self._planner.checks_of(test))

    def hand_in(self, command: Command) -> None:
        """In batch mode: hand in what had no answer, and remember the ``command`` to come back with. Raises StoreError.

        Does nothing in a closed runner.
        """
        if self._batching is not None and not self._closed:
            self._batching.remember(command)
            self._loop.submit(self._batching.hand_in()).result()

    @property
    def unsent(self) -> Mapping[str, str]:
        """In batch mode: why a request could not be handed in, by its key."""
        return self._batching.unsent if self._batching is not None else {}

    def close(self) -> None:
        """Stop the engine, cancel what is in flight, close the journal. Closing twice is fine."""
        if self._closed:
            return
        self._closed = True
        try:
            self._loop.close(self._last(), grace_s=GRACE_S)
        finally:
            if self._batching is not None:
                self._batching.close()
                self.notes = (*self.notes, *self._batching.notes)
            if self._cache is not None:
                self._cache.close()
            self._journal.close()

    def _open_cache(self, config: Config) -> Cache:
        cache = Cache(config.folder("reports") / CACHE_FILE)
        absorbed = cache.absorb(config.journals)
        self.notes = (*cache.notes, *absorbed.damage)
        return cache

    def _open_batching(self, config: Config, policy: Policy) -> Batching | None:
        if config.mode != "batch" or self._cache is None:
            return None
        from evalkit.harness.batch.mode import Batching

        return Batching(
            config,
            ledger=self._journal,
            cache=self._cache,
            policy=policy,
            redactor=self._redactor,
            taken=self._keep_what_is_not_written,
            hide=self._privacy.hide,
        )

    def _keep_what_is_not_written(self, call: Call) -> None:
        """An answer that the journal holds with something taken out would not be found again: it is served from memory, in this run."""
        record = {"call": encode_call(call)}
        changed = self._privacy.hide(call.request.key, record) != record or self._redactor.suspects(dumps(record))
        if changed and self._cache is not None and isinstance(call.reply, Response):
            self._cache.keep(call.request.key, call.reply)

    def _collector(self, provider: str) -> Provider:
        if self._batching is None:
            raise AssertionError("only batch mode collects")
        return self._batching.collector(provider)

    def _take_in_batches(self) -> None:
        if self._batching is not None and self._cache is not None:
            self._loop.submit(self._batching.take_in()).result()
            self._cache.absorb(self._config.journals)

    async def _last(self) -> None:
        self.notes = (*self.notes, *await self._caller.aclose())
        if self._batching is not None:
            await self._batching.aclose()

    async def _answers(self, test: PlannedTest, checks: Sequence[BuiltCheck]) -> tuple[Answered, ...]:
        return tuple(await asyncio.gather(*(self._answer(trial, checks) for trial in test.trials)))

    async def _answer(self, trial: Trial, checks: Sequence[BuiltCheck]) -> Answered:
        answered = await answer(trial, checks, self._caller)
        if self._observe is not unobserved:
            facts = (time.time(), trial.request.provider, trial.request)
            self._observe(Event("trial.answered", *facts, reason=trial.test_id, call=answered.call))
        return answered
