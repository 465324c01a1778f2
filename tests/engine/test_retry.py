"""Whether to try again and when: a pure decision, so it is checked for many situations."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.engine.policy import Policy
from evalkit.engine.retry import Failures, explained, wait_before_retry
from evalkit.errors import FATAL, RETRYABLE, CallError

KINDS = [
    "rate_limited",
    "server",
    "overloaded",
    "connection",
    "timeout",
    "auth",
    "quota",
    "bad_request",
    "bad_response",
]


def met(*kinds: str) -> Failures:
    failures = Failures()
    for kind in kinds:
        failures.add(kind)  # type: ignore[arg-type]
    return failures


def wait(
    failure: CallError,
    *before: str,
    left_s: float = 300,
    policy: Policy | None = None,
    seed: int = 1,
    in_a_row: int = 1,
) -> float | None:
    return wait_before_retry(
        failure,
        met=met(*before, failure.kind),
        in_a_row=in_a_row,
        left_s=left_s,
        policy=policy or Policy(),
        random=Random(seed),
    )


@given(
    before=st.lists(st.sampled_from(KINDS), max_size=30),
    left=st.floats(-10, 1000),
    told=st.none() | st.floats(0, 5000),
    should=st.none() | st.booleans(),
    seed=st.integers(0, 1000),
    kind=st.sampled_from(KINDS),
)
def test_a_wait_fits_into_what_is_left_and_is_never_shorter_than_told(
    before: list[str], left: float, told: float | None, should: bool | None, seed: int, kind: str
) -> None:
    """No wait outlives the deadline or the policy's patience, none is shorter than told, hopeless failures are not retried."""
    policy = Policy()
    failure = CallError("x", kind=kind, retry_after_s=told, should_retry=should)  # type: ignore[arg-type]
    found = wait(failure, *before, left_s=left, policy=policy, seed=seed)
    if kind in FATAL or should is False or (should is None and kind not in RETRYABLE and kind != "bad_response"):
        assert found is None
    if told is not None and told > policy.max_retry_after_s:
        assert found is None
    if kind != "rate_limited" and sum(one != "rate_limited" for one in before) >= policy.retries:
        assert found is None
    if found is not None and kind != "rate_limited":
        assert 0 <= found < left
        assert told is None or found >= told
        assert told is not None or found <= policy.max_backoff_s


def test_two_clients_told_the_same_moment_do_not_come_back_together() -> None:
    """A told wait is lengthened by a random share, so that a herd spreads out."""
    failure = CallError("x", kind="overloaded", retry_after_s=10)
    waits = {wait(failure, seed=seed) for seed in range(20)}
    assert len(waits) == 20
    assert all(found is not None and 10 <= found <= 11 for found in waits)


def spread(*before: str, kind: str = "server", in_a_row: int = 1) -> list[float]:
    failure = CallError("x", kind=kind)  # type: ignore[arg-type]
    return [wait(failure, *before, in_a_row=in_a_row, seed=seed) or 0.0 for seed in range(200)]


def test_two_clients_that_were_told_nothing_do_not_come_back_together() -> None:
    """Without a told wait the pause is drawn from the whole range, which doubles while the account answers nobody."""
    first, alone, together = spread(), spread(*["server"] * 8), spread(*["server"] * 8, in_a_row=40)
    assert len(set(first)) == 200
    assert max(first) <= 0.5
    assert max(alone) <= 0.5, "others are answered: waiting longer would only hold up the run"
    assert min(together) < 1
    assert 7 < max(together) <= 8


def test_an_overloaded_provider_is_spared() -> None:
    """A 529 doubles the wait although others are answered."""
    assert 1 < max(spread("overloaded", "overloaded", kind="overloaded")) <= 2


def test_rate_limits_use_up_no_retries() -> None:
    """A case is never lost to a count under a plain rate limit: only the deadline bounds it."""
    assert wait(CallError("x", kind="rate_limited"), *["rate_limited"] * 500) == 0.0
    assert wait(CallError("x", kind="server"), *["rate_limited"] * 500) is not None
    assert wait(CallError("x", kind="rate_limited"), left_s=0) is None


@pytest.mark.parametrize(("told", "left_s", "most"), [(3600.0, 300.0, "120 s"), (50.0, 30.0, "30 s")])
def test_a_provider_that_asks_for_too_long_a_pause_is_quoted(told: float, left_s: float, most: str) -> None:
    """The failure says how long the provider asked for and how long would have been waited."""
    failure = CallError("slow down", kind="rate_limited", status=429, retry_after_s=told)
    assert wait(failure, left_s=left_s) is None
    said = explained(failure, left_s=left_s, policy=Policy())
    assert said.kind == "rate_limited"
    assert f"asks to wait {told:g} s" in said.message
    assert most in said.message
    assert explained(CallError("x", kind="server"), left_s=1, policy=Policy()).message == "x"


def test_malformed_bodies_have_a_smaller_bound_of_their_own() -> None:
    """They may have been billed, so a body that is always malformed is not asked for twenty times."""
    policy = Policy(malformed_retries=2)
    failure = CallError("html", kind="bad_response")
    assert wait(failure, "bad_response", policy=policy) is not None
    assert wait(failure, "bad_response", "bad_response", policy=policy) is None
    assert wait(failure, *["server"] * 5, policy=policy) is not None
