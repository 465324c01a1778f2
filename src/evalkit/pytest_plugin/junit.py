"""What pytest's JUnit file says of a case: properties for every case, and the same as output for one that did not pass."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from evalkit.model.calls import CallFailure

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from evalkit.harness.outcome import TestOutcome
    from evalkit.model.results import Result
    from evalkit.providers.redact import Redactor

_REASON = 300
_ANSWER = 500


class Properties:
    """Scalars for JUnit: what ran, what it cost. ``detailed`` adds what the case's answer was, and why it did not pass.

    pytest keeps them with every report to the end of the session, so that equal pairs are one object, and the answer is only there for a
    file that asks for it. Long texts are cut, hidden characters written out: a file that is uploaded may be shown anywhere.
    """

    def __init__(self, *, detailed: bool = False) -> None:
        self._detailed = detailed
        self._redactor: Redactor | None = None
        self._known: dict[tuple[str, object], tuple[str, object]] = {}

    def of(self, outcome: TestOutcome) -> list[tuple[str, object]]:
        """The properties of one test, in the order in which they are shown."""
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
        return [*shared, *self._details(_telling(outcome))] if self._detailed else shared

    def _details(self, result: Result) -> list[tuple[str, object]]:
        reply = result.reply
        if isinstance(reply, CallFailure):
            return [("failure", reply.kind), ("reason", self._shown(reply.message, _REASON))]
        found: list[tuple[str, object]] = []
        for verdict in result.verdicts:
            if verdict.severity == "fail" and verdict.status in {"fail", "error"}:
                found = [
                    ("check", self._shown(verdict.check, _REASON)),
                    ("reason", self._shown(verdict.reason, _REASON)),
                ]
                break
        return [*found, ("answer", self._shown(reply.text, _ANSWER))]

    def _shown(self, text: str, limit: int) -> str:
        """``text`` without secrets, on one line, cut to ``limit`` characters."""
        from evalkit.providers.redact import Redactor
        from evalkit.report.clean import one_line

        if self._redactor is None:
            self._redactor = Redactor(dict(os.environ))
        return one_line(self._redactor.text(text[: 10 * limit]), limit=limit)


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
