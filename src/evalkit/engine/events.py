"""What the engine tells while it works: small frozen values for whoever watches (a progress line, a log, spans)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from evalkit.model.calls import Call, Request

EventName = Literal[
    "call.waiting",  # held back by a limit; ``reason`` names it
    "call.sent",  # an attempt leaves; ``attempt`` counts from 1
    "call.failed",  # an attempt failed; ``reason`` is its kind and message, ``wait_s`` the pause before the next, None if it is the last
    "call.settled",  # the call is on disk; ``call`` holds it
    "limit.changed",  # a limit was learned, shrunk or widened; ``reason`` says which and to what
    "provider.stopped",  # no more calls to this account: a fatal failure or an open circuit; ``reason`` is its kind and message
    "trial.answered",  # a trial has its answer (or none) and all that its checks asked for; ``reason`` is its test id
]


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened. ``at`` is Unix time in seconds; ``account`` is whose limits apply; ``request`` is None if none is concerned."""

    name: EventName
    at: float
    account: str
    request: Request | None = None
    attempt: int = 0
    wait_s: float | None = None
    reason: str = ""
    call: Call | None = None


Observer: TypeAlias = Callable[[Event], None]
"""Hears every event on the engine's thread, in order. It must return at once and may not raise."""


def unobserved(_event: Event) -> None:
    """The observer of a run that nobody watches."""
