"""One evalkit session inside a pytest session: from the first collected suite to the summary. Hooks and nothing else decide here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from evalkit.errors import EvalkitError, StoreError
from evalkit.pytest_plugin.brevity import Brevity, Wholeness
from evalkit.pytest_plugin.ending import Ending
from evalkit.pytest_plugin.garbage import collect_rarely, leave_aside, set_aside
from evalkit.pytest_plugin.host import CaseHost
from evalkit.pytest_plugin.items import EvalItem
from evalkit.pytest_plugin.junit import write_output
from evalkit.pytest_plugin.signals import Stops, stop_worker
from evalkit.pytest_plugin.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Generator

    from evalkit.pytest_plugin.protocol import CaseProtocol

_SESSION: pytest.StashKey[EvalSession] = pytest.StashKey()
FAILED: pytest.StashKey[str] = pytest.StashKey()
"""Why a test written in Python failed, for the results that it leaves behind."""


def session_of(config: pytest.Config) -> EvalSession:
    """The evalkit session of a pytest session, made and registered as a plugin when first asked for."""
    if _SESSION not in config.stash:
        session = EvalSession(config)
        config.stash[_SESSION] = session
        config.pluginmanager.register(session, "evalkit-session")
        config.pluginmanager.register(session.brevity, "evalkit-brevity")
        config.pluginmanager.register(Wholeness(session.brevity), "evalkit-wholeness")
    return config.stash[_SESSION]


class EvalSession:
    """The hooks: they keep the host's engine open around pytest's loop, and finish the run in the process that owns it."""

    def __init__(self, pytest_config: pytest.Config) -> None:
        self.pytest_config = pytest_config
        collect_rarely(pytest_config)
        self.ending = Ending(pytest_config)
        self.brevity = Brevity(pytest_config)
        self._stops = Stops(self.ending.note_signal)
        self._workers: list[Any] = []
        self._heard: Workers | None = None
        self._worker: dict[str, Any] | None = getattr(pytest_config, "workerinput", None)
        self._run_id = self._worker["evalkit_run_id"] if self._worker else _fresh_run_id()
        self.host = CaseHost(pytest_config, run_id=self._run_id, worker=self._worker)
        self._protocol: CaseProtocol | None = None

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:  # noqa: ANN401 - xdist's type
        """Give every worker the id of this run."""
        from evalkit.pytest_plugin.progress import style_of

        node.workerinput["evalkit_run_id"] = self._run_id
        if self._heard is None:
            self._heard = Workers(self.pytest_config)
        self._heard.connect(node, shows=style_of(self.pytest_config) != "off")
        self._workers.append(node)

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Tell Ctrl-C from a run that stopped itself. The workers of xdist, which may not have heard of it, stop too."""
        self.ending.note_interrupt(excinfo)
        for node in self._workers:
            stop_worker(node)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Cases with a priority tag go first, in the order they have; suites that may stop early have an order of their own."""
        self.host.put_in_order(items)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Remember which cases were selected."""
        self.host.selected(session.items)
        set_aside(self.pytest_config)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Keep the engine open around the loop; judge the gates after it, in the process that owns the run."""
        option = session.config.option
        if option.collectonly or getattr(option, "setupplan", False) or getattr(option, "setuponly", False):
            return (yield)
        self._stops.open()
        if self._heard is not None:
            from evalkit.pytest_plugin.progress import display_for

            self._heard.watch(display_for(session.config, self._heard.gathered.progress))
        try:
            if session.testsfailed:  # pytest stops for a broken suite
                self.host.give_up_broken()
            else:
                self.host.start_early()
            done = yield
            self._hand_in_batches()
        finally:
            self._stops.let_finish()
            self._close()
        if self.host.owns_a_run():
            self._finish(interrupted=False)
            self._show_gates(session)
        return done

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        """Top up the calls in flight, then run ``item``, or leave it to pytest."""
        if self._protocol is None:
            self._protocol = self._make_protocol()
        if not isinstance(item, EvalItem) or item.config.getoption("setuponly"):
            self._protocol.left()
            return None
        self.host.buy_ahead(item, nextitem)
        return self._protocol.run(item, nextitem) or None

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Shape the report of a case; let the window move on."""
        from evalkit.pytest_plugin.reports import shorten_mistake, without_secrets

        report = yield
        if not isinstance(item, EvalItem):
            if call.when == "call" and report.failed and call.excinfo is not None:
                item.stash[FAILED] = call.excinfo.exconly()
            if report.failed and call.excinfo is not None and not self.pytest_config.option.fulltrace:
                shorten_mistake(report, call.excinfo, path=item.path)
            if report.failed or report.sections:
                without_secrets(report, self.host.shown)
            return report
        self.host.reported(item, report)
        if report.failed and call.excinfo is not None and isinstance(call.excinfo.value, EvalkitError):
            report.longrepr = str(call.excinfo.value)
            report.evalkit = "error"  # type: ignore[attr-defined] # it could not be measured, or not be written down
        if report.sections or (report.failed and not item.outcome):
            without_secrets(report, lambda text: self.host.shown(text, item))
        if report.when == "setup" and report.skipped and not hasattr(report, "evalkit"):
            self.host.skipped(item.test, str(call.excinfo.value) if call.excinfo else "skipped")
        return report

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count our failures; keep ``--lf`` aware of failing cases in gated suites, which pytest takes for expected ones."""
        from evalkit.pytest_plugin.reports import COUNTED_BY_GATE, forget, is_lost_case

        if is_lost_case(report):
            self.ending.note_lost()
        elif report.failed and hasattr(report, "evalkit"):
            self.ending.note_failure(getattr(report, "evalkit_test", None))
        write_output(self.pytest_config, report, reports=self.host.config.folder("reports") / self._run_id)
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
        self._close()
        if self._worker is not None or session.config.option.collectonly:
            return
        if self.host.owns_a_run() and not self.ending.reached:
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
        for line in self.brevity.lines(terminalreporter):
            terminalreporter.line(line)
        if self.ending.reached:  # else the settings may be what is wrong
            self.ending.summarise(terminalreporter, root=self.host.config.root)

    def _make_protocol(self) -> CaseProtocol:
        from evalkit.pytest_plugin.protocol import CaseProtocol

        return CaseProtocol(self.pytest_config, runs_user_code=lambda item: self.host.planner.runs_user_code(item.test))

    def _hand_in_batches(self) -> None:
        try:
            self.host.hand_in_batches()
        except EvalkitError as error:
            self.ending.note_trouble(error)

    def _close(self) -> None:
        try:
            self.host.close()
        except StoreError as error:
            self.ending.note_trouble(error)

    def _finish(self, *, interrupted: bool) -> None:
        host = self.host
        if host.only_cases:
            leave_aside(
                self.pytest_config
            )  # none of it is the user's, and DuckDB, which must be collected, comes only now
        self.ending.finish(
            host.config,
            host.planner,
            list(host.plans.values()),
            run_id=self._run_id,
            interrupted=interrupted,
            notes=host.notes,
            unsent=host.unsent,
        )

    def _show_gates(self, session: pytest.Session) -> None:
        if self.ending.finished is None:
            return
        from evalkit.pytest_plugin.gates import show_gates

        show_gates(self.ending.finished.report.gates, session=session, root=self.host.config.root)


def _fresh_run_id() -> str:
    from evalkit.harness.facts import new_run_id, utc_now

    return new_run_id(utc_now())
