"""Whether to try again and when: a pure decision, so it is checked for many situations."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from evalkit.engine.policy import Policy
from evalkit.engine.retry import wait_before_retry
from evalkit.errors import RETRYABLE, CallError


@given(
    attempt=st.integers(1, 10),
    left=st.floats(0, 1000),
    told=st.none() | st.floats(0, 5000),
    seed=st.integers(0, 1000),
    kind=st.sampled_from(["rate_limited", "server", "auth", "bad_request", "bad_response", "timeout"]),
)
def test_a_wait_fits_into_what_is_left_and_is_never_shorter_than_told(
    attempt: int, left: float, told: float | None, seed: int, kind: str
) -> None:
    """No wait outlives the deadline, none is shorter than the provider asked, and hopeless failures are not retried."""
    policy = Policy(retries=4)
    failure = CallError("x", kind=kind, retry_after_s=told)  # type: ignore[arg-type]
    wait = wait_before_retry(failure, attempt=attempt, left_s=left, policy=policy, random=Random(seed))
    if kind not in RETRYABLE and kind != "bad_response":
        assert wait is None
    if attempt > policy.retries:
        assert wait is None
    if wait is not None:
        assert 0 <= wait < left
        assert told is None or wait >= told
        assert told is not None or wait <= policy.max_backoff_s


def test_two_clients_told_the_same_moment_do_not_come_back_together() -> None:
    """A told wait is lengthened by a random share, so that a herd spreads out."""
    failure = CallError("x", kind="rate_limited", retry_after_s=10)
    waits = {
        wait_before_retry(failure, attempt=1, left_s=100, policy=Policy(), random=Random(seed)) for seed in range(20)
    }
    assert len(waits) == 20
