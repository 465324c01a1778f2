"""The run's ceilings: reserve the worst case before a call, settle what it really used after it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalkit.errors import CallError
from evalkit.metrics.cost import DEFAULT_OUTPUT_TOKENS
from evalkit.metrics.tokens import input_estimate

if TYPE_CHECKING:
    from collections.abc import Callable

    from evalkit.engine.policy import Policy
    from evalkit.model.calls import Request, Usage

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Pricing:
    """What a call costs, as two pure functions; either returns None when a price or the usage is unknown."""

    cost_usd: Callable[[str, Usage], float | None]
    worst_case_usd: Callable[[Request], float | None]


@dataclass(frozen=True, slots=True)
class Reserved:
    """What was set aside for one attempt: US dollars, tokens."""

    usd: float
    tokens: int


class _Ceiling:
    """One ceiling. ``noun`` names it, ``show`` writes an amount of it, ``hint`` says what to do when it is reached."""

    def __init__(self, most: float, show: Callable[[float], str], hint: str) -> None:
        self._most = most + _ROUNDING
        self._show = show
        self._hint = hint
        self.spent = 0.0
        self.reserved = 0.0

    def fits(self, amount: float) -> bool:
        return self.spent + self.reserved + amount <= self._most

    def hopeless(self, amount: float) -> CallError | None:
        """Why ``amount`` cannot fit whatever the calls in flight give back, or None."""
        if self.spent + amount <= self._most:
            return None
        return CallError(
            f"the ceiling of {self._show(self._most)} would be passed: {self._show(self.spent)} used, and this call may need "
            f"up to {self._show(amount)}",
            kind="budget",
            hint=self._hint,
        )


class Budget:
    """What a run may still spend. Only live calls are counted; what is cached or replayed costs nothing. Lives on one event loop."""

    def __init__(self, policy: Policy, pricing: Pricing) -> None:
        self._pricing = pricing
        part = f"this is the part of one of {policy.workers} workers: " if policy.workers > 1 else ""
        self._usd = _optional(
            policy.max_cost_usd,
            lambda usd: f"${usd:.4f}",
            f"{part}raise --max-cost, select fewer cases, or set max_output_tokens, which bounds what a call may cost",
        )
        self._tokens = _optional(
            policy.max_tokens,
            lambda tokens: f"{tokens:.0f} tokens",
            f"{part}raise --max-tokens, select fewer cases, or set max_output_tokens, which bounds what a call may use",
        )
        self._calls = _optional(policy.max_calls, _calls, f"{part}raise --max-calls, or select fewer cases")
        self._waiters: list[asyncio.Future[None]] = []
        self._in_flight = 0
        self._bounded = any(ceiling is not None for ceiling in (self._usd, self._tokens, self._calls))

    async def reserve(self, request: Request) -> Reserved | None:
        """Set the worst case of one attempt aside, waiting for calls in flight to give back what they did not need.

        Returns None if there is no ceiling. Raises CallError (kind ``budget``) when the call could not fit even then, or when its
        price is unknown.
        """
        if not self._bounded:
            return None
        reserved = Reserved(self._worst_usd(request), _worst_tokens(request) if self._tokens else 0)
        amounts = self._amounts(reserved)
        while not all(ceiling.fits(amount) for ceiling, amount in amounts):
            for ceiling, amount in amounts:
                hopeless = ceiling.hopeless(amount)
                if hopeless is not None:
                    raise hopeless
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter
        for ceiling, amount in amounts:
            ceiling.reserved += amount
        self._in_flight += 1
        return reserved

    def settle(self, reserved: Reserved | None, *, model: str, usage: Usage | None, billed: bool) -> None:
        """Give a reservation back and count what was used. ``usage`` None after a billed attempt counts as the whole reservation.

        Attempts that were certainly not ``billed`` (refused, failed with an error status) cost nothing, but are calls.
        """
        if reserved is None:
            return
        usd, tokens = (reserved.usd, float(reserved.tokens)) if billed else (0.0, 0.0)
        if usage is not None:
            paid = self._pricing.cost_usd(model, usage)
            usd = usd if paid is None else paid
            if usage.input_tokens is not None and usage.output_tokens is not None:
                tokens = usage.input_tokens + usage.output_tokens
        self._in_flight -= 1
        for (ceiling, amount), used in zip(self._amounts(reserved), self._used(usd, tokens), strict=True):
            # Nothing in flight reserves nothing: rounding must not keep a waiting call from ever starting.
            ceiling.reserved = ceiling.reserved - amount if self._in_flight else 0.0
            ceiling.spent += used
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def _worst_usd(self, request: Request) -> float:
        worst = self._pricing.worst_case_usd(request) if self._usd is not None else 0.0
        if worst is None:
            raise CallError(
                "the price of this model is unknown, so a ceiling cannot be kept",
                kind="budget",
                hint="give its price in [tool.evalkit.prices], or run without a ceiling",
            )
        return worst

    def _amounts(self, reserved: Reserved) -> list[tuple[_Ceiling, float]]:
        pairs = ((self._usd, reserved.usd), (self._tokens, float(reserved.tokens)), (self._calls, 1.0))
        return [(ceiling, amount) for ceiling, amount in pairs if ceiling is not None]

    def _used(self, usd: float, tokens: float) -> list[float]:
        pairs = ((self._usd, usd), (self._tokens, tokens), (self._calls, 1.0))
        return [amount for ceiling, amount in pairs if ceiling is not None]


def _optional(most: float | None, show: Callable[[float], str], hint: str) -> _Ceiling | None:
    return None if most is None else _Ceiling(most, show, hint)


def _worst_tokens(request: Request) -> int:
    most = request.params.get("max_output_tokens")
    output = most if isinstance(most, int) else DEFAULT_OUTPUT_TOKENS
    return input_estimate(request) + (output if request.kind == "chat" else 0)


def _calls(number: float) -> str:
    return f"{number:.0f} {'call' if round(number) == 1 else 'calls'}"
