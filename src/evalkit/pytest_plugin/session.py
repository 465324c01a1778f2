"""One evalkit session inside a pytest session: from the first collected suite to the summary. Hooks and nothing else decide here."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from evalkit.errors import ConfigError, EvalkitError, MissingExtraError, StoreError
from evalkit.pytest_plugin.beforehand import require_what_is_named
from evalkit.pytest_plugin.ending import Ending
from evalkit.pytest_plugin.garbage import collect_rarely, leave_aside, set_aside
from evalkit.pytest_plugin.junit import Properties, write_output
from evalkit.pytest_plugin.options import run_options
from evalkit.pytest_plugin.project import config_of
from evalkit.pytest_plugin.signals import Stops, stop_worker

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    from evalkit.config import Config
    from evalkit.engine.trial import Answered
    from evalkit.harness.early import EarlyStops
    from evalkit.harness.outcome import TestOutcome
    from evalkit.harness.planning import Planner, SuitePlan
    from evalkit.harness.racing import Races
    from evalkit.harness.runner import Runner
    from evalkit.harness.window import Window
    from evalkit.pytest_plugin.items import EvalItem
    from evalkit.pytest_plugin.protocol import CaseProtocol
    from evalkit.pytest_plugin.watch import Watch

_SESSION: pytest.StashKey[EvalSession] = pytest.StashKey()
FAILED: pytest.StashKey[str] = pytest.StashKey()
"""Why a test written in Python failed, for the results that it leaves behind."""


def session_of(config: pytest.Config) -> EvalSession:
    """The evalkit session of a pytest session, made and registered as a plugin when first asked for."""
    if _SESSION not in config.stash:
        session = EvalSession(config)
        config.stash[_SESSION] = session
        config.pluginmanager.register(session, "evalkit-session")
    return config.stash[_SESSION]


class EvalSession:
    """Collects plans, runs the engine around pytest's loop, and finishes the run in the process that owns it."""

    def __init__(self, pytest_config: pytest.Config) -> None:
        self.pytest_config = pytest_config
        collect_rarely(pytest_config)
        self.plans: dict[Path, SuitePlan] = {}
        self.ending = Ending(pytest_config)
        self._stops = Stops(self.ending.note_signal)
        self._workers: list[Any] = []
        self._worker: dict[str, Any] | None = getattr(pytest_config, "workerinput", None)
        self._run_id = self._worker["evalkit_run_id"] if self._worker else _fresh_run_id()
        self._config: Config | None = None
        self._planner: Planner | None = None
        self._runner: Runner | None = None
        self._window: Window[EvalItem] | None = None
        self._protocol: CaseProtocol | None = None
        self._watch: Watch | None = None
        self._items: list[EvalItem] = []
        self._only_cases = False
        self._properties = Properties(detailed=bool(pytest_config.getoption("xmlpath", None)))
        self._gated: set[Path] = set()
        self._early: EarlyStops | Races | None = None
        self._tags: set[str] = set()

    # -- what the items ask for ---------------------------------------------------------------------------------

    @property
    def config(self) -> Config:
        """The project's configuration with this session's options in it."""
        if self._config is None:
            workers = int(self._worker["workercount"]) if self._worker else 1
            self._config = run_options(self.pytest_config, workers=workers).apply(config_of(self.pytest_config))
        return self._config

    @property
    def planner(self) -> Planner:
        """The planner, made when the first suite is collected."""
        if self._planner is None:
            from evalkit.harness.planning import Planner

            self._planner = Planner(self.config)
        return self._planner

    @property
    def runner(self) -> Runner:
        """The engine and the journal, started when the first item is about to run. Ends the session if they cannot start."""
        if self._runner is None:
            from evalkit.harness.runner import Runner
            from evalkit.pytest_plugin.watch import Watch

            try:
                require_what_is_named(self.config, self.pytest_config, run_id=self._run_id, plans=self.plans.values())
                worker = self._worker["workerid"] if self._worker else "main"
                total = sum(len(item.test.trials) for item in self._items)
                facts = {"run_id": self._run_id, "worker": worker}
                self._watch = Watch(self.pytest_config, **facts, total=total, redact=self.shown)
                self._runner = Runner(
                    self.config, self.planner, run_id=self._run_id, worker=worker, observe=self._watch.observer
                )
                self._runner.plan(tuple(self.plans.values()), {item.test.test_id for item in self._items})
            except EvalkitError as error:
                pytest.exit(str(error), returncode=2 if isinstance(error, (ConfigError, MissingExtraError)) else 3)
        return self._runner

    def plan(self, path: Path) -> SuitePlan:
        """Plan the suite at ``path``. Raises SuiteError."""
        self.plans[path] = self.planner.plan(path)
        return self.plans[path]

    def register_tag(self, tag: str) -> None:
        """Make ``tag`` a known marker, once."""
        if tag not in self._tags:
            self._tags.add(tag)
            self.pytest_config.addinivalue_line("markers", f"{tag}: a tag of an evalkit suite")

    def wait(self, item: EvalItem) -> tuple[Answered, ...]:
        """The answers of ``item``, waited for if need be. A store that cannot write ends the session."""
        if item.answers is None:
            item.answers = self.runner.submit(item.test)
        try:
            return item.answers.result() if self._watch is None else self._watch.result(item.answers)
        except StoreError as error:
            item.session.shouldstop = f"evalkit: {error}"
            raise

    def spared(self, item: EvalItem) -> str | None:
        """Why ``item`` need not be asked: its suite was decided before it was sent. A suite that runs in part is never decided."""
        if self._early is None or item.answers is not None or item.path not in self._gated:
            return None
        return self._early.reason(item.test)

    def judge(self, item: EvalItem, answered: Sequence[Answered]) -> TestOutcome:
        """Judge and journal; a fatal failure (a bad key, an unknown model) stops the session once."""
        try:
            outcome = self.runner.judge(item.test, answered)
        except StoreError as error:
            item.session.shouldstop = f"evalkit: {error}"
            raise
        item.user_properties.extend(self._properties.of(outcome, lambda text: self.shown(text, item)))
        if self._early is not None:
            self._early.heard(outcome.results)
        halted = self.runner.halted
        if halted is not None and not item.session.shouldstop:
            hint = f" ({halted.hint})" if halted.hint else ""
            item.session.shouldstop = self.shown(f"evalkit: {halted.kind}: {halted.message}{hint}")
        return outcome

    def shown(self, text: str, item: pytest.Item | None = None) -> str:
        """``text`` (about ``item``) as a log may keep it: without secrets and without what its suite redacts."""
        from evalkit.harness.secrecy import redactor_for

        runner = self._runner
        return runner.shown(text, getattr(item, "test", None)) if runner else redactor_for(self.config).text(text)

    def reported(self, item: EvalItem, report: pytest.TestReport) -> None:
        """Shape the report of one phase of ``item``; after the last one let the window move on and the answers go."""
        from evalkit.pytest_plugin.reports import shape

        shape(report, item.outcome, gated=item.path in self._gated, shown=lambda text: self.shown(text, item))
        if report.when == "teardown":
            if self._window is not None:
                self._window.done(item, passed=item.outcome is not None and item.outcome.status == "pass")
            item.answers = item.outcome = None

    # -- hooks --------------------------------------------------------------------------------------------------

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:  # noqa: ANN401 - xdist's type
        """Give every worker the id of this run."""
        node.workerinput["evalkit_run_id"] = self._run_id
        self._workers.append(node)

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Tell Ctrl-C from a run that stopped itself. The workers of xdist, which may not have heard of it, stop too."""
        self.ending.note_interrupt(excinfo)
        for node in self._workers:
            stop_worker(node)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Cases with a priority tag go first, in the order they have; suites that may stop early have an order of their own."""
        from evalkit.pytest_plugin.items import EvalItem

        items.sort(key=lambda item: not (isinstance(item, EvalItem) and item.test.trials[0].priority == 0))
        gates = (gate for plan in self.plans.values() for gate in plan.spec.gates)
        if self.pytest_config.getoption("evalkit_race") is not None or any(gate.sequential for gate in gates):
            from evalkit.pytest_plugin.early import early_stops

            self._early = early_stops(self.pytest_config, self.plans.values(), items, self.config.folder("reports"))

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Remember which cases were selected. Gates decide only about suites that run whole; in a part every failure counts."""
        from evalkit.pytest_plugin.items import EvalItem

        self._items = [item for item in session.items if isinstance(item, EvalItem)]
        self._only_cases = len(self._items) == len(session.items)
        set_aside()
        chosen = Counter(path for path, _ in {(item.path, item.test.test_id) for item in self._items})
        whole = {path for path, plan in self.plans.items() if plan.spec.gates and chosen[path] == len(plan.tests)}
        # In a race a case that fails is no failure: it is what tells the variants apart.
        self._gated = whole if self.pytest_config.getoption("evalkit_race") is None else set(self.plans)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Keep the engine open around the loop; judge the gates after it, in the process that owns the run."""
        option = session.config.option
        if option.collectonly or getattr(option, "setupplan", False) or getattr(option, "setuponly", False):
            return (yield)
        self._stops.open()
        try:
            done = yield
            self._hand_in_batches()
        finally:
            self._stops.let_finish()
            self._close_runner()
        if self._owns_a_run():
            self._finish(interrupted=False)
            self._show_gates(session)
        return done

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        """Top up the calls in flight, then run ``item``, or leave it to pytest."""
        from evalkit.pytest_plugin.items import EvalItem

        if self._protocol is None:
            self._protocol = self._make_protocol()
        if not isinstance(item, EvalItem) or item.config.getoption("setuponly"):
            self._protocol.left()
            return None
        self._buy_ahead(item, nextitem)
        return self._protocol.run(item, nextitem) or None

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Shape the report of a case; let the window move on."""
        from evalkit.pytest_plugin.items import EvalItem
        from evalkit.pytest_plugin.reports import without_secrets

        report = yield
        if not isinstance(item, EvalItem):
            if call.when == "call" and report.failed and call.excinfo is not None:
                item.stash[FAILED] = call.excinfo.exconly()
            if report.failed or report.sections:
                without_secrets(report, self.shown)
            return report
        self.reported(item, report)
        if report.failed and call.excinfo is not None and isinstance(call.excinfo.value, EvalkitError):
            report.longrepr = str(call.excinfo.value)
        if report.sections or (report.failed and not item.outcome):
            without_secrets(report, lambda text: self.shown(text, item))
        if report.when == "setup" and report.skipped and not hasattr(report, "evalkit"):
            self.runner.skip(item.test, str(call.excinfo.value) if call.excinfo else "skipped")
            if self._early is not None:
                self._early.left_out(item.test)
        return report

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count our failures; keep ``--lf`` aware of failing cases in gated suites, which pytest takes for expected ones."""
        from evalkit.pytest_plugin.reports import COUNTED_BY_GATE, forget, is_lost_case

        if is_lost_case(report):
            self.ending.note_lost()
        elif report.failed and hasattr(report, "evalkit"):
            self.ending.note_failure(getattr(report, "evalkit_test", None))
        write_output(self.pytest_config, report, reports=self.config.folder("reports") / self._run_id)
        forget(report, self.pytest_config.pluginmanager.get_plugin("terminalreporter"))
        if getattr(report, "wasxfail", "").startswith(COUNTED_BY_GATE):
            memory = self.pytest_config.pluginmanager.get_plugin("lfplugin")
            if memory is not None:
                memory.lastfailed[report.nodeid] = True

    def pytest_report_teststatus(self, report: Any) -> tuple[str, str, Any] | None:  # noqa: ANN401 - any report
        """Show gates with their own letters, and a check that could not judge as an error."""
        if not hasattr(report, "evalkit"):
            return None
        from evalkit.pytest_plugin.reports import status_of

        return status_of(report)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Store the run and set the exit code."""
        if session.exitstatus in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}:
            self._hand_in_batches()  # of tests in Python: the loop had begun before the first of them asked for anything
        self._close_runner()
        if self._worker is not None or session.config.option.collectonly:
            return
        if self._owns_a_run() and not self.ending.reached:
            whole = session.exitstatus in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}
            self._finish(interrupted=not whole)
        if self.ending.reached:
            self.ending.write_files()
            session.exitstatus = self.ending.exit_status(session)

    def pytest_unconfigure(self) -> None:
        """Leave the signals as they were."""
        self._stops.close()

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:  # noqa: ANN401 - private type
        """Print pass rates, cost, calls, gates, flips, and where the report is."""
        self.ending.summarise(terminalreporter, root=self.config.root)

    # -- how ----------------------------------------------------------------------------------------------------

    def _buy_ahead(self, item: EvalItem, nextitem: pytest.Item | None) -> None:
        from evalkit.pytest_plugin.items import EvalItem

        if self._worker is not None:
            # A worker learns only one item ahead; xdist is for correctness, not for speed.
            for one in (item, nextitem):
                if isinstance(one, EvalItem):
                    self._submit(one)
            return
        if self._window is None:
            self._window = self._make_window()
        self._window.want(item)

    def _make_protocol(self) -> CaseProtocol:
        from evalkit.pytest_plugin.protocol import CaseProtocol

        return CaseProtocol(self.pytest_config, runs_user_code=lambda item: self.planner.runs_user_code(item.test))

    def _make_window(self) -> Window[EvalItem]:
        from evalkit.harness.window import AHEAD, Window

        stops_early = bool(self.pytest_config.getoption("maxfail"))
        # A run that stopped early recorded no more than it asked, so a replay must not run ahead of the decision.
        ahead = 1 if self._early is not None and self.config.mode == "replay" else AHEAD * self.config.concurrency
        return Window(self._items, self._submit, limit=ahead, slow_start=stops_early)

    def _submit(self, item: EvalItem) -> None:
        if item.answers is None and not item.pytests_marks & {"skip", "skipif", "xfail"} and not self.spared(item):
            item.answers = self.runner.submit(item.test)

    def _owns_a_run(self) -> bool:
        if self._worker is not None or self._runner is not None:
            return self._worker is None
        if getattr(self.pytest_config.option, "dist", "no") == "no":
            return False
        from evalkit.harness.runner import journal_root

        return (journal_root(self.config) / self._run_id).is_dir()  # the workers made it, if they measured anything

    def _hand_in_batches(self) -> None:
        """Only after a loop that ran to its end: what was stopped must not go on spending."""
        if self._runner is None or self.config.mode != "batch":
            return
        from evalkit.store.batches import Command

        given = self.pytest_config.invocation_params
        try:
            self._runner.hand_in(Command(tuple(map(str, given.args)), os.path.relpath(given.dir, self.config.root)))
        except EvalkitError as error:
            self.ending.note_trouble(error)

    def _close_runner(self) -> None:
        if self._runner is not None:
            try:
                self._runner.close()
            except StoreError as error:
                self.ending.note_trouble(error)
            if self._watch is not None:
                self._watch.close()

    def _finish(self, *, interrupted: bool) -> None:
        notes = (*(self._runner.notes if self._runner else ()), *(self._watch.notes if self._watch else ()))
        plans = list(self.plans.values())
        if self._only_cases:
            leave_aside(
                self.pytest_config
            )  # none of it is the user's, and DuckDB, which must be collected, comes only now
        self.ending.finish(self.config, self.planner, plans, run_id=self._run_id, interrupted=interrupted, notes=notes)

    def _show_gates(self, session: pytest.Session) -> None:
        if self.ending.finished is None:
            return
        from evalkit.pytest_plugin.gates import show_gates

        show_gates(self.ending.finished.report.gates, session=session, root=self.config.root)


def _fresh_run_id() -> str:
    from evalkit.harness.facts import new_run_id, utc_now

    return new_run_id(utc_now())
