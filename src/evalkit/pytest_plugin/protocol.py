"""pytest's setup, call and teardown of a case, without the machinery that only Python tests need.

pytest's own road costs about 1 ms per item, most of it in hooks that capture output, logs and warnings of user code. A case runs no user
code, so it takes this road wherever nobody could tell the difference: the same reports in the same order, at a fifth of the price.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import pytest

from evalkit.pytest_plugin.items import EvalItem

if TYPE_CHECKING:
    from collections.abc import Callable

When = Literal["setup", "call", "teardown"]

_HOOKS = (
    "pytest_runtest_setup",
    "pytest_runtest_call",
    "pytest_runtest_teardown",
    "pytest_runtest_makereport",
    "pytest_runtest_protocol",
)
_INDIFFERENT = ("_pytest.", "evalkit.", "_hypothesis_pytestplugin", "xdist.", "anyio.", "pytest_asyncio.")
"""Modules whose implementations of these hooks do nothing for a case."""

_PYTESTS_MARKS = frozenset({"skip", "skipif", "xfail", "usefixtures", "filterwarnings"})


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
        if not (self._open and entered and stays) or _marked(item) or self._runs_user_code(item):
            return False
        hook = item.ihook
        hook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        keywords = dict.fromkeys(item.keywords, 1)
        if self._phase(item, "setup", item.setup, keywords):
            self._phase(item, "call", item.runtest, keywords)
        self._phase(item, "teardown", item.teardown, keywords)
        hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def left(self) -> None:
        """Something that is no case runs now: the next case enters its file anew."""
        self._file = None

    def _phase(self, item: EvalItem, when: When, work: Callable[[], None], keywords: dict[str, Any]) -> bool:
        call = pytest.CallInfo.from_call(work, when=when, reraise=(pytest.exit.Exception, KeyboardInterrupt))
        if call.excinfo is not None:
            report = item.ihook.pytest_runtest_makereport(item=item, call=call)
            item.ihook.pytest_runtest_logreport(report=report)
            if not hasattr(report, "wasxfail"):
                item.ihook.pytest_exception_interact(node=item, call=call, report=report)
            return False
        report = _passed(item, call, keywords)
        item.host.reported(item, report)
        item.ihook.pytest_runtest_logreport(report=report)
        return True


def _passed(item: EvalItem, call: pytest.CallInfo[None], keywords: dict[str, Any]) -> pytest.TestReport:
    return pytest.TestReport(
        item.nodeid,
        item.location,
        keywords,
        outcome="passed",
        longrepr=None,
        when=call.when,  # type: ignore[arg-type]  # never "collect"
        duration=call.duration,
        start=call.start,
        stop=call.stop,
        user_properties=item.user_properties,
    )


def _marked(item: EvalItem) -> bool:
    return any(mark.name in _PYTESTS_MARKS for mark in item.iter_markers())


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
