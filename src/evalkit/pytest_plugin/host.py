"""What the cases of one session ask for: their plan, their answers, their judgement. The engine starts with the first of them."""

from __future__ import annotations

import os
from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest

from evalkit.errors import EvalkitError, StoreError
from evalkit.pytest_plugin.items import EvalItem
from evalkit.pytest_plugin.junit import Properties
from evalkit.pytest_plugin.options import run_options
from evalkit.pytest_plugin.project import config_of
from evalkit.pytest_plugin.reports import shape
from evalkit.pytest_plugin.workers import handed_over, tell_why

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from evalkit.config import Config
    from evalkit.engine.trial import Answered
    from evalkit.harness.before.planning import Planner, SuitePlan
    from evalkit.harness.during.early import EarlyStops
    from evalkit.harness.during.outcome import TestOutcome
    from evalkit.harness.during.runner import Runner
    from evalkit.harness.during.window import Window
    from evalkit.harness.racing import Races
    from evalkit.model.cases import PlannedTest
    from evalkit.model.results import Result
    from evalkit.pytest_plugin.watch import Watch


class CaseHost:
    """Plans suites, keeps calls in flight ahead of pytest's loop, and judges: one per process. ``worker`` is what xdist told it."""

    def __init__(self, pytest_config: pytest.Config, *, run_id: str, worker: dict[str, Any] | None) -> None:
        self.plans: dict[Path, SuitePlan] = {}
        self.early: EarlyStops | Races | None = None
        self.only_cases = False
        self._pytest_config = pytest_config
        self._run_id = run_id
        self._worker = worker
        self._config: Config | None = None
        self._planner: Planner | None = None
        self._runner: Runner | None = None
        self._window: Window[EvalItem] | None = None
        self._watch: Watch | None = None
        self._items: list[EvalItem] = []
        self._gated: set[Path] = set()
        self._tags: set[str] = set()
        self._broken = 0
        self._properties = Properties(detailed=bool(pytest_config.getoption("xmlpath", None)))

    @property
    def config(self) -> Config:
        """The project's configuration with this session's options in it."""
        if self._config is None:
            workers = int(self._worker["workercount"]) if self._worker else 1
            worker = int("".join(filter(str.isdigit, self._worker["workerid"])) or 0) % workers if self._worker else 0
            options = run_options(self._pytest_config, workers=workers, worker=worker)
            self._config = options.apply(config_of(self._pytest_config))
        return self._config

    @property
    def planner(self) -> Planner:
        """The planner, made when the first suite is collected."""
        if self._planner is None:
            from evalkit.harness.before.planning import Planner

            self._planner = Planner(self.config)
        return self._planner

    @property
    def runner(self) -> Runner:
        """The engine and the journal, started when the first item is about to run. Ends the session if they cannot start."""
        return self._runner or self._start(early=False)

    def give_up_broken(self) -> None:
        """In a worker: if a suite could not be collected, no worker shall pay for the others, as pytest has it without workers."""
        if self._broken and not self._pytest_config.option.continue_on_collection_errors:
            errors = f"{self._broken} error{'s' if self._broken > 1 else ''} during collection"
            tell_why(self._pytest_config, "broken", errors)

    def start_early(self) -> None:
        """Start before the first test, so that a wrong setting or a missing key is told as a usage error; not without a case to run."""
        if self._items:
            self._start(early=True)

    def _start(self, *, early: bool) -> Runner:
        from evalkit.pytest_plugin.beforehand import start

        facts = {"run_id": self._run_id, "worker": self._worker["workerid"] if self._worker else "main"}
        plans = tuple(self.plans.values())
        try:
            self._watch, self._runner = start(
                self._pytest_config, self.planner, plans, self._items, redact=self.shown, early=early, **facts
            )
        except pytest.UsageError as error:
            tell_why(self._pytest_config, "usage", str(error))
            raise
        except pytest.exit.Exception as error:
            tell_why(self._pytest_config, "stopped", str(error), code=error.returncode or 3)
            raise
        return self._runner

    def plan(self, path: Path) -> SuitePlan:
        """Plan the suite at ``path``. Raises SuiteError."""
        try:
            self.plans[path] = self.planner.plan(path)
        except EvalkitError:
            self._broken += 1
            raise
        return self.plans[path]

    def record(self, result: Result) -> None:
        """Journal a result that was measured outside a suite. Raises StoreError."""
        self.runner.record(result)
        if self._watch is not None:
            self._watch.judged([result])

    def register_tag(self, tag: str) -> None:
        """Make ``tag`` a known marker, once."""
        if tag not in self._tags:
            self._tags.add(tag)
            self._pytest_config.addinivalue_line("markers", f"{tag}: a tag of an evalkit suite")

    def wait(self, item: EvalItem) -> tuple[Answered, ...]:
        """The answers of ``item``, waited for if need be. A store that cannot write ends the session."""
        if item.answers is None:
            item.answers = self.runner.submit(item.test)
        if self._worker is None and not item.answers.done():
            # The end of the run needs it anyway, and imports it for 0.1 s: nobody notices while a model thinks.
            import evalkit.harness.after.finish  # noqa: F401 - for later
        try:
            return item.answers.result() if self._watch is None else self._watch.result(item.answers)
        except StoreError as error:
            item.session.shouldstop = f"evalkit: {error}"
            raise

    def spared(self, item: EvalItem) -> str | None:
        """Why ``item`` need not be asked: its suite was decided before it was sent. A suite that runs in part is never decided."""
        if self.early is None or item.answers is not None or item.path not in self._gated:
            return None
        return self.early.reason(item.test)

    def judge(self, item: EvalItem, answered: Sequence[Answered]) -> TestOutcome:
        """Judge and journal; a fatal failure (a bad key, an unknown model) stops the session once."""
        try:
            outcome = self.runner.judge(item.test, answered)
        except StoreError as error:
            item.session.shouldstop = f"evalkit: {error}"
            raise
        if self._watch is not None:
            self._watch.judged(outcome.results)
        item.user_properties.extend(self._properties.of(outcome, lambda text: self.shown(text, item)))
        if self.early is not None:
            self.early.heard(outcome.results)
        halted = self.runner.halted
        if halted is not None and not item.session.shouldstop:
            hint = f" ({halted.hint})" if halted.hint else ""
            item.session.shouldstop = self.shown(f"evalkit: {halted.kind}: {halted.message}{hint}")
        return outcome

    def shown(self, text: str, item: pytest.Item | None = None) -> str:
        """``text`` (about ``item``) as a log may keep it: without secrets and without what its suite redacts."""
        from evalkit.harness.during.secrecy import redactor_for

        runner = self._runner
        return runner.shown(text, getattr(item, "test", None)) if runner else redactor_for(self._config).text(text)

    def reported(self, item: EvalItem, report: pytest.TestReport) -> None:
        """Shape the report of one phase of ``item``; after the last one let the window move on and the answers go."""
        shape(report, item.outcome, gated=item.path in self._gated, shown=lambda text: self.shown(text, item))
        if report.when == "teardown":
            if self._window is not None:
                self._window.done(item, passed=item.outcome is not None and item.outcome.status == "pass")
            item.answers = item.outcome = None

    def hand_in_batches(self) -> None:
        """Hand in what waits for a batch. Only after a loop that ran to its end: what was stopped must not go on spending. Raises EvalkitError."""
        if self._runner is None or self.config.mode != "batch":
            return
        from evalkit.store.batches import Command

        given = self._pytest_config.invocation_params
        self._runner.hand_in(Command(tuple(map(str, given.args)), os.path.relpath(given.dir, self.config.root)))

    def close(self) -> None:
        """Stop the engine and close the journal; closing twice is fine. Raises StoreError if something could not be written."""
        try:
            if self._runner is not None:
                self._runner.close()
        finally:
            if self._watch is not None:
                self._watch.close()

    @property
    def notes(self) -> tuple[str, ...]:
        """What went wrong beside the cases: with the cache, the batches, the event log."""
        return (*(self._runner.notes if self._runner else ()), *(self._watch.notes if self._watch else ()))

    @property
    def unsent(self) -> Mapping[str, str]:
        """Why a request is in no batch, by its key."""
        return self._runner.unsent if self._runner else {}

    def skipped(self, test: PlannedTest, reason: str) -> None:
        """Journal that ``test`` was skipped. Raises StoreError."""
        self.runner.skip(test, reason)
        if self.early is not None:
            self.early.left_out(test)

    def selected(self, items: Sequence[pytest.Item]) -> None:
        """Remember which cases were selected. Gates decide only about suites that run whole; in a part every failure counts."""
        self._items = [item for item in items if isinstance(item, EvalItem)]
        self.only_cases = len(self._items) == len(items)
        chosen = Counter(path for path, _ in {(item.path, item.test.test_id) for item in self._items})
        whole = {path for path, plan in self.plans.items() if plan.spec.gates and chosen[path] == len(plan.tests)}
        # In a race a case that fails is no failure: it is what tells the variants apart.
        self._gated = whole if self._pytest_config.getoption("evalkit_race") is None else set(self.plans)

    def put_in_order(self, items: list[pytest.Item]) -> None:
        """Cases with a priority tag go first, in the order they have; suites that may stop early have an order of their own."""
        items.sort(key=lambda item: not (isinstance(item, EvalItem) and item.test.trials[0].priority == 0))
        gates = (gate for plan in self.plans.values() for gate in plan.spec.gates)
        if self._pytest_config.getoption("evalkit_race") is not None or any(gate.sequential for gate in gates):
            from evalkit.pytest_plugin.early import early_stops

            self.early = early_stops(self._pytest_config, self.plans.values(), items, self.config.folder("reports"))

    def buy_ahead(self, item: EvalItem, nextitem: pytest.Item | None) -> None:
        """Ask for ``item`` and for what comes after it, as far as the window reaches."""
        if self._worker is not None:
            self._buy_as_worker(item, nextitem)
            return
        if self._window is None:
            self._window = self._make_window()
        self._window.want(item)

    def _buy_as_worker(self, item: EvalItem, nextitem: pytest.Item | None) -> None:
        """Ask for ``item`` and for what xdist has handed over; where the run may stop early, for no more than the next one."""
        from evalkit.harness.during.window import AHEAD

        coming = [item, nextitem]
        if self.early is None and not self._pytest_config.getoption("maxfail"):
            coming += islice(handed_over(item), AHEAD * self.config.concurrency)
        for one in coming:
            if isinstance(one, EvalItem):
                self._submit(one)

    def owns_a_run(self) -> bool:
        """Whether there is a run that this process has to finish: its own, or that of its workers."""
        if self._worker is not None or self._runner is not None:
            return self._worker is None
        if getattr(self._pytest_config.option, "dist", "no") == "no":
            return False

        return (self.config.journals / self._run_id).is_dir()  # the workers made it, if they measured anything

    def _make_window(self) -> Window[EvalItem]:
        from evalkit.harness.during.window import AHEAD, AHEAD_OF_DECISION, Window

        stops_early = bool(self._pytest_config.getoption("maxfail"))
        # A run that stopped early recorded no more than it asked, so a replay must not run ahead of the decision.
        ahead = (AHEAD if self.early is None else AHEAD_OF_DECISION) * self.config.concurrency
        if self.early is not None and self.config.mode == "replay":
            ahead = 1
        return Window(self._items, self._submit, limit=ahead, slow_start=stops_early)

    def _submit(self, item: EvalItem) -> None:
        if item.answers is None and not item.pytests_marks & {"skip", "skipif", "xfail"} and not self.spared(item):
            item.answers = self.runner.submit(item.test)
