"""Verdicts as OpenTelemetry events: one ``gen_ai.evaluation.result`` for each, by the GenAI semantic conventions for events.

Their reasons quote the answer, so they are not in it: nothing that a prompt or an answer says leaves.
Source: semantic conventions for generative AI, events (development status), ``gen_ai.evaluation.result``.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from evalkit import __version__
from evalkit.model.calls import Response
from evalkit.report.clean import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.context import Context
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.trace import Span

    from evalkit.model.results import Result, Verdict

EVENT = "gen_ai.evaluation.result"
_REMEMBERED = 10_000  # spans of answers whose verdicts may still come: more than are ever under way
_LONGEST = 200


class Verdicts:
    """Emits verdicts through ``logs``, below the span of the answer that they are about, or else below that of the run.

    ``redact`` takes secrets out of a text.
    """

    def __init__(self, logs: LoggerProvider, *, run: str, below: Context, redact: Callable[[str], str]) -> None:
        self._logs = logs
        self._logger = logs.get_logger("evalkit", __version__)
        self._run = run
        self._below = below
        self._redact = redact
        self._spans: OrderedDict[str, Context] = OrderedDict()

    def answered(self, key: str, span: Span) -> None:
        """Remember the ``span`` in which the request ``key`` was answered."""
        from opentelemetry.trace import NonRecordingSpan, set_span_in_context

        self._spans[key] = set_span_in_context(NonRecordingSpan(span.get_span_context()))
        if len(self._spans) > _REMEMBERED:
            self._spans.popitem(last=False)

    def emit(self, result: Result) -> None:
        """Emit an event for every verdict on one trial."""
        from opentelemetry._logs import SeverityNumber

        trial, reply = result.trial, result.reply
        shared: dict[str, Any] = {
            "evalkit.run.id": self._run,
            "evalkit.suite": trial.suite,
            "evalkit.case.id": trial.case.id,
            "evalkit.variant": trial.variant.label,
            "evalkit.repeat": trial.repeat,
            "evalkit.request.key": result.call.request.key,
        }
        if isinstance(reply, Response) and reply.request_id is not None:
            shared["gen_ai.response.id"] = reply.request_id
        for verdict in result.verdicts:
            self._logger.emit(
                event_name=EVENT,
                context=self._spans.get(result.call.request.key, self._below),
                severity_number=SeverityNumber.INFO,
                attributes=self._clean({**shared, **_judged(verdict)}),
            )

    def close(self) -> None:
        """Export what was not exported yet."""
        self._logs.shutdown()

    def _clean(self, attributes: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: one_line(self._redact(value), limit=_LONGEST) if isinstance(value, str) else value
            for name, value in attributes.items()
        }


def _judged(verdict: Verdict) -> dict[str, Any]:
    """What one check found. A check that could not judge has an error and no label, which the conventions leave to results."""
    found: dict[str, Any] = {
        "gen_ai.evaluation.name": verdict.check,
        "evalkit.check.family": verdict.family,
        "evalkit.check.severity": verdict.severity,
    }
    if verdict.status == "error":
        found["error.type"] = "could_not_judge"
    else:
        found["gen_ai.evaluation.score.label"] = verdict.status
    if verdict.score is not None:
        found["gen_ai.evaluation.score.value"] = float(verdict.score)
    return found
