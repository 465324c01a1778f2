"""Handing in: what waits becomes batches, each noted before the vendor hears of it; what could not be handed in says why."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import Counter
from typing import TYPE_CHECKING, TypeVar

from evalkit.engine.retry import backoff, told_wait
from evalkit.errors import RETRYABLE, CallError
from evalkit.harness.batch.queue import affordable, chunks, sum_usd
from evalkit.store.batches import Batch

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence
    from random import Random

    from evalkit.engine.policy import Policy
    from evalkit.errors import FailureKind
    from evalkit.harness.batch.queue import Ceilings, Waiting
    from evalkit.providers.batch import BatchApi
    from evalkit.providers.redact import Redactor
    from evalkit.store.batches import BatchLog

T = TypeVar("T")

_TRIES = 4
_REFUSED_FOR_NOW: frozenset[FailureKind] = frozenset({"rate_limited", "overloaded"})
_PERHAPS_MADE: frozenset[FailureKind] = frozenset({"connection", "timeout", "server", "bad_response"})


class Submitter:
    """Hands in batches and notes them in ``log``. ``api`` opens a provider's batch API. Lives on one event loop.

    ``unsent`` says of every request that is in no batch, or may be in none, why, as the end of a sentence about it; ``notes`` are for the user.
    """

    def __init__(
        self, log: BatchLog, *, api: Callable[[str], BatchApi], policy: Policy, random: Random, redactor: Redactor
    ) -> None:
        self.unsent: dict[str, str] = {}
        self.notes: list[str] = []
        self._log = log
        self._api = api
        self._policy = policy
        self._random = random
        self._redactor = redactor

    async def hand_in(self, queue: Iterable[Waiting], ceilings: Ceilings) -> None:
        """Hand in ``queue`` as far as ``ceilings`` allow, open batches counted. Raises StoreError; what a vendor says goes into the notes."""
        waiting = list(queue)
        chosen = affordable(waiting, self._log.open, ceilings)
        if left := waiting[len(chosen) :]:
            self._keep_back(left, "could not be handed in (a ceiling)")
            self._note(
                f"{counted(len(left), 'request')} {'was' if len(left) == 1 else 'were'} not handed in: with what is open they could pass a "
                "ceiling (--max-cost, --max-tokens, --max-calls), or their price is unknown"
            )
        done: Counter[str] = Counter()
        for provider in dict.fromkeys(one.provider for one in chosen):
            done += await self._hand_in_all(provider, [one for one in chosen if one.provider == provider])
        if done:
            batches = counted(done["batches"], "batch", "batches")
            self._note(f"submitted {batches}, {counted(done['requests'], 'request')}")
        if self._log.open:
            self._note("come back with: evalkit run --resume (or add --wait)")
        elif self.unsent:
            self._note("nothing is lost; when that is mended, go on with: evalkit run --resume")

    async def _hand_in_all(self, provider: str, waiting: Sequence[Waiting]) -> Counter[str]:
        """Hand in one provider's requests until it refuses a batch; how many batches and requests it took."""
        done: Counter[str] = Counter()
        left = list(chunks(waiting, self._api(provider).limits))
        while left:
            refused = await self._hand_in_one(provider, left[0])
            if refused is not None:
                self._keep_back([one for chunk in left[1:] for one in chunk], f"could not be handed in ({refused})")
                break
            done += Counter(batches=1, requests=len(left.pop(0)))
        return done

    async def _hand_in_one(self, provider: str, chunk: Sequence[Waiting]) -> str | None:
        """Hand in one batch. Returns None if the provider took it, else who refused it and how."""
        api, marker, group = self._api(provider), secrets.token_hex(16), chunk[0].group
        tokens = sum(one.tokens for one in chunk)
        batch = Batch(marker, provider, group, len(chunk), time.time(), sum_usd(chunk), tokens)
        self._log.intend(batch, [one.request for one in chunk])
        entries = [one.entry for one in chunk]
        perhaps: frozenset[FailureKind] = frozenset()
        try:
            file = await self._tried(lambda: api.upload(entries, marker=marker), RETRYABLE)
            perhaps = _PERHAPS_MADE
            name = await self._tried(
                lambda: api.submit(entries, file=file, group=group, marker=marker), _REFUSED_FOR_NOW
            )
        except CallError as error:
            self._refused(marker, provider, chunk, error, unsure=error.kind in perhaps)
            return f"{provider}: {error.kind}"
        self._log.submitted(marker, name)
        return None

    def _refused(self, marker: str, provider: str, chunk: Sequence[Waiting], error: CallError, *, unsure: bool) -> None:
        told = self._redactor.text(error.message)
        if unsure:
            self._keep_back(chunk, f"may not have been handed in ({provider}: {error.kind})")
            self._note(f"it is not known whether {provider} took a batch of {len(chunk)} ({told}): looked up next time")
            return
        self._log.dropped(marker, told)
        self._keep_back(chunk, f"could not be handed in ({provider}: {error.kind})")
        hint = f" ({error.hint})" if error.hint else ""
        if error.kind == "model_not_found":  # 404: the model, or the whole API
            hint += "; a server without a batch API is asked directly with --mode cache"
        verb = "did not take" if error.kind in RETRYABLE else "refused"
        self._note(f"{provider} {verb} a batch of {len(chunk)}: {error.kind}: {told}{hint}")

    def _keep_back(self, waiting: Iterable[Waiting], why: str) -> None:
        self.unsent.update((one.request.key, why) for one in waiting)

    async def _tried(self, work: Callable[[], Awaitable[T]], again: frozenset[FailureKind]) -> T:
        return await patiently(work, again, policy=self._policy, random=self._random)

    def _note(self, text: str) -> None:
        self.notes.append(self._redactor.text(text))


async def patiently(
    work: Callable[[], Awaitable[T]], again: frozenset[FailureKind], *, policy: Policy, random: Random
) -> T:
    """Do ``work``, a few times over if it fails in one of the ways ``again``. Raises the last CallError."""
    tries = 0
    while True:
        tries += 1
        try:
            return await work()
        except CallError as error:
            told = error.retry_after_s
            if error.kind not in again or tries == _TRIES or (told or 0) > policy.max_retry_after_s:
                raise
        await asyncio.sleep(backoff(tries, policy, random) if told is None else told_wait(told, random))


def counted(number: int, noun: str, plural: str = "") -> str:
    """``1 batch``, ``2,000 requests``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
