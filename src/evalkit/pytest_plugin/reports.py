"""Reports as pytest wants them: how cases of gated suites and gates are shown."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import pytest

from evalkit.errors import EvalkitError
from evalkit.model.calls import CallFailure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from evalkit.errors import Where
    from evalkit.harness.during.outcome import TestOutcome
    from evalkit.model.results import GateOutcome, Result

    Shown = Callable[[str], str]

COUNTED_BY_GATE = "counted by the suite's gates"

_LETTERS = {
    "error": ("error", "E", "ERROR"),
    "pending": ("waiting", "w", ("WAITING", {"yellow": True})),
    "gate passed": ("passed", ".", "PASSED"),
    "gate failed": ("failed", "F", "FAILED"),
    "gate undecided": ("undecided", "U", ("UNDECIDED", {"yellow": True})),
    "gate not_judged": ("skipped", "s", "NOT JUDGED"),
}


def shorten_mistake(report: pytest.TestReport, excinfo: pytest.ExceptionInfo[BaseException], *, path: Path) -> None:
    """Show a mistake that evalkit found in a Python test (a prompt's name, a variable) as one message with the test's line."""
    if not isinstance(excinfo.value, EvalkitError):
        return
    own = [entry for entry in excinfo.traceback if entry.path == path]
    name, _, _ = report.nodeid.partition("::")
    line = 1 + (own[-1].lineno if own else report.location[1] or 0)
    error = excinfo.value
    here = error.where is not None and error.where.path == name  # the traceback knows the line better
    text = str(EvalkitError(error.message, hint=error.hint) if here else error)
    crash = Crash(name, line, text.partition("\n")[0])
    report.longrepr = Explanation(f"{name}:{line}: {text}", crash)  # type: ignore[assignment]


def status_of(report: Any) -> tuple[str, str, Any] | None:  # noqa: ANN401 - any report
    """Category, letter and word of a report that evalkit marked, or None to leave it to pytest."""
    if report.when != "call" and report.evalkit != "pending":
        return None
    return _LETTERS.get(report.evalkit)


def is_lost_case(report: Any) -> bool:  # noqa: ANN401 - any report
    """Whether a report is xdist's own about a case whose worker died: it was not measured, which is no failure."""
    return report.when == "???" and PurePath(report.nodeid.partition("::")[0]).suffix in {".yaml", ".yml"}


@dataclass(frozen=True, slots=True)
class Crash:
    """Where and why, in one line: what pytest's short summary and JUnit ask a failure for."""

    path: str
    lineno: int
    message: str


class Explanation:
    """What a person reads instead of a traceback. Has the attributes that pytest's reporters look for."""

    def __init__(self, text: str, crash: Crash) -> None:
        self._text = text
        self.reprcrash = crash

    def __str__(self) -> str:
        return self._text

    def toterminal(self, writer: Any) -> None:  # noqa: ANN401 - pytest's terminal writer
        """Write the explanation as it is."""
        writer.line(self._text)


def explanation(outcome: TestOutcome, shown: Shown) -> Explanation:
    """Why a test did not pass: prompt, answer, failed checks, place; the first reason as a headline. ``shown`` says what of a text may be."""
    from evalkit.report.text import failure_text

    test = outcome.test
    case, variant = test.trials[0].case, test.trials[0].variant
    results = tuple(
        _as_shown(result, shown) for result in outcome.results
    )  # before the text is cut, perhaps inside a key
    text = _not_asked(results, case.where) or failure_text(
        test.test_id,
        results,
        case.where,
        variant.prompt,
        require=test.require,
        places=[check.where for check in test.checks],
    )
    crash = Crash(case.where.path, case.where.line or 1, _headline(outcome, shown))
    return Explanation(shown(text), crash)


def _not_asked(results: Sequence[Result], where: Where) -> str | None:
    """One line if a ceiling was reached before the case was asked: hundreds of others will say the same."""
    failures = [result.reply for result in results if isinstance(result.reply, CallFailure)]
    if len(failures) < len(results) or any(one.kind != "budget" or one.attempts for one in failures):
        return None
    return f"{where}: not asked: {'; '.join(filter(None, (failures[0].message, failures[0].hint)))}"


def _as_shown(result: Result, shown: Shown) -> Result:
    """A model may repeat a key that it was shown: the terminal and JUnit get it as little as the store does."""
    reply = result.call.reply
    if isinstance(reply, CallFailure):
        return result
    return replace(result, call=replace(result.call, reply=replace(reply, text=shown(reply.text))))


def without_secrets(report: pytest.TestReport, shown: Shown) -> None:
    """Let the traceback of a report (with ``--showlocals``: its values) and captured output hold only what may be ``shown``."""
    if report.longrepr is not None and not isinstance(report.longrepr, tuple):
        text = str(report.longrepr)
        if shown(text) != text:
            report.longrepr = shown(text)
    report.sections = [(name, shown(text)) for name, text in report.sections]


def _headline(outcome: TestOutcome, shown: Shown) -> str:
    """The first reason in one line; it may quote the model, so it is cleaned here."""
    from evalkit.report.clean import one_line

    return one_line(shown(_first_reason(outcome)), limit=300)


def _kind_of_reason(outcome: TestOutcome) -> str:
    """What did not hold, without what this case made of it: the same for every case that failed alike."""
    for result in outcome.results:
        if isinstance(result.reply, CallFailure):
            return f"{outcome.test.trials[0].suite_path}: {result.reply.kind}"
        missed = [one.check for one in result.verdicts if one.severity == "fail" and one.status in {"fail", "error"}]
        if missed:
            return f"{outcome.test.trials[0].suite_path}: {', '.join(dict.fromkeys(missed))}"
    return ""


def _first_reason(outcome: TestOutcome) -> str:
    for result in outcome.results:
        if isinstance(result.reply, CallFailure):
            return f"{result.reply.kind}: {result.reply.message}"
        for verdict in result.verdicts:
            if verdict.severity == "fail" and verdict.status in {"fail", "error"}:
                return f"{verdict.check}: {verdict.reason}"
    return outcome.status


def shape(report: pytest.TestReport, outcome: TestOutcome | None, *, gated: bool, shown: Shown) -> None:
    """Change a case's report in place.

    A case that waits for a batch is neither failed nor an error: it is shown as waiting. The traceback gives way to an explanation and the duration becomes the model's latency. In a gated suite a failing case is an
    expected failure (``x``): the gates decide. A check that could not judge is shown as an error, in every suite.
    """
    if outcome is None or report.when == "teardown":
        return
    if report.failed and outcome.pending:
        case = outcome.test.trials[0].case
        report.outcome = "skipped"
        report.longrepr = (case.where.path, case.where.line or 1, "waiting for a batch")
        report.evalkit = "pending"  # type: ignore[attr-defined]
        return
    if report.failed and outcome.status != "pass":
        report.longrepr = explanation(outcome, shown)  # type: ignore[assignment]
        report.evalkit = outcome.status  # type: ignore[attr-defined]
        report.evalkit_test = outcome.test.test_id  # type: ignore[attr-defined]
        report.evalkit_reason = _kind_of_reason(outcome)  # type: ignore[attr-defined]
    if report.when != "call":
        return
    report.duration = outcome.latency_s
    if report.failed and outcome.status == "fail" and gated:
        report.outcome = "skipped"
        report.wasxfail = f"{COUNTED_BY_GATE}: {_headline(outcome, shown)}"


def forget(report: pytest.TestReport, reporter: Any) -> None:  # noqa: ANN401 - private type
    """Let the terminal reporter drop the report of a setup or teardown that passed: it would search all of them per failure shown."""
    if (
        reporter is None
        or report.when == "call"
        or not report.passed
        or report.sections
        or "evalkit" not in report.keywords
    ):
        return
    kept = reporter.stats.get("")
    if kept and kept[-1] is report:
        kept.pop()


def gate_id(gate: GateOutcome, nodeid: str) -> str:
    """The test id of a gate: ``suites/refunds.yaml::gate[pass_rate >= 0.95 candidate]``.

    JUnit takes a part of it as it is, and ``::`` would begin another part.
    """
    from evalkit.report.clean import one_line

    name = one_line(" ".join(part for part in (gate.gate, gate.variant) if part), limit=300)
    return f"{nodeid}::gate[{name.replace('::', ': :')}]"


def gate_reports(gate: GateOutcome, *, nodeid: str, path: Path) -> Sequence[pytest.TestReport]:
    """The reports of one gate, as if it were a test: setup, call, teardown."""
    identifier = gate_id(gate, nodeid)
    line = (gate.line or 1) - 1
    return [_gate_report(gate, identifier, path, line=line, when=when) for when in ("setup", "call", "teardown")]


def _gate_report(gate: GateOutcome, identifier: str, path: Path, *, line: int, when: Any) -> pytest.TestReport:  # noqa: ANN401 - pytest's literal
    outcome: Any = "passed"
    longrepr: Any = None
    if when == "call":
        outcome = {"passed": "passed", "not_judged": "skipped"}.get(gate.status, "failed")
        reason = f"{gate.suite_path}:{gate.line}: gate {gate.gate} ({gate.variant}) {gate.status}: {gate.reason}"
        if outcome == "failed":
            longrepr = reason
        elif outcome == "skipped":
            longrepr = (str(path), line + 1, f"not judged: {gate.reason}")
    report = pytest.TestReport(
        nodeid=identifier,
        location=(gate.suite_path, line, identifier.rpartition("::")[2]),
        keywords={},
        outcome=outcome,
        longrepr=longrepr,
        when=when,
        duration=0.0,
        start=0.0,
        stop=0.0,
    )
    if when == "call":
        report.evalkit = f"gate {gate.status}"  # type: ignore[attr-defined]
    return report
