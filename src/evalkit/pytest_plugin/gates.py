"""Gates as tests: reported after the loop, in the process that owns the session, so that every reporter sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalkit.pytest_plugin.reports import gate_id, gate_reports

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import pytest

    from evalkit.model.results import GateOutcome


def show_gates(gates: Iterable[GateOutcome], *, session: pytest.Session, root: Path) -> None:
    """Report each gate as one test, last. ``--maxfail`` does not apply, and ``--lf`` never tries to re-run a gate."""
    config = session.config
    shown = tuple(gates)
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if (
        shown and reporter is not None and reporter.verbosity <= 0
    ):  # else the letters of the gates continue a line that says 100%
        if reporter.verbosity < 0 and reporter._tw.width_of_current_line:  # noqa: SLF001 - there is no public width
            reporter._tw.line()  # noqa: SLF001 - as above
        reporter.ensure_newline()
        reporter.currentfspath = None
    maxfail, config.option.maxfail = config.option.maxfail, 0
    session.testscollected += len(shown)  # else the percentage passes 100
    try:
        for gate in shown:
            _show(gate, config=config, root=root)
    finally:
        config.option.maxfail = maxfail
    memory = config.pluginmanager.get_plugin("lfplugin")
    if memory is not None:
        for gate in shown:
            memory.lastfailed.pop(gate_id(gate, gate.suite_path), None)


def _show(gate: GateOutcome, *, config: pytest.Config, root: Path) -> None:
    reports = gate_reports(gate, nodeid=gate.suite_path, path=root / gate.suite_path)
    config.hook.pytest_runtest_logstart(nodeid=reports[0].nodeid, location=reports[0].location)
    for report in reports:
        config.hook.pytest_runtest_logreport(report=report)
    config.hook.pytest_runtest_logfinish(nodeid=reports[0].nodeid, location=reports[0].location)
