"""The limits of one account: what is set, told and guessed, and whether a request may go now. Pure state, no waiting."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from evalkit.engine.bucket import Bucket
from evalkit.metrics.tokens import input_estimate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalkit.model.calls import Request, Usage
    from evalkit.rates import RateLimits

Kind: TypeAlias = Literal["requests", "tokens", "input_tokens", "output_tokens"]
KINDS: tuple[Kind, ...] = ("requests", "tokens", "input_tokens", "output_tokens")
_NAMES: Mapping[Kind, str] = {kind: f"{kind.replace('_', ' ')}/min" for kind in KINDS}

_FIRST = 4  # requests that go at once before anything is known of the account's limits
_MORE_PER_S = 20.0  # and so many more each second until the first reply, because some models think for long
_LEARNING = 0.2
_INSTANT_S = 1e-6  # a timer cannot be set more finely
_USUAL_OUTPUT_TOKENS = 256.0
_SMALLEST = 1.0  # per minute: a header that tells less is no limit, and would hold every call for ever


@dataclass(slots=True)
class Ticket:
    """The right to send one request, the account's ``number``-th. ``input_tokens`` and ``output_tokens`` are what was taken for it; ``probe``
    tests an open circuit.
    """

    model: str
    sent_at: float
    number: int
    input_tokens: float = 0.0
    output_tokens: float = 0.0
    probe: bool = False
    held: bool = True

    def amount(self, kind: Kind) -> float:
        """How much of a limit of this kind the request uses."""
        return _amount(kind, self.input_tokens, self.output_tokens)


@dataclass(frozen=True, slots=True)
class Held:
    """Why a request may not go now: ``wait_s`` until it is worth asking again (infinity: after a reply), and the limit's name."""

    wait_s: float
    reason: str


class _Accepted:
    """How much a provider accepts: since its last pause, and over all. A request that it has not refused yet counts as accepted."""

    def __init__(self, now: float) -> None:
        self._began = self._epoch = now
        self._all = self._since = self._refused = 0

    def sent(self, now: float, *, resumed_at: float) -> None:
        if self._epoch < resumed_at <= now:
            self._epoch = now
            self._since = self._refused = 0
        self._all += 1
        self._since += 1

    def refused(self, sent_at: float) -> None:
        self._all -= 1
        self._refused += sent_at >= self._epoch

    @property
    def few(self) -> bool:
        """Whether it refused most of what was sent since its last pause."""
        return self._refused >= _FIRST and self._refused * 2 > self._since

    def per_second(self, now: float) -> float:
        return max(1.0, self._all / max(1.0, now - self._began))


class AccountLimits:
    """What one account may send. Everything takes ``now``, seconds of any monotonic clock.

    ``fixed`` holds the limits that the user set; they hold for all models together, and headers can only lower what they allow. Other
    limits are learned from replies: models whose headers tell the same limit share it, a model that is told another one has its own.
    Until the first reply only a few requests go; then twice as many after each reply, and all of ``concurrency`` as soon as one tells
    limits. A provider that never tells its limits and refuses most of what follows a pause is paced by what it accepted so far.
    With ``workers`` processes on the account each keeps to its part of what is told.
    """

    def __init__(self, *, concurrency: int, fixed: Mapping[str, float], now: float, workers: int = 1) -> None:
        self._workers = workers
        self._slots = int(fixed.get("concurrency", concurrency))
        self._fixed: dict[Kind, Bucket] = {}
        for kind in KINDS:
            per_minute = fixed.get(f"{kind}_per_minute")
            if per_minute is not None:
                self._fixed[kind] = Bucket.starting(_NAMES[kind], per_minute, now=now)
        self._window = self._slots if self._fixed else min(max(1, _FIRST // workers), self._slots)
        self._sent_at = now
        self._sent = 0
        self._heard = False
        self._told: dict[str, dict[Kind, Bucket]] = {}
        self._latest: dict[Kind, Bucket] | None = (
            None  # what a model keeps between its first request and its first reply
        )
        self._asked: set[str] = set()
        self._output: dict[str, float] = {}
        self._paused_until = -math.inf
        self._shrunk_at = -math.inf
        self._refusals = 0
        self._accepted = _Accepted(now)
        self.in_flight = 0

    def held(self, request: Request, now: float) -> Held | None:
        """Why ``request`` may not go now, or None if it may."""
        full = self._full(now)
        if full is not None:
            return full
        if now < self._paused_until:
            return Held(self._paused_until - now, "a pause")
        longest: Held | None = None
        buckets = self._buckets(request.model)
        needs = self._needs(request, buckets)
        for kind, bucket in buckets:
            wait = bucket.wait_s(_amount(kind, *needs), now)
            if wait > 0 and (longest is None or wait > longest.wait_s):
                longest = Held(wait, bucket.name)
        return longest

    def _full(self, now: float) -> Held | None:
        if self.in_flight < self._window:
            return None
        if self._heard or self.in_flight >= self._slots:
            return Held(math.inf, "concurrency")
        wait = (
            self._sent_at + self._workers / _MORE_PER_S - now
        )  # from the one before: a loop that was busy must not catch up at once
        return Held(wait, "the first reply") if wait > _INSTANT_S else None

    def take(self, request: Request, now: float) -> Ticket:
        """Count ``request`` as sent. Ask :meth:`held` first."""
        buckets = self._buckets(request.model)
        self._sent += 1
        ticket = Ticket(request.model, now, self._sent, *self._needs(request, buckets))
        for kind, bucket in buckets:
            bucket.take(ticket.amount(kind))
        self._sent_at = now
        self._asked.add(request.model)
        self._accepted.sent(now, resumed_at=self._paused_until)
        self.in_flight += 1
        return ticket

    def leave(self, ticket: Ticket) -> None:
        """Free the slot of ``ticket``; a second time does nothing."""
        if ticket.held:
            ticket.held = False
            self.in_flight -= 1

    def answered(self, ticket: Ticket, usage: Usage, told: RateLimits | None, now: float) -> str | None:
        """Settle an answer: real tokens for estimated ones, and what its headers say. Returns what changed, for people."""
        self._refusals = 0
        self._settle(ticket, usage)
        return self.declined(ticket, told, now)

    def declined(self, ticket: Ticket, told: RateLimits | None, now: float) -> str | None:
        """The provider works, whatever it thinks of the request: more may go at once. Returns what changed, for people."""
        self._heard = True
        self._window = self._slots if told is not None else min(self._slots, max(self._window, self.in_flight) * 2)
        return self.learn(ticket, told, now)

    def learn(self, ticket: Ticket, told: RateLimits | None, now: float) -> str | None:
        """Believe the headers of a reply that is no answer. Returns what changed, for people."""
        return None if told is None else self._learn(ticket, told, now)

    def refused(self, ticket: Ticket, told: RateLimits | None, *, until: float, now: float) -> str | None:
        """A 429: pause the account ``until`` then, and send more slowly afterwards. Returns what changed, for people.

        Requests that were under way at the last cut do not cut again: they say nothing of the pace since then. Nor do those that left before the limit
        was known: nobody kept to it yet, and what was set aside for them then was not taken.
        """
        self._refusals += 1
        self._accepted.refused(ticket.sent_at)
        self._paused_until = max(self._paused_until, until)
        known = {id(bucket) for _, bucket in self._buckets(ticket.model)}
        news = [self.learn(ticket, told, now)]
        late = ticket.sent_at < self._shrunk_at
        for kind, bucket in self._refusing(ticket, now):
            if _used_up(ticket, told, kind):
                kept_to = bucket.guessed or ticket.number > bucket.since
                if not kept_to and id(bucket) in known:
                    bucket.take(-ticket.amount(kind))
                cut = kept_to and not late
                bucket.refuse(cut=cut, until=until, now=now)
                news.append(f"{bucket.name}: down to {bucket.per_second * 60:.0f}" if cut else None)
        self._shrunk_at = self._shrunk_at if late else now
        return "; ".join(part for part in news if part) or None

    def explained(self, ticket: Ticket, told: RateLimits | None) -> bool:
        """Whether a 429 is due to a limit that its headers tell, so that its bucket says when the next request may go."""
        return any(getattr(told, kind, None) is not None and _used_up(ticket, told, kind) for kind in KINDS)

    def _refusing(self, ticket: Ticket, now: float) -> list[tuple[Kind, Bucket]]:
        """The limits that may be behind a refusal; a guessed one if none is known and pauses alone do not help."""
        buckets = self._buckets(ticket.model)
        if buckets or not self._accepted.few:
            return buckets
        guess = self._accepted.per_second(now) * 60
        bucket = Bucket.starting(_NAMES["requests"], guess, now=now, since=self._sent, guessed=True)
        self._latest = self._told[ticket.model] = {"requests": bucket}
        self._heard, self._window = True, self._slots
        return [("requests", bucket)]

    @property
    def refusals(self) -> int:
        """429s since the last answer."""
        return self._refusals

    def _buckets(self, model: str) -> list[tuple[Kind, Bucket]]:
        told = self._told.get(model)
        if told is None and model in self._asked:
            told = self._latest
        if told is None:
            return list(self._fixed.items()) if self._fixed else []
        return [*self._fixed.items(), *told.items()]

    def _needs(self, request: Request, buckets: list[tuple[Kind, Bucket]]) -> tuple[float, float]:
        """Tokens in and out as estimated before; nothing is counted where no limit asks for it."""
        if all(kind == "requests" for kind, _ in buckets):
            return 0.0, 0.0
        return input_estimate(request), self._output.get(request.model) or _most_output(request)

    def _settle(self, ticket: Ticket, usage: Usage) -> None:
        sent, got = usage.input_tokens, usage.output_tokens
        if got is not None:
            mean = self._output.get(ticket.model, float(got))
            self._output[ticket.model] = max(1.0, mean + _LEARNING * (got - mean))
        if not ticket.input_tokens:
            return
        more_in = 0.0 if sent is None else sent - ticket.input_tokens
        more_out = 0.0 if got is None else got - ticket.output_tokens
        for kind, bucket in self._buckets(ticket.model):
            if kind != "requests":
                bucket.take(_amount(kind, more_in, more_out))

    def _learn(self, ticket: Ticket, told: RateLimits, now: float) -> str | None:
        mine = self._told.setdefault(ticket.model, {})
        news = None
        for kind in KINDS:
            window = getattr(told, kind)
            if window is None or window.limit is None or not _SMALLEST <= window.limit < math.inf:
                continue
            window = window.part(self._workers)
            bucket, first = mine.get(kind), False
            if bucket is None or bucket.guessed or bucket.per_minute != window.limit:
                bucket, first = self._joined(kind, window.limit, now)
                mine[kind] = bucket
                news = f"{bucket.name}: {window.limit:g}"
            ahead = min(self.in_flight - 1, self._sent - ticket.number) if kind == "requests" else 0
            bucket.learn(window, first=first, ahead=ahead, now=now)
        self._latest = mine or self._latest
        return news

    def _joined(self, kind: Kind, limit: float, now: float) -> tuple[Bucket, bool]:
        """The bucket of another model that is told the same limit, or a new one."""
        for others in self._told.values():
            bucket = others.get(kind)
            if bucket is not None and bucket.per_minute == limit and not bucket.guessed:
                return bucket, False
        return Bucket.starting(_NAMES[kind], limit, now=now, since=self._sent), True


def _used_up(ticket: Ticket, told: RateLimits | None, kind: Kind) -> bool:
    """Whether a limit may be behind the refusal of ``ticket``: all but those of which the headers say that enough is left."""
    window = getattr(told, kind, None)
    return window is None or window.remaining is None or window.remaining < max(1.0, ticket.amount(kind))


def _amount(kind: Kind, input_tokens: float, output_tokens: float) -> float:
    if kind == "requests":
        return 1.0
    if kind == "tokens":
        return input_tokens + output_tokens
    return input_tokens if kind == "input_tokens" else output_tokens


def _most_output(request: Request) -> float:
    """Output tokens to reckon with before any answer of the model is known."""
    if request.kind != "chat":
        return 0.0
    most = request.params.get("max_output_tokens")
    return float(most) if isinstance(most, int) else _USUAL_OUTPUT_TOKENS
