"""How calls are made: limits and routes, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from evalkit.model.calls import Source
    from evalkit.providers.base import Provider


@dataclass(frozen=True, slots=True)
class Policy:
    """One retry and limit policy for every provider; the SDKs' own retries are off.

    ``concurrency`` is per provider. ``retries`` counts tries after the first. ``deadline_s`` bounds a call with all its tries and waits;
    a ``Retry-After`` beyond what is left of it fails the call at once. Waits double from ``backoff_s`` up to ``max_backoff_s``, with
    full jitter. ``max_cost_usd`` is the run's ceiling; None means no ceiling.
    """

    concurrency: int = 32
    retries: int = 4
    deadline_s: float = 300.0
    backoff_s: float = 0.5
    max_backoff_s: float = 30.0
    max_cost_usd: float | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """How requests to one provider are answered in this run.

    ``open`` makes the provider, on the engine's loop, when it is first needed. ``source`` is what its replies are marked with.
    ``cached`` says that the response cache is asked first.
    """

    open: Callable[[], Provider]
    source: Source
    cached: bool
