"""How calls are made: limits, ceilings and routes, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from evalkit.model.calls import Source
    from evalkit.providers.base import Provider


@dataclass(frozen=True, slots=True)
class Policy:
    """One retry and limit policy for every provider; the SDKs' own retries are off.

    ``concurrency`` is per account. ``retries`` counts tries after the first: with the default a case survives attempts of which 55%
    fail with a probability of loss below 1e-4 (0.55**21, and 0.18**6 for malformed ones). ``malformed_retries`` of them may follow a 200 that is no answer. A 429 is
    not counted: it is bounded by the deadline alone. ``deadline_s`` bounds a call from its first send, waits between tries included.
    A ``Retry-After`` beyond ``max_retry_after_s``, or beyond what is left, fails the call at once. Waits are drawn from
    0 to ``backoff_s``; that doubles, up to ``max_backoff_s``, while the account answers nobody or says that it is overloaded. ``max_cost_usd``, ``max_tokens`` and ``max_calls`` are the run's ceilings; None means none.
    ``limits`` are those that the user set, by account (keys as in ``[tool.evalkit.limits.<account>]``). ``workers`` processes share the accounts:
    of a limit that a provider tells, each uses its part; what is set here is one's part already.
    """

    concurrency: int = 32
    retries: int = 20
    malformed_retries: int = 5
    deadline_s: float = 300.0
    max_retry_after_s: float = 120.0
    backoff_s: float = 0.5
    max_backoff_s: float = 8.0
    max_cost_usd: float | None = None
    max_tokens: int | None = None
    max_calls: int | None = None
    limits: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    workers: int = 1


@dataclass(frozen=True, slots=True)
class Route:
    """How requests to one provider are answered in this run.

    ``open`` makes the provider, on the engine's loop, when it is first needed. ``source`` is what its replies are marked with.
    ``cached`` says that the response cache is asked first. ``account`` is whose limits apply; None is the provider's own.
    """

    open: Callable[[], Provider]
    source: Source
    cached: bool
    account: str | None = None
