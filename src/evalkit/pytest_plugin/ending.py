"""How a session ends: the run finished from its journals, the exit code, the summary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from evalkit.errors import EvalkitError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from evalkit.config import Config
    from evalkit.harness.after.finish import Finished
    from evalkit.harness.before.planning import Planner, SuitePlan


class Ending:
    """What is known about the end of one session: first what was noted on the way, then the finished run.

    ``trouble`` is why a run could not be finished at all (a store that cannot be read or written); it exits with 3.
    """

    def __init__(self, pytest_config: pytest.Config) -> None:
        self.finished: Finished | None = None
        self.trouble: str | None = None
        self._pytest_config = pytest_config
        self._signal: int | None = None
        self._ctrl_c = False
        self._own_failures = 0
        self._failed_tests: set[str] = set()
        self._lost = False

    @property
    def reached(self) -> bool:
        """Whether there is anything to say: a finished run, or why there is none."""
        return self.finished is not None or self.trouble is not None

    def note_signal(self, number: int) -> None:
        """A signal asked the session to end."""
        self._signal = number

    def note_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """The session was interrupted: by Ctrl-C, or by pytest's or xdist's own stops, which are subclasses."""
        self._ctrl_c = excinfo.type in {KeyboardInterrupt, pytest.exit.Exception}

    def note_failure(self, test_id: str | None) -> None:
        """A case (``test_id``) or a gate (None) was reported as failed. Failures that are not noted here are somebody else's."""
        self._own_failures += 1
        if test_id is not None:
            self._failed_tests.add(test_id)

    def note_lost(self) -> None:
        """The worker of a case died: xdist reports that as a failure, but it is none."""
        self._own_failures += 1
        self._lost = True

    def note_trouble(self, error: EvalkitError) -> None:
        """Something went wrong that leaves the run without a verdict; the first such thing is kept."""
        self.trouble = self.trouble or str(error)

    def finish(
        self,
        config: Config,
        planner: Planner,
        plans: Sequence[SuitePlan],
        *,
        run_id: str,
        interrupted: bool,
        notes: Sequence[str],
        unsent: Mapping[str, str],
    ) -> None:
        """Finish the run, once; what prevents it becomes ``trouble``. Raises KeyboardInterrupt unless the run is ``interrupted`` already."""
        from evalkit.harness.after.finish import finish_run

        option = self._pytest_config.getoption
        try:
            self.finished = finish_run(
                config,
                planner,
                plans,
                run_id=run_id,
                interrupted=interrupted,
                record=option("evalkit_record"),
                write_report=not option("evalkit_no_report"),
                race=option("evalkit_race"),
                notes=notes,
                unsent=unsent,
            )
        except EvalkitError as error:
            self.note_trouble(error)
        except KeyboardInterrupt:
            self.trouble = "stopped while the run was stored; nothing is lost, 'evalkit ingest' brings it in"
            if not interrupted:
                raise

    def write_files(self) -> None:
        """Write what ``--evalkit-json`` and ``--evalkit-markdown`` ask for, and the step summary of a job of GitHub Actions."""
        from evalkit.harness.after.outputs import write_files
        from evalkit.pytest_plugin.ci import step_summary

        if self.finished is None:
            return
        here = self._pytest_config.invocation_params.dir
        names = (self._pytest_config.getoption(name) for name in ("evalkit_json", "evalkit_markdown"))
        json_file, markdown_file = (here / name if name else None for name in names)
        problems = write_files(self.finished.report, json_file=json_file, markdown_file=markdown_file)
        problems += step_summary(self.finished.report)
        if problems:
            self.finished = self.finished.with_problems(problems)

    def exit_status(self, session: pytest.Session) -> int:
        """pytest's own code where it has one, evalkit's where pytest has none."""
        from evalkit.harness.after.verdict import ExitCode

        natural = int(session.exitstatus)
        if self._signal is not None:
            return 128 + self._signal  # as a shell tells it: ExitCode.SIGTERM, ExitCode.SIGHUP
        if natural == pytest.ExitCode.INTERRUPTED and self._ctrl_c:
            return natural
        if self.finished is None or self.trouble is not None or natural == pytest.ExitCode.INTERRUPTED:
            return int(ExitCode.NOT_MEASURED)
        if natural not in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}:
            return natural
        if session.shouldfail or session.testsfailed > self._own_failures:
            return int(pytest.ExitCode.TESTS_FAILED)
        return int(self.finished.exit_code) or (int(ExitCode.NOT_MEASURED) if self._lost else 0)

    def summarise(self, terminalreporter: Any, *, root: Path) -> None:  # noqa: ANN401 - private type
        """Print the run, suite by suite, and where the report is; in a job of GitHub Actions the remarks at the lines below ``root``."""
        if not self.reached:
            return
        from evalkit.pytest_plugin.ci import annotation_lines
        from evalkit.report.text import terminal_summary

        terminalreporter.section("evalkit")
        if self.trouble is not None:
            terminalreporter.line(f"could not measure: {self.trouble}")
        if self.finished is not None:
            width = terminalreporter._tw.fullwidth  # noqa: SLF001 - there is no public width
            text = terminal_summary(self.finished.report, colour=terminalreporter.hasmarkup, width=width)
            remarks = annotation_lines(self.finished.report, root=root, failed=self._failed_tests)
            for line in (*text.splitlines(), *self.finished.closing_lines(), *remarks):
                terminalreporter.line(line)
