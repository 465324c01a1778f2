"""What pytest's JUnit file says of a case: properties for every case, and the same as output for one that did not pass."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from evalkit.model.calls import CallFailure

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from evalkit.harness.during.outcome import TestOutcome
    from evalkit.model.results import Result

_REASON = 300
_ANSWER = 500


class Properties:
    """Scalars for JUnit: what ran, what it cost. ``detailed`` adds what the case's answer was, and why it did not pass.

    pytest keeps them with every report to the end of the session, so that equal pairs are one object, and the answer is only there for a
    file that asks for it. Long texts are cut, hidden characters written out: a file that is uploaded may be shown anywhere.
    """

    def __init__(self, *, detailed: bool = False) -> None:
        self._detailed = detailed
        self._known: dict[tuple[str, object], tuple[str, object]] = {}

    def of(self, outcome: TestOutcome, shown: Callable[[str], str]) -> list[tuple[str, object]]:
        """The properties of one test, in the order in which they are shown. ``shown`` takes out what must not be kept."""
        variant = outcome.test.trials[0].variant
        costs = [result.call.cost_usd for result in outcome.results]
        pairs: list[tuple[str, object]] = [
            ("prompt", variant.prompt),
            ("model", variant.model),
            ("variant", variant.name),
            ("repeats_passed", f"{outcome.passed}/{len(outcome.results)}"),
            ("cost_usd", "unknown" if None in costs else f"{sum(c for c in costs if c is not None):.6f}"),
            ("latency_s", f"{outcome.latency_s:.3f}"),
            ("source", outcome.results[0].call.source),
        ]
        shared = [self._known.setdefault(pair, pair) for pair in pairs]
        return [*shared, *_details(_telling(outcome), shown)] if self._detailed else shared


def _details(result: Result, shown: Callable[[str], str]) -> list[tuple[str, object]]:
    reply = result.reply
    if isinstance(reply, CallFailure):
        return [("failure", reply.kind), ("reason", _brief(reply.message, _REASON, shown))]
    found: list[tuple[str, object]] = []
    for verdict in result.verdicts:
        if verdict.severity == "fail" and verdict.status in {"fail", "error"}:
            reason = _brief(verdict.reason, _REASON, shown)
            found = [("check", _brief(verdict.check, _REASON, shown)), ("reason", reason)]
            break
    return [*found, ("answer", _brief(reply.text, _ANSWER, shown))]


def _brief(text: str, limit: int, shown: Callable[[str], str]) -> str:
    """``text`` on one line, cut to ``limit`` characters."""
    from evalkit.report.clean import one_line

    return one_line(shown(text[: 10 * limit]), limit=limit)


def write_output(config: pytest.Config, report: pytest.TestReport, *, reports: Path) -> None:
    """Write the properties of a case that did not pass as its ``system-out`` too.

    Jenkins shows properties only if it is asked to keep them, GitLab never; both show output. In a job of GitLab it links the page in the
    run's folder ``reports``.
    """
    from _pytest.junitxml import xml_key

    xml = config.stash.get(xml_key, None)
    if xml is None or report.passed or not report.user_properties:
        return
    from xml.etree.ElementTree import Element

    lines = [f"{name}: {value}" for name, value in report.user_properties]
    project = os.environ.get("CI_PROJECT_DIR")
    if project and os.environ.get("GITLAB_CI") and not config.getoption("evalkit_no_report"):
        lines.append(f"[[ATTACHMENT|{os.path.relpath(reports / 'index.html', project)}]]")
    node = Element("system-out")
    node.text = "\n".join(lines)
    xml.node_reporter(report).append(node)


def _telling(outcome: TestOutcome) -> Result:
    """The first repeat that did not pass, else the first."""
    return next((result for result in outcome.results if result.status != "pass"), outcome.results[0])
