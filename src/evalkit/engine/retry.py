"""Whether to try again, and after how long: a pure decision."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from evalkit.errors import FATAL, RETRYABLE, CallError

if TYPE_CHECKING:
    from random import Random

    from evalkit.engine.policy import Policy
    from evalkit.errors import FailureKind

_TOLD_JITTER = 0.1
_IN_A_ROW_PER_DOUBLING = 4


@dataclass(slots=True)
class Failures:
    """What one call met so far: failures by kind."""

    by_kind: dict[FailureKind, int] = field(default_factory=dict)

    def add(self, kind: FailureKind) -> None:
        """Count one."""
        self.by_kind[kind] = self.by_kind.get(kind, 0) + 1

    @property
    def counted(self) -> int:
        """Those that use up retries: a 429 is no fault of the call, and only the deadline bounds it."""
        return sum(count for kind, count in self.by_kind.items() if kind != "rate_limited")

    def doublings(self, in_a_row: int) -> int:
        """How often the wait has doubled: the more, the longer the account has answered nobody.

        While it answers others, more patience would help nobody and hold up the run; a provider that says it is overloaded is spared.
        """
        return max(min(self.counted - 1, in_a_row // _IN_A_ROW_PER_DOUBLING), self.by_kind.get("overloaded", 0) - 1, 0)

    @property
    def malformed(self) -> int:
        """Good statuses with a body that is no answer."""
        return self.by_kind.get("bad_response", 0)


def told_wait(seconds: float, random: Random) -> float:
    """A wait that a provider asked for, lengthened by up to 10%: clients that were told the same must not come back in step."""
    return seconds * (1 + random.random() * _TOLD_JITTER)


def backoff(doublings: int, policy: Policy, random: Random) -> float:
    """Exponential with full jitter (Brooker, *Exponential Backoff And Jitter*, AWS Architecture Blog, 2015)."""
    return random.uniform(0, min(policy.max_backoff_s, policy.backoff_s * 2 ** min(doublings, 30)))


def too_long(failure: CallError, *, left_s: float, policy: Policy) -> bool:
    """Whether the provider asks for more patience than the policy or the call's deadline has."""
    told = failure.retry_after_s
    return told is not None and (told > policy.max_retry_after_s or told >= left_s)


def wait_before_retry(
    failure: CallError, *, met: Failures, in_a_row: int, left_s: float, policy: Policy, random: Random
) -> float | None:
    """Return the seconds to wait before the next try, or None to give up.

    ``met`` holds this failure and those before it; ``in_a_row`` is how many of the account's attempts failed since its last answer,
    ``left_s`` what remains of the call's deadline. What the provider says
    (``should_retry``) wins over the kind of failure. After a 429 the call itself waits 0: its whole account is paused instead.
    """
    hopeful = failure.kind in RETRYABLE or failure.kind == "bad_response"
    if failure.kind in FATAL or not (hopeful if failure.should_retry is None else failure.should_retry):
        return None
    if too_long(failure, left_s=left_s, policy=policy) or left_s <= 0:
        return None
    if failure.kind == "rate_limited":
        return 0.0
    if met.counted > policy.retries or met.malformed > policy.malformed_retries:
        return None
    told = failure.retry_after_s
    wait = backoff(met.doublings(in_a_row), policy, random) if told is None else told_wait(told, random)
    return wait if wait < left_s else None


def explained(failure: CallError, *, left_s: float, policy: Policy) -> CallError:
    """Return ``failure``, saying why it was not waited for if the provider asked for too long a pause."""
    told = failure.retry_after_s
    if told is None or not too_long(failure, left_s=left_s, policy=policy):
        return failure
    most = min(policy.max_retry_after_s, max(left_s, 0.0))
    return CallError(
        f"{failure.message} (the provider asks to wait {told:g} s; at most {most:.0f} s would have been waited)",
        kind=failure.kind,
        status=failure.status,
        hint="run again later: only what is missing is paid; or set a larger deadline_s",
    )
