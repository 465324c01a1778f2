"""Where telemetry goes: OTLP over HTTP, as the standard variables say. What its exporters complain of is kept for the end of the run."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from evalkit.errors import ConfigError, MissingExtraError
from evalkit.harness.watching.complaints import Complaints
from evalkit.harness.watching.telemetry import Telemetry

if TYPE_CHECKING:
    from collections.abc import Callable

_EXPORTERS = ("otlp", "none")


def open_telemetry(run: str, *, redact: Callable[[str], str] = str) -> Telemetry:
    """Telemetry that goes where the standard ``OTEL_…`` variables say: OTLP over HTTP, or nowhere with ``OTEL_TRACES_EXPORTER=none``.

    Raises MissingExtraError without the extra ``otel``, ConfigError for an exporter that is not supported.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk._logs import LoggerProvider
        from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise MissingExtraError("--evalkit-otel", package="opentelemetry-sdk", extra="otel") from error
    traced, measured, logged = (_exported(f"OTEL_{signal}_EXPORTER") for signal in ("TRACES", "METRICS", "LOGS"))
    complaints = Complaints()
    resource = Resource.create({"service.name": os.environ.get("OTEL_SERVICE_NAME") or "evalkit"})
    traces = TracerProvider(resource=resource, shutdown_on_exit=False)
    if traced:
        traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    logs = LoggerProvider(resource=resource, shutdown_on_exit=False)
    if logged:
        logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
    readers = [PeriodicExportingMetricReader(OTLPMetricExporter())] if measured else []
    metrics = MeterProvider(readers, resource=resource, shutdown_on_exit=False)
    return Telemetry(traces, metrics, logs, run=run, redact=redact, complaints=complaints)


def _exported(variable: str) -> bool:
    chosen = os.environ.get(variable) or "otlp"
    if chosen not in _EXPORTERS:
        raise ConfigError(f"{variable}={chosen} is not supported", hint=f"use one of {', '.join(_EXPORTERS)}")
    return chosen == "otlp"
