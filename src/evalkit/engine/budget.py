"""The run's ceiling: reserve the worst case before a call, settle the real cost after it."""

from __future__ import annotations

import asyncio

from evalkit.errors import CallError

_ROUNDING_USD = 1e-9


class Budget:
    """What a run may still spend, in US dollars. ``ceiling_usd`` None means no ceiling. Lives on one event loop."""

    def __init__(self, ceiling_usd: float | None) -> None:
        self._ceiling_usd = ceiling_usd
        self._spent_usd = 0.0
        self._reserved_usd = 0.0
        self._in_flight = 0
        self._settled = asyncio.Condition()

    async def reserve(self, worst_case_usd: float | None) -> None:
        """Set ``worst_case_usd`` aside for one call, waiting for calls in flight to give back what they did not need.

        Raises CallError (kind ``budget``) when the call could not fit even then, or when its price is unknown.
        """
        if self._ceiling_usd is None:
            return
        if worst_case_usd is None:
            raise CallError(
                "the price of this model is unknown, so a ceiling cannot be kept",
                kind="budget",
                hint="give its price in [tool.evalkit.prices], or run without a ceiling",
            )
        async with self._settled:
            limit = self._ceiling_usd + _ROUNDING_USD
            while self._spent_usd + self._reserved_usd + worst_case_usd > limit:
                if self._spent_usd + worst_case_usd > limit:
                    raise CallError(
                        f"the ceiling of ${self._ceiling_usd:.4f} would be passed: ${self._spent_usd:.4f} are spent, and this "
                        f"call may cost up to ${worst_case_usd:.4f}",
                        kind="budget",
                        hint="raise --max-cost, select fewer cases, or set max_output_tokens, which bounds what a call may cost",
                    )
                await self._settled.wait()
            self._reserved_usd += worst_case_usd
            self._in_flight += 1

    async def settle(self, *, reserved_usd: float | None, paid_usd: float | None) -> None:
        """Give a reservation back and count what was paid; an unknown payment counts as the whole reservation."""
        if self._ceiling_usd is None:
            return
        async with self._settled:
            self._in_flight -= 1
            # Nothing in flight reserves nothing: rounding must not keep a waiting call from ever starting.
            self._reserved_usd = self._reserved_usd - (reserved_usd or 0.0) if self._in_flight else 0.0
            self._spent_usd += (reserved_usd or 0.0) if paid_usd is None else paid_usd
            self._settled.notify_all()
