"""Everybody who listens to the run of one process: the progress display, the event log, OpenTelemetry."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from evalkit.engine.events import unobserved
from evalkit.harness.watching.eventlog import EventLog
from evalkit.harness.watching.progress import Tracker
from evalkit.pytest_plugin.progress import Silent, display_for, result_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from concurrent.futures import Future

    import pytest

    from evalkit.engine.events import Event, Observer
    from evalkit.harness.watching.telemetry import Telemetry
    from evalkit.model.results import Result

T = TypeVar("T")


class Watch:
    """Hears the events of a run of ``total`` trials, and waits for its answers where progress is shown. ``redact`` takes secrets out of a text.

    Raises ConfigError when the file of ``--evalkit-log`` cannot be written, MissingExtraError without the extra of ``--evalkit-otel``.
    """

    def __init__(
        self, config: pytest.Config, *, run_id: str, worker: str, total: int, redact: Callable[[str], str] = str
    ) -> None:
        tracker = Tracker(total)
        self._display = display_for(config, tracker.progress)
        self._log = _event_log(config, run_id=run_id, worker=worker, redact=redact)
        self._telemetry = _telemetry(config, run_id, redact)
        listeners: list[Callable[[Event], None]] = []
        if not isinstance(self._display, Silent):
            listeners.append(tracker.hear)
        if self._log is not None:
            listeners.append(self._log.hear)
        if self._telemetry is not None:
            listeners.append(self._telemetry.hear)
        self._listeners = tuple(listeners)
        self._closed = False

    @property
    def notes(self) -> tuple[str, ...]:
        """What went wrong while watching, if anything."""
        problems = (one.problem for one in (self._log, self._telemetry) if one is not None)
        return tuple(problem for problem in problems if problem)

    @property
    def observer(self) -> Observer:
        """Who hears the events: everybody who listens, or nobody, for which the engine builds no event."""
        return self._hear if self._listeners else unobserved

    def _hear(self, event: Event) -> None:
        for listener in self._listeners:
            listener(event)

    def result(self, future: Future[T]) -> T:
        """The future's result, waited for while progress is shown."""
        return result_of(future, self._display)

    def judged(self, results: Iterable[Result]) -> None:
        """Tell the verdicts on trials to those who want to know."""
        if self._telemetry is not None:
            for result in results:
                self._telemetry.judged(result)

    def close(self) -> None:
        """Close what was opened, after the last event."""
        self._display.close()
        if self._log is not None:
            self._log.close()
        if self._telemetry is not None and not self._closed:
            self._telemetry.close()
        self._closed = True


def _event_log(config: pytest.Config, *, run_id: str, worker: str, redact: Callable[[str], str]) -> EventLog | None:
    name: str | None = config.getoption("evalkit_log")
    if name is None:
        return None
    return EventLog(config.invocation_params.dir / name, run=run_id, worker=worker, redact=redact)


def _telemetry(config: pytest.Config, run_id: str, redact: Callable[[str], str]) -> Telemetry | None:
    if not config.getoption("evalkit_otel"):
        return None
    from evalkit.harness.watching.export import open_telemetry

    return open_telemetry(run_id, redact=redact)
