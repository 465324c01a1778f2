"""What a provider says about an account's rate limits, as values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RateWindow:
    """One limit as a provider reports it: ``limit`` per window, what is ``remaining``, seconds until it is full again."""

    limit: float | None = None
    remaining: float | None = None
    reset_s: float | None = None

    def part(self, of: int) -> RateWindow:
        """What one of ``of`` equal users of the account may take of it."""
        if of == 1:
            return self
        limit, remaining = (None if value is None else value / of for value in (self.limit, self.remaining))
        return RateWindow(limit, remaining, self.reset_s)


@dataclass(frozen=True, slots=True)
class RateLimits:
    """What a reply's headers say about the account's limits; None for those that the provider does not name."""

    requests: RateWindow | None = None
    tokens: RateWindow | None = None
    input_tokens: RateWindow | None = None
    output_tokens: RateWindow | None = None
