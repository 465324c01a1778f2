"""OpenTelemetry, only when asked for: a span per attempt, two metrics and an event per verdict, named by the GenAI semantic conventions.

No prompt, answer or message of a provider is in them. Names: OpenTelemetry semantic conventions for generative AI, client spans and
client metrics (the version that ``opentelemetry-semantic-conventions`` 0.66 lists).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from evalkit import __version__
from evalkit.harness.watching.verdict_events import Verdicts
from evalkit.model.calls import CallFailure, Response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.metrics import Histogram
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.trace import TracerProvider

    from evalkit.engine.events import Event
    from evalkit.harness.watching.complaints import Complaints
    from evalkit.model.calls import Attempt, Call, Request
    from evalkit.model.results import Result

_OPERATIONS = {"chat": "chat", "embed": "embeddings", "moderate": "moderation"}
_PARAMS = {
    "temperature": "gen_ai.request.temperature",
    "top_p": "gen_ai.request.top_p",
    "top_k": "gen_ai.request.top_k",
    "max_output_tokens": "gen_ai.request.max_tokens",
    "seed": "gen_ai.request.seed",
    "stop": "gen_ai.request.stop_sequences",
    "frequency_penalty": "gen_ai.request.frequency_penalty",
    "presence_penalty": "gen_ai.request.presence_penalty",
}
_SECONDS = tuple(0.01 * 2**step for step in range(14))
_TOKENS = tuple(4.0**step for step in range(14))


class Telemetry:
    """Turns settled live calls into spans below one span of the run, and into metrics; verdicts into events. Closing exports what is left.

    ``redact`` takes secrets out of what a provider said; ``complaints`` hears what the exporters have to say. ``problem`` is the first of that.
    """

    def __init__(
        self,
        traces: TracerProvider,
        metrics: MeterProvider,
        logs: LoggerProvider,
        *,
        run: str,
        redact: Callable[[str], str] = str,
        complaints: Complaints | None = None,
    ) -> None:
        from opentelemetry.trace import set_span_in_context

        self._redact = redact
        self._complaints = complaints
        self._traces = traces
        self._metrics = metrics
        self._tracer = traces.get_tracer("evalkit", __version__)
        self._run = self._tracer.start_span("evalkit run", attributes={"evalkit.run.id": run})
        self._context = set_span_in_context(self._run)
        self._verdicts = Verdicts(logs, run=run, below=self._context, redact=redact)
        meter = metrics.get_meter("evalkit", __version__)
        self._duration: Histogram = meter.create_histogram(
            "gen_ai.client.operation.duration",
            unit="s",
            description="GenAI operation duration.",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self._tokens: Histogram = meter.create_histogram(
            "gen_ai.client.token.usage",
            unit="{token}",
            description="Number of input and output tokens used.",
            explicit_bucket_boundaries_advisory=_TOKENS,
        )

    def hear(self, event: Event) -> None:
        """Note a settled call that was sent to a model in this run."""
        if event.name != "call.settled" or event.call is None or event.call.source != "live":
            return
        call = event.call
        common = _common(call.request)
        for attempt in call.attempts:
            self._attempt(call, attempt, common)
        if isinstance(call.reply, Response):
            self._usage(call.reply, common)

    def judged(self, result: Result) -> None:
        """Note the verdicts on one trial. May be called from another thread than :meth:`hear`."""
        self._verdicts.emit(result)

    def close(self) -> None:
        """End the run's span and export what was not exported yet, all three at once: a collector that is away is waited for by each."""
        self._run.end()
        ends = (self._verdicts.close, self._traces.shutdown, self._metrics.shutdown)
        with ThreadPoolExecutor(len(ends)) as pool:
            for done in [pool.submit(end) for end in ends]:
                done.result()
        if self._complaints is not None:
            self._complaints.stop()

    @property
    def problem(self) -> str | None:
        """What could not be exported and why, if anything."""
        first = self._complaints.first if self._complaints is not None else None
        return None if first is None else f"OpenTelemetry did not get everything: {self._redact(first)}"

    def _attempt(self, call: Call, attempt: Attempt, common: Mapping[str, Any]) -> None:
        from opentelemetry.trace import SpanKind, StatusCode

        answered = attempt.failure is None and isinstance(call.reply, Response)
        outcome = _answer(call) if answered else {"error.type": attempt.failure or "unknown"}
        started_ns = round(attempt.started_at * 1e9)
        span = self._tracer.start_span(
            f"{common['gen_ai.operation.name']} {common['gen_ai.request.model']}",
            context=self._context,
            kind=SpanKind.CLIENT,
            start_time=started_ns,
            attributes=self._clean({**common, **_asked(call.request), **outcome, **_facts(call, attempt)}),
        )
        if answered:
            self._verdicts.answered(call.request.key, span)
        else:
            span.set_status(StatusCode.ERROR, attempt.failure)
        span.end(end_time=started_ns + round(attempt.latency_s * 1e9))
        shared = ("gen_ai.response.model", "error.type")
        measured = {**common, **{k: outcome[k] for k in shared if k in outcome}}
        self._duration.record(attempt.latency_s, self._clean(measured))

    def _clean(self, attributes: dict[str, Any]) -> dict[str, Any]:
        """A provider may answer with what it was sent: its key as the id of the request, for example."""
        return {name: self._redact(value) if isinstance(value, str) else value for name, value in attributes.items()}

    def _usage(self, reply: Response, common: Mapping[str, Any]) -> None:
        model = {"gen_ai.response.model": reply.served_model} if reply.served_model else {}
        for kind, tokens in (("input", reply.usage.input_tokens), ("output", reply.usage.output_tokens)):
            if tokens is not None:
                self._tokens.record(tokens, self._clean({**common, **model, "gen_ai.token.type": kind}))


def _common(request: Request) -> dict[str, Any]:
    """What spans and metrics share. An endpoint reads ``kind URL api``."""
    kind, _, rest = request.endpoint.partition(" ")
    url = urlsplit(rest.partition(" ")[0])
    server: dict[str, Any] = {"server.address": url.hostname} if url.hostname else {}
    if url.hostname and url.port is not None:
        server["server.port"] = url.port
    return {
        "gen_ai.operation.name": _OPERATIONS[request.kind],
        "gen_ai.provider.name": kind or request.provider,
        "gen_ai.request.model": request.model_name,
        **server,
    }


def _asked(request: Request) -> dict[str, Any]:
    found = {name: request.params[key] for key, name in _PARAMS.items() if request.params.get(key) is not None}
    return {**found, "gen_ai.request.stream": True} if request.delivery.stream else found


def _facts(call: Call, attempt: Attempt) -> dict[str, Any]:
    """What the conventions have no name for."""
    facts: dict[str, Any] = {"evalkit.request.key": call.request.key, "evalkit.attempt": attempt.number}
    if attempt.status is not None:
        facts["http.response.status_code"] = attempt.status
    if call.cost_usd is not None and attempt.failure is None:
        facts["evalkit.cost_usd"] = call.cost_usd
    return facts


def _answer(call: Call) -> dict[str, Any]:
    reply = call.reply
    if isinstance(reply, CallFailure):
        return {}
    usage = reply.usage
    found = {
        "gen_ai.response.model": reply.served_model,
        "gen_ai.response.id": reply.request_id,
        "gen_ai.response.finish_reasons": (reply.finish,),
        "gen_ai.response.time_to_first_chunk": reply.first_token_s,
        "gen_ai.usage.input_tokens": usage.input_tokens,
        "gen_ai.usage.output_tokens": usage.output_tokens,
        "gen_ai.usage.cache_read.input_tokens": usage.cached_input_tokens,
        "gen_ai.usage.cache_creation.input_tokens": usage.cache_write_tokens,
        "gen_ai.usage.reasoning.output_tokens": usage.reasoning_tokens,
    }
    return {name: value for name, value in found.items() if value is not None}
