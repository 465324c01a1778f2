"""How far a run is: a pure fold of the engine's events, and the one line that shows it."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from evalkit.model.calls import CallFailure
from evalkit.report.clean import one_line
from evalkit.report.wording import money

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from evalkit.engine.events import Event
    from evalkit.model.calls import Call

_MARK_EVERY_S = 1.0
_MARKS = 30
_MIN_SPAN_S = 2.0
_FOLD_AT = 64
_ON_THE_WIRE = ""
_SUMMED = ("done", "unanswered", "retries", "live", "cached", "unpriced", "paid_usd")


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands. ``total``, ``done`` and ``unanswered`` count trials; the rest counts calls, judges' included.

    ``calls`` maps the key of each unsettled call to what it waits for, which is empty while it is sent. ``paid_usd`` is what is known to
    be paid; ``unpriced`` counts live answers whose price is unknown. ``marks`` are (Unix time, trials done) at least a second apart.
    """

    total: int = 0
    done: int = 0
    unanswered: int = 0
    retries: int = 0
    live: int = 0
    cached: int = 0
    unpriced: int = 0
    paid_usd: float = 0.0
    calls: Mapping[str, str] = field(default_factory=dict)
    marks: tuple[tuple[float, int], ...] = ()
    at: float = 0.0

    @property
    def in_flight(self) -> int:
        """Calls that were sent and have no answer yet."""
        return sum(reason == _ON_THE_WIRE for reason in self.calls.values())

    @property
    def waiting(self) -> Mapping[str, int]:
        """How many calls are held back, by what for; the most frequent reason first."""
        return dict(Counter(reason for reason in self.calls.values() if reason != _ON_THE_WIRE).most_common())

    @property
    def left_s(self) -> float | None:
        """Seconds until the end at the recent rate; None while there is too little to tell from."""
        if not self.marks:
            return None
        since, before = self.marks[0]
        span, gained = self.at - since, self.done - before
        return (self.total - self.done) * span / gained if gained > 0 and span >= _MIN_SPAN_S else None


def advance(progress: Progress, events: Iterable[Event]) -> Progress:
    """Return ``progress`` after ``events``, which are in order."""
    calls, at = dict(progress.calls), progress.at
    for event in events:
        at = max(at, event.at)
        if event.request is not None:
            _move(calls, event)
        if not progress.marks:
            progress = replace(progress, marks=((at, progress.done),))
        progress = _counted(progress, event, at)
    return replace(progress, calls=calls, at=at)


def _move(calls: dict[str, str], event: Event) -> None:
    key = event.request.key if event.request is not None else ""
    if event.name == "call.waiting":
        calls[key] = " of ".join(one_line(part, limit=60) for part in (event.reason, event.account) if part)
    elif event.name == "call.sent":
        calls[key] = _ON_THE_WIRE
    elif event.name == "call.failed" and event.wait_s is not None:
        calls[key] = "a retry"
    elif event.name in {"call.failed", "call.settled"}:
        calls.pop(key, None)


def _counted(progress: Progress, event: Event, at: float) -> Progress:
    if event.name == "call.failed" and event.wait_s is not None:
        return replace(progress, retries=progress.retries + 1)
    if event.name == "call.settled" and event.call is not None:
        return _billed(progress, event.call)
    if event.name == "trial.answered":
        unanswered = event.call is not None and isinstance(event.call.reply, CallFailure)
        marks = progress.marks
        if at - marks[-1][0] >= _MARK_EVERY_S:
            marks = (*marks, (at, progress.done + 1))[-_MARKS:]
        return replace(progress, done=progress.done + 1, unanswered=progress.unanswered + unanswered, marks=marks)
    return progress


def _billed(progress: Progress, call: Call) -> Progress:
    if call.source != "live":
        return replace(progress, cached=progress.cached + (call.source in {"cache", "replay"}))
    paid = call.paid_usd
    if paid is None:
        answered = not isinstance(call.reply, CallFailure)
        return replace(progress, live=progress.live + 1, unpriced=progress.unpriced + answered)
    return replace(progress, live=progress.live + 1, paid_usd=progress.paid_usd + paid)


def told(progress: Progress) -> dict[str, Any]:
    """``progress`` in plain values, for another process: what :class:`Gathered` takes."""
    plain = {name: getattr(progress, name) for name in (*_SUMMED, "total")}
    return {**plain, "waits": dict(Counter(progress.calls.values()))}


def line(progress: Progress, width: int) -> str:
    """Say in at most ``width`` characters how far the run is. What is none is left out."""
    text = ", ".join(part for part in _parts(progress) if part)
    return text if len(text) <= width else f"{text[: max(0, width - 1)]}…"


def _parts(progress: Progress) -> Iterable[str]:
    yield f"evalkit: {progress.done}/{progress.total} done"
    if progress.in_flight:
        yield f"{progress.in_flight} in flight"
    for reason, calls in progress.waiting.items():
        yield f"{calls} waiting on {reason}"
        break  # one limit is what the reader can act on
    if progress.retries:
        yield f"{progress.retries} {'retry' if progress.retries == 1 else 'retries'}"
    if progress.unanswered:
        yield f"{progress.unanswered} without an answer"
    if progress.cached:
        yield f"{progress.cached} not paid"
    if progress.live:
        yield _cost(progress)
    left = progress.left_s
    if left is not None and progress.done < progress.total:
        yield f"about {_span(left)} left"


def _cost(progress: Progress) -> str:
    paid = money(progress.paid_usd)
    if not progress.unpriced:
        return paid
    return f"at least {paid}" if progress.paid_usd else "cost unknown"


def _span(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"


class Gathered:
    """The progress of several processes that share one run. Hears them on any thread, is asked on another."""

    def __init__(self) -> None:
        self._told: dict[str, Mapping[str, Any]] = {}
        self._marks: tuple[tuple[float, int], ...] = ()
        self._lock = threading.Lock()

    def hear(self, worker: str, told: Mapping[str, Any]) -> None:
        """Note how far ``worker`` is, as it was :func:`told`. Every worker knows the whole run's ``total``."""
        with self._lock:
            self._told[worker] = told

    @property
    def begun(self) -> bool:
        """Whether anybody said anything yet."""
        return bool(self._told)

    def progress(self) -> Progress:
        """Where the run stands now, as far as is known."""
        now = time.time()
        with self._lock:
            everybody = [*self._told.values()]
            sums = {name: sum(one[name] for one in everybody) for name in _SUMMED}
            if not self._marks or now - self._marks[-1][0] >= _MARK_EVERY_S:
                self._marks = (*self._marks, (now, sums["done"]))[-_MARKS:]
        waits = [reason for one in everybody for reason, calls in one["waits"].items() for _ in range(calls)]
        return Progress(
            total=max((one["total"] for one in everybody), default=0),
            calls={str(number): reason for number, reason in enumerate(waits)},
            marks=self._marks,
            at=now,
            **sums,
        )


class Tracker:
    """Collects the events of one run of ``total`` trials; hears them on one thread, is asked on another."""

    def __init__(self, total: int) -> None:
        self._progress = Progress(total=total)
        self._new: list[Event] = []
        self._lock = threading.Lock()

    def hear(self, event: Event) -> None:
        """Note one event."""
        with self._lock:
            self._new.append(event)
            if len(self._new) >= _FOLD_AT:  # in batches, because each fold copies the unsettled calls
                self._fold()

    def progress(self) -> Progress:
        """Where the run stands now."""
        with self._lock:
            self._fold()
            return self._progress

    def _fold(self) -> None:
        self._progress = advance(self._progress, self._new)
        self._new.clear()
