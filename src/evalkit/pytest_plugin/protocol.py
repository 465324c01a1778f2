"""pytest's setup, call and teardown of a case, without the machinery that only Python tests need.

pytest's own road costs about 1 ms per item, most of it in hooks that capture output, logs and warnings of user code. A case runs no user
code, so it takes this road wherever nobody could tell the difference: the same reports in the same order, at a fifth of the price.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import pytest

from evalkit.pytest_plugin.items import EvalItem

if TYPE_CHECKING:
    from collections.abc import Callable

    import pluggy

When = Literal["setup", "call", "teardown"]

_HOOKS = (
    "pytest_runtest_setup",
    "pytest_runtest_call",
    "pytest_runtest_teardown",
    "pytest_runtest_makereport",
    "pytest_runtest_protocol",
)
_INDIFFERENT = (
    "_pytest.",
    "evalkit.",
    "_hypothesis_pytestplugin",
    "xdist.",
    "anyio.",
    "pytest_asyncio.",
    "schemathesis.",
)
"""Modules whose implementations of these hooks do nothing for a case."""


class CaseProtocol:
    """Runs cases that pytest's own protocol need not run.

    The first and the last case of a file always take pytest's road: it sets up and tears down the collectors around them.
    """

    def __init__(self, config: pytest.Config, *, runs_user_code: Callable[[EvalItem], bool]) -> None:
        self._open = not _watched(config)
        self._runs_user_code = runs_user_code
        self._file: pytest.Collector | None = None

    def run(self, item: EvalItem, nextitem: pytest.Item | None) -> bool:
        """Run ``item`` and return True, or return False to leave it to pytest."""
        entered = self._file is item.parent
        self._file = item.parent
        stays = isinstance(nextitem, EvalItem) and nextitem.parent is item.parent
        if not (self._open and entered and stays) or item.pytests_marks or self._runs_user_code(item):
            return False
        road = _Road(item, item.ihook, dict.fromkeys(item.keywords, 1))
        road.hook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        if road.phase("setup", item.setup):
            road.phase("call", item.runtest)
        road.phase("teardown", item.teardown)
        road.hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def left(self) -> None:
        """Something that is no case runs now: the next case enters its file anew."""
        self._file = None


@dataclass(frozen=True, slots=True)
class _Road:
    """One case on its way: ``hook`` and ``keywords`` cost more to find than all the rest, so they are found once."""

    item: EvalItem
    hook: pluggy.HookRelay
    keywords: dict[str, Any]

    def phase(self, when: When, work: Callable[[], None]) -> bool:
        call = pytest.CallInfo.from_call(work, when=when, reraise=(pytest.exit.Exception, KeyboardInterrupt))
        if call.excinfo is not None:
            report = self.hook.pytest_runtest_makereport(item=self.item, call=call)
            self.hook.pytest_runtest_logreport(report=report)
            if not hasattr(report, "wasxfail") and not report.skipped:
                self.hook.pytest_exception_interact(node=self.item, call=call, report=report)
            return False
        report = self._passed(call)
        self.item.host.reported(self.item, report)
        self.hook.pytest_runtest_logreport(report=report)
        return True

    def _passed(self, call: pytest.CallInfo[None]) -> pytest.TestReport:
        return pytest.TestReport(
            getattr(self.item, "id", self.item.nodeid),  # newer versions of pytest parse a text, once per report
            self.item.location,
            self.keywords,
            outcome="passed",
            longrepr=None,
            when=call.when,  # type: ignore[arg-type]  # never "collect"
            duration=call.duration,
            start=call.start,
            stop=call.stop,
            user_properties=self.item.user_properties,
        )


def _watched(config: pytest.Config) -> bool:
    """Whether somebody would notice: a debugger, an option that shows the setup, another plugin's or a conftest's hook."""
    option = config.option
    if any(getattr(option, name, False) for name in ("usepdb", "trace", "setupshow", "setuponly", "setupplan")):
        return True
    return any(
        not (implementation.function.__module__ or "").startswith(_INDIFFERENT)
        for name in _HOOKS
        for implementation in getattr(config.hook, name).get_hookimpls()
    )
