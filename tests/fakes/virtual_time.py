"""Virtual time: an event loop whose clock jumps to the next timer, and a model server that enforces limits by that clock."""

from __future__ import annotations

import asyncio
import selectors
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from evalkit.errors import CallError
from evalkit.model.calls import Response, Usage
from evalkit.rates import RateLimits, RateWindow

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from evalkit.model.calls import Request

T = TypeVar("T")


class _Selector(selectors.SelectSelector):
    """Never waits: what would have been waited for is added to the clock."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise AssertionError("nothing is left to wait for: the story hangs")
        self.now += max(0.0, timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop in which an hour passes in no time. Nothing outside the loop's own thread can wake it."""

    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.now


def run(story: Coroutine[Any, Any, T]) -> T:
    """Run ``story`` to its end in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(story)


@dataclass
class _Window:
    """A limit as the server keeps it: filled continuously, holding ``burst_s`` seconds' worth."""

    per_minute: float
    burst_s: float
    level: float = field(init=False)
    at: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        self.level = self.holds

    @property
    def holds(self) -> float:
        return max(1.0, self.per_minute / 60 * self.burst_s)

    def wait_s(self, amount: float, now: float) -> float:
        self.level = min(self.holds, self.level + (now - self.at) * self.per_minute / 60)
        self.at = now
        return max(0.0, (min(amount, self.holds) - self.level) / (self.per_minute / 60))

    def header(self) -> RateWindow:
        return RateWindow(
            self.per_minute, float(max(0, int(self.level))), (self.holds - self.level) / (self.per_minute / 60)
        )


class LimitedServer:
    """A provider that answers after ``latency_s`` and refuses, like a vendor, what is above its limits.

    ``headers`` False is a vendor that tells nothing but ``Retry-After``, and that only if ``tells_wait``. ``usage`` is what each
    answer uses. ``fault`` may return an error for a request (by its number, from 0).
    """

    def __init__(
        self,
        *,
        rpm: float | None = None,
        tpm: float | None = None,
        burst_s: float = 1.0,
        latency_s: float = 0.0,
        headers: bool = True,
        tells_wait: bool = True,
        usage: Usage | None = None,
        fault: Callable[[int, Request], CallError | None] = lambda _number, _request: None,
    ) -> None:
        self.requests: list[tuple[float, str]] = []
        self.refused = 0
        self.in_flight = 0
        self.peak = 0
        self.answered_at: list[tuple[float, str]] = []
        self._windows: dict[str, _Window] = {}
        if rpm is not None:
            self._windows["requests"] = _Window(rpm, burst_s)
        if tpm is not None:
            self._windows["tokens"] = _Window(tpm, burst_s)
        self._latency_s = latency_s
        self._headers = headers
        self._tells_wait = tells_wait
        self._usage = usage or Usage(60, 40)
        self._fault = fault

    async def complete(self, request: Request) -> Response:
        now = asyncio.get_running_loop().time()
        text = request.messages[-1].content
        number = len(self.requests)
        self.requests.append((now, text))
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)
        try:
            return await self._answer(request, number, text, now)
        finally:
            self.in_flight -= 1

    async def _answer(self, request: Request, number: int, text: str, now: float) -> Response:
        need = {"requests": 1.0, "tokens": float((self._usage.input_tokens or 0) + (self._usage.output_tokens or 0))}
        wait = max((window.wait_s(need[name], now) for name, window in self._windows.items()), default=0.0)
        if wait > 0:
            self.refused += 1
            told = wait if self._tells_wait else None
            raise CallError("slow down", kind="rate_limited", status=429, retry_after_s=told, limits=self._told())
        for name, window in self._windows.items():
            window.level -= need[name]
        error = self._fault(number, request)
        if self._latency_s:
            await asyncio.sleep(self._latency_s)
        if error is not None:
            raise error
        self.answered_at.append((asyncio.get_running_loop().time(), text))
        return Response("ok", usage=self._usage, limits=self._told())

    def _told(self) -> RateLimits | None:
        if not self._headers or not self._windows:
            return None
        now = asyncio.get_running_loop().time()
        for window in self._windows.values():
            window.wait_s(0, now)
        return RateLimits(**{name: window.header() for name, window in self._windows.items()})

    async def aclose(self) -> None:
        """Nothing is open."""
