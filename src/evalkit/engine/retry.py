"""Whether to try again, and after how long: a pure decision."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalkit.errors import RETRYABLE, CallError

if TYPE_CHECKING:
    from random import Random

    from evalkit.engine.policy import Policy


def wait_before_retry(
    failure: CallError, *, attempt: int, left_s: float, policy: Policy, random: Random
) -> float | None:
    """Return the seconds to wait before the next try, or None to give up.

    ``attempt`` is the number of the try that just failed, from 1; ``left_s`` what remains of the call's deadline. A malformed
    200 gets one more try. A told wait is obeyed and lengthened by up to 10%, so that clients that were told the same moment do not
    come back in step; otherwise the wait is exponential with full jitter (the "full jitter" of Brooker, *Exponential Backoff And
    Jitter*, AWS Architecture Blog, 2015).
    """
    tries = 1 if failure.kind == "bad_response" else policy.retries
    if attempt > tries or (failure.kind not in RETRYABLE and failure.kind != "bad_response"):
        return None
    if failure.retry_after_s is not None:
        wait = failure.retry_after_s * (1 + random.random() / 10)
    else:
        wait = random.uniform(0, min(policy.max_backoff_s, policy.backoff_s * 2 ** (attempt - 1)))
    return wait if wait < left_s else None
