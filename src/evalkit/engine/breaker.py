"""Whether a provider is dead: a circuit breaker as pure state, the time is always an argument."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evalkit.errors import CallError

_PAUSES_S = (1.0, 2.0, 4.0)
_LONGEST_OUTAGE_S = 60.0
_UNREACHED = 12  # failed connections, where none was ever made: a wrong address is no provider that fails by chance


@dataclass(slots=True)
class Breaker:
    """Counts failures of one model over all calls (the pattern of Nygard, *Release It!*, 2007, with its half-open state).

    ``threshold`` failures in a row, without any answer between them, open it: nothing is sent for a second, then one request probes.
    A probe that is answered closes it again; after three that fail (pauses of 1, 2 and 4 s), or one that fails a minute after the
    opening, ``stopped`` says why the account is given up. A dead provider is sent ``threshold`` requests, those in flight, and three. One that
    was never ``reached`` is given up sooner.
    """

    threshold: int
    reached: bool = False
    failures: int = 0
    probes: int = 0
    probing: bool = False
    opened_at: float = 0.0
    retry_at: float = 0.0
    stopped: str | None = None

    @property
    def open(self) -> bool:
        """Whether requests are held back."""
        return self.failures >= (self.threshold if self.reached else min(_UNREACHED, self.threshold))

    def wait_s(self, now: float) -> float:
        """Seconds until a request may go; 0 is now, infinity while a probe is on its way."""
        if not self.open:
            return 0.0
        return math.inf if self.probing else max(0.0, self.retry_at - now)

    def sent(self) -> bool:
        """A request leaves; whether it is a probe."""
        self.probing = self.probing or self.open
        return self.open

    def answered(self) -> None:
        """The provider lives: it answered, or refused for a reason of its own."""
        self.reached = True
        self.failures = self.probes = 0
        self.probing = False

    def abandoned(self) -> None:
        """A probe was cancelled: another one may go."""
        self.probing = False

    def failed(self, error: CallError, *, probe: bool, now: float) -> bool:
        """Count a failure that speaks of the provider, not of the request; whether this one opened or stopped it."""
        was_open = self.open
        self.failures += 1
        self.reached = self.reached or error.kind != "connection"
        if probe:
            self._probe_failed(error, now)
            return self.stopped is not None
        if self.open and not was_open:
            self.opened_at, self.retry_at = now, now + _PAUSES_S[0]
            return True
        return False

    def _probe_failed(self, error: CallError, now: float) -> None:
        self.probes += 1
        self.probing = False
        if self.probes >= len(_PAUSES_S) or now - self.opened_at > _LONGEST_OUTAGE_S:
            self.stopped = (
                f"{self.failures} failures in a row, {self.probes} of them after a pause, so no more calls are made; "
                f"the last one: {error.kind}: {error.message}"
            )
        else:
            self.retry_at = now + _PAUSES_S[self.probes]
