"""One limit per minute as a token bucket: pure arithmetic, the time is always an argument."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evalkit.rates import RateWindow

_PACE = 0.97  # a little below the limit, so that jitter on the way does not collide with a server that counts exactly
_UNKNOWN_BURST_S = 0.5  # what may go at once while nothing is known of the server's own burst
_RESERVE = 0.1  # the share of the server's burst that is left unused
_RECOVERY_PER_S = 0.01  # additive increase: the share of the limit that comes back each second
_GUESS_GROWTH_PER_S = 0.06  # of itself: nobody knows how far off a guess is
_KNOWN_CUT = 0.9  # multiplicative decrease of a limit that was told: somebody else uses the account too
_GUESSED_CUT = 0.7
_SLOWEST_GUESS = 60.0


@dataclass(slots=True)
class Bucket:
    """What may still be sent under one limit. Times are seconds of any monotonic clock.

    ``per_minute`` is the limit, ``burst`` how much may go at once, ``level`` what may go now (below 0: taken in advance), ``share`` the
    part of the limit that is used: a refusal cuts it, time brings it back (AIMD). A ``guessed`` limit may grow beyond what was guessed.
    ``since`` is how many requests of the account had left when it became known.
    """

    name: str
    per_minute: float
    burst: float
    level: float
    at: float
    since: int = 0
    share: float = 1.0
    guessed: bool = False
    refused: bool = False

    @classmethod
    def starting(cls, name: str, per_minute: float, *, now: float, since: int = 0, guessed: bool = False) -> Bucket:
        """A full bucket for a limit of which nothing but its size is known: it lets half a second's worth go at once."""
        burst = max(1.0, per_minute / 60 * _UNKNOWN_BURST_S)
        return cls(name, per_minute, burst, burst, now, since=since, guessed=guessed)

    @property
    def per_second(self) -> float:
        """How fast it fills."""
        return self.per_minute / 60 * _PACE * self.share

    def refill(self, now: float) -> None:
        """Let the time until ``now`` fill it."""
        passed = now - self.at
        if passed > 0:
            self.level = min(self.burst, self.level + passed * self.per_second)
            if self.guessed:
                self.share *= (1 + _GUESS_GROWTH_PER_S) ** passed
            elif self.share < 1.0:
                self.share = min(1.0, self.share + passed * _RECOVERY_PER_S)
            self.at = now

    def wait_s(self, amount: float, now: float) -> float:
        """Seconds until ``amount`` may go; 0 is now. What is larger than the burst waits for a full bucket and leaves it in debt."""
        self.refill(now)
        missing = min(amount, self.burst) - self.level
        return 0.0 if missing <= 1e-9 else missing / self.per_second

    def take(self, amount: float) -> None:
        """Use ``amount``; a negative amount gives back what an estimate had taken too much.

        No debt is larger than what a minute brings: a limit per minute forgets what is older, whatever a reply says was used.
        """
        self.level = max(-self.per_minute, min(self.burst, self.level - amount))

    def learn(self, window: RateWindow, *, first: bool, ahead: float, now: float) -> None:
        """Believe a reply's header. ``first``: nothing was known before; ``ahead`` is what was sent and may not be counted in it yet.

        A server that fills a bucket of its own shows how much that holds: ``remaining`` plus what comes until it is full again.
        """
        if window.remaining is None:
            return
        self.refill(now)
        remaining = min(max(window.remaining, 0.0), self.per_minute)
        if window.reset_s is not None and not self.refused:
            holds = min(self.per_minute, remaining + max(window.reset_s, 0.0) * self.per_minute / 60)
            self.burst = max(self.burst if not first else 1.0, holds - max(1.0, holds * _RESERVE))
        # Rounded down by the server: without the 1 every reply would take away what has just come in.
        known = max(0.0, remaining - max(1.0, remaining * _RESERVE)) - ahead if first else remaining + 1
        self.level = max(-self.per_minute, min(self.burst if first else self.level, known))

    def refuse(self, *, cut: bool, until: float, now: float) -> None:
        """A 429: nothing is left, and nothing comes in before ``until``. ``cut`` also lowers the share that is used."""
        self.refill(now)
        if cut and self.guessed:
            self.per_minute = max(_SLOWEST_GUESS, self.per_minute * self.share)
            self.share = _GUESSED_CUT
        elif cut:
            self.share *= _KNOWN_CUT
        self.refused = True
        self.burst = min(self.burst, max(1.0, self.per_second))
        self.level = min(self.level, 0.0)
        self.at = max(self.at, until)
