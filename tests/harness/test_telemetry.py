"""OpenTelemetry: spans and metrics by the GenAI conventions, and nothing of it unless it is switched on."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from evalkit.engine.events import Event
from evalkit.errors import ConfigError, MissingExtraError, Where
from evalkit.harness.watching.export import open_telemetry
from evalkit.harness.watching.telemetry import Telemetry
from evalkit.model.calls import Attempt, Call, CallFailure, Delivery, Message, Request, Response, Usage
from evalkit.model.cases import Case, Trial, Variant
from evalkit.model.results import Result, Verdict

if TYPE_CHECKING:
    from evalkit.model.calls import Reply, Source

REQUEST = Request(
    "local/gpt-5-mini",
    (Message("user", "secret words"),),
    {"temperature": 0.5, "max_output_tokens": 90},
    endpoint="openai http://127.0.0.1:8080/v1 chat",
    delivery=Delivery(stream=True),
)
ANSWER = Response(
    "secret answer",
    usage=Usage(12, 7, 4, 3, 2),
    latency_s=0.5,
    served_model="gpt-5-mini-0001",
    request_id="c1",
    first_token_s=0.1,
)
TRIED = (Attempt(1, 1000.0, 0.25, 0.0, 500, "server", "secret message"), Attempt(2, 1001.0, 0.5, 0.75))


class Heard:
    """What a telemetry of our own providers exports."""

    def __init__(self) -> None:
        self._spans = InMemorySpanExporter()
        self._reader = InMemoryMetricReader()
        traces = TracerProvider(shutdown_on_exit=False)
        traces.add_span_processor(SimpleSpanProcessor(self._spans))
        self._logs = InMemoryLogRecordExporter()
        logs = LoggerProvider(shutdown_on_exit=False)
        logs.add_log_record_processor(SimpleLogRecordProcessor(self._logs))
        metrics = MeterProvider([self._reader], shutdown_on_exit=False)
        self.telemetry = Telemetry(traces, metrics, logs, run="r1", redact=lambda text: text.replace("sk-key", "[KEY]"))

    def settle(self, reply: Reply, attempts: tuple[Attempt, ...] = TRIED, *, source: Source = "live") -> Heard:
        call = Call(REQUEST, reply, source, attempts, 0.25 if isinstance(reply, Response) else None)
        self.telemetry.hear(Event("call.settled", 1002.0, "local", REQUEST, len(attempts), call=call))
        return self

    def judge(self, *verdicts: Verdict, reply: Reply = ANSWER) -> Heard:
        case = Case("sk-key ana", {"name": "secret"}, Where("suites/hello.yaml", 4))
        variant = Variant("v1", "v1-local/gpt-5-mini", "", "hello:v1", "d" * 64, "local/gpt-5-mini")
        trial = Trial("hello", "suites/hello.yaml", case, variant, 1, REQUEST)
        self.telemetry.judged(Result(trial, Call(REQUEST, reply, "live", TRIED), verdicts))
        return self

    def events(self) -> list[Any]:
        return [ready.log_record for ready in self._logs.get_finished_logs()]

    def spans(self) -> list[Any]:
        return list(self._spans.get_finished_spans())

    def points(self) -> dict[str, list[Any]]:
        data = self._reader.get_metrics_data()
        scopes = [scope for resource in (data.resource_metrics if data else ()) for scope in resource.scope_metrics]
        return {metric.name: list(metric.data.data_points) for scope in scopes for metric in scope.metrics}


def test_each_attempt_is_a_span_with_the_conventions_names() -> None:
    """Times, model, parameters, tokens and the kind of failure; a child of the run's span."""
    heard = Heard().settle(ANSWER)
    failed, good = heard.spans()
    heard.telemetry.close()
    run = heard.spans()[-1]
    assert (run.name, run.attributes["evalkit.run.id"]) == ("evalkit run", "r1")
    assert {failed.parent.span_id, good.parent.span_id} == {run.context.span_id}
    assert (failed.name, failed.kind.name, failed.status.status_code.name) == ("chat gpt-5-mini", "CLIENT", "ERROR")
    assert (failed.attributes["error.type"], failed.attributes["http.response.status_code"]) == ("server", 500)
    assert (good.start_time, good.end_time) == (1_001_000_000_000, 1_001_500_000_000)
    assert good.status.status_code.name == "UNSET"
    assert dict(good.attributes) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-5-mini",
        "server.address": "127.0.0.1",
        "server.port": 8080,
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.max_tokens": 90,
        "gen_ai.request.stream": True,
        "gen_ai.response.model": "gpt-5-mini-0001",
        "gen_ai.response.id": "c1",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.response.time_to_first_chunk": 0.1,
        "gen_ai.usage.input_tokens": 12,
        "gen_ai.usage.output_tokens": 7,
        "gen_ai.usage.cache_read.input_tokens": 4,
        "gen_ai.usage.cache_creation.input_tokens": 2,
        "gen_ai.usage.reasoning.output_tokens": 3,
        "evalkit.request.key": REQUEST.key,
        "evalkit.attempt": 2,
        "evalkit.cost_usd": 0.25,
    }


def test_no_text_of_anybody_leaves() -> None:
    """Neither prompt nor answer nor the provider's message is in a span."""
    spans = Heard().settle(ANSWER).settle(CallFailure("server", "secret failure", 1), TRIED[:1]).spans()
    assert len(spans) == 3
    assert "secret" not in "".join(span.to_json() for span in spans)


GOOD = Verdict("contains", "content", "pass", "secret reason", score=0.5, detail="secret detail")
BAD = Verdict("rubric", "judge", "error", "secret reason", severity="warn")


def test_each_verdict_is_an_event_below_the_span_of_its_answer() -> None:
    """The conventions' names: the check, its label or the error in its place, its score, the answer's id; and the trial."""
    heard = Heard().settle(ANSWER).judge(GOOD, BAD)
    passed, broken = heard.events()
    (answer,) = (span for span in heard.spans() if span.status.status_code.name == "UNSET")
    assert {(one.event_name, one.trace_id, one.span_id) for one in (passed, broken)} == {
        ("gen_ai.evaluation.result", answer.context.trace_id, answer.context.span_id)
    }
    trial = {
        "evalkit.run.id": "r1",
        "evalkit.suite": "hello",
        "evalkit.case.id": "[KEY] ana",
        "evalkit.variant": "v1-local/gpt-5-mini",
        "evalkit.repeat": 1,
        "evalkit.request.key": REQUEST.key,
        "gen_ai.response.id": "c1",
    }
    assert dict(passed.attributes) == {
        **trial,
        "gen_ai.evaluation.name": "contains",
        "gen_ai.evaluation.score.label": "pass",
        "gen_ai.evaluation.score.value": 0.5,
        "evalkit.check.family": "content",
        "evalkit.check.severity": "fail",
    }
    assert dict(broken.attributes) == {
        **trial,
        "gen_ai.evaluation.name": "rubric",
        "error.type": "could_not_judge",
        "evalkit.check.family": "judge",
        "evalkit.check.severity": "warn",
    }
    assert passed.severity_number.name == "INFO"
    assert not passed.body


def test_a_verdict_on_an_answer_of_another_run_stands_below_this_run() -> None:
    """What came from the cache has no span here; no text of an answer or a reason leaves, and a long name is cut."""
    long = Verdict("x" * 5000, "custom", "skip", "secret")
    heard = Heard().settle(ANSWER, source="cache").judge(GOOD, long)
    heard.telemetry.close()
    (run,) = heard.spans()
    assert {event.span_id for event in heard.events()} == {run.context.span_id}
    assert len(heard.events()[1].attributes["gen_ai.evaluation.name"]) < 250
    assert "secret" not in str([(event.body, dict(event.attributes)) for event in heard.events()])


def test_durations_and_tokens_are_measured() -> None:
    """One duration per attempt, told apart by error; one count per direction."""
    points = Heard().settle(ANSWER).points()
    durations = points["gen_ai.client.operation.duration"]
    assert sorted((p.attributes.get("error.type", ""), p.sum) for p in durations) == [("", 0.5), ("server", 0.25)]
    tokens = {p.attributes["gen_ai.token.type"]: p.sum for p in points["gen_ai.client.token.usage"]}
    assert tokens == {"input": 12, "output": 7}
    assert all(p.attributes["gen_ai.provider.name"] == "openai" for p in durations)


@pytest.mark.parametrize("source", ["cache", "replay", "shared", "scripted"])
def test_what_was_not_sent_is_no_span(source: Source) -> None:
    """An answer that was there already is no call to a model."""
    heard = Heard().settle(ANSWER, source=source)
    assert heard.spans() == []
    assert heard.points() == {}


def test_spans_and_metrics_go_where_the_variables_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """OTEL_EXPORTER_OTLP_ENDPOINT is obeyed; closing exports what is left."""
    paths: list[str] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            paths.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            """Nothing is printed."""

    server = HTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    try:
        telemetry = open_telemetry("r1")
        call = Call(REQUEST, ANSWER, "live", TRIED)
        telemetry.hear(Event("call.settled", 1002.0, "local", REQUEST, 2, call=call))
        trial = Trial(
            "s", "s.yaml", Case("a", {}, Where("s.yaml", 1)), Variant("v", "v", "", "p:v1", "d", "m"), 0, REQUEST
        )
        telemetry.judged(Result(trial, call, (GOOD,)))
        telemetry.close()
    finally:
        server.shutdown()
        server.server_close()
    assert sorted(set(paths)) == ["/v1/logs", "/v1/metrics", "/v1/traces"]


def test_a_collector_that_is_away_is_told_at_the_end_and_nowhere_else(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The exporters' own warnings would stand in the middle of pytest's lines; the library's log is left as it was."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    library = logging.getLogger("opentelemetry")
    before = (library.propagate, [*library.handlers])
    telemetry = open_telemetry("r1")
    telemetry.hear(Event("call.settled", 1002.0, "local", REQUEST, 2, call=Call(REQUEST, ANSWER, "live", TRIED)))
    assert telemetry.problem is None
    telemetry.close()
    assert "OpenTelemetry did not get everything: " in (telemetry.problem or "")
    assert (library.propagate, library.handlers) == before
    assert capfd.readouterr() == ("", "")


def test_an_exporter_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error, not silence; and ``none`` sends nothing."""
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "zipkin")
    with pytest.raises(ConfigError, match="OTEL_TRACES_EXPORTER=zipkin"):
        open_telemetry("r1")
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "none")
    monkeypatch.setenv("OTEL_METRICS_EXPORTER", "none")
    monkeypatch.setenv("OTEL_LOGS_EXPORTER", "none")
    open_telemetry("r1").close()


def test_without_the_extra_the_message_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package that is missing, and what to install."""
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(MissingExtraError, match="opentelemetry-sdk") as caught:
        open_telemetry("r1")
    assert "[otel]" in (caught.value.hint or "")


def test_nothing_of_it_is_loaded_unless_it_is_asked_for() -> None:
    """The plugin's watching parts import no OpenTelemetry."""
    code = (
        "import sys, evalkit.pytest_plugin.watch, evalkit.harness.watching.telemetry; "
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
