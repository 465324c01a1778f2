"""The run's ceiling: reserve the worst case before a call, settle the real cost after it."""

from __future__ import annotations


class Budget:
    """What a run may still spend, in US dollars. ``ceiling_usd`` None means no ceiling."""

    def __init__(self, ceiling_usd: float | None) -> None:
        self._ceiling_usd = ceiling_usd
        self._spent_usd = 0.0
        self._reserved_usd = 0.0

    def reserve(self, worst_case_usd: float | None) -> str | None:
        """Set ``worst_case_usd`` aside for one call. Returns why that is refused, or None when it is granted."""
        if self._ceiling_usd is None:
            return None
        if worst_case_usd is None:
            return "the price of this model is unknown, so a ceiling cannot be kept"
        committed = self._spent_usd + self._reserved_usd
        if committed + worst_case_usd > self._ceiling_usd:
            return (
                f"the ceiling of ${self._ceiling_usd:.4f} would be passed: ${committed:.4f} spent or in flight, "
                f"and this call may cost up to ${worst_case_usd:.4f}"
            )
        self._reserved_usd += worst_case_usd
        return None

    def settle(self, *, reserved_usd: float | None, paid_usd: float | None) -> None:
        """Give a reservation back and count what was paid; an unknown payment counts as the whole reservation."""
        if self._ceiling_usd is None:
            return
        self._reserved_usd -= reserved_usd or 0.0
        self._spent_usd += (reserved_usd or 0.0) if paid_usd is None else paid_usd
