"""Rate limits as headers tell them: every vendor's way of writing, and headers that lie."""

from __future__ import annotations

import math
from dataclasses import astuple
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.providers.limits import rate_limits, should_retry
from evalkit.rates import RateLimits, RateWindow

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def read(headers: dict[str, str]) -> RateLimits | None:
    return rate_limits(headers, now=NOW.timestamp())


def test_openais_limits_are_read():
    """Requests and tokens, each with limit, rest and the time until it is full."""
    headers = {
        "x-ratelimit-limit-requests": "60",
        "x-ratelimit-remaining-requests": "59",
        "x-ratelimit-reset-requests": "1s",
        "x-ratelimit-limit-tokens": "150000",
        "x-ratelimit-remaining-tokens": "149984",
        "x-ratelimit-reset-tokens": "6m0s",
    }
    assert read(headers) == RateLimits(requests=RateWindow(60, 59, 1), tokens=RateWindow(150_000, 149_984, 360))


def test_anthropics_limits_are_read():
    """Input and output tokens apart, and a time of day instead of a duration."""
    later = (NOW + timedelta(seconds=90)).isoformat().replace("+00:00", "Z")
    headers = {
        "anthropic-ratelimit-requests-limit": "50",
        "anthropic-ratelimit-requests-remaining": "49",
        "anthropic-ratelimit-requests-reset": later,
        "anthropic-ratelimit-input-tokens-limit": "30000",
        "anthropic-ratelimit-output-tokens-remaining": "7999",
        "anthropic-ratelimit-tokens-reset": later,
    }
    assert read(headers) == RateLimits(
        requests=RateWindow(50, 49, 90),
        tokens=RateWindow(reset_s=90),
        input_tokens=RateWindow(limit=30_000),
        output_tokens=RateWindow(remaining=7_999),
    )


def test_no_header_is_no_limit():
    """A server that says nothing of limits is unknown, not unlimited."""
    assert read({"content-type": "application/json"}) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("20ms", 0.02),
        ("1s", 1),
        ("6m0s", 360),
        ("1h2m3.5s", 3723.5),
        ("2d", 172_800),
        ("1m30ms", 60.03),
        ("12", 12),
        (" 7.66s ", 7.66),
        ("0s", 0),
        ("400d", None),
        ("-1s", None),
        ("1e3s", None),
        ("soon", None),
        ("1s" * 50, None),
        ("٣s", None),
        ("", None),
        ("nan", None),
    ],
)
def test_durations(text, seconds):
    """Go's way of writing durations; what is none, or longer than a month, is unknown."""
    window = (read({"x-ratelimit-limit-tokens": "9", "x-ratelimit-reset-tokens": text}) or RateLimits()).tokens
    assert window == RateWindow(limit=9, reset_s=None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-11-21T12:00:30Z", 30),
        ("2026-11-21T13:00:30+01:00", 30),
        ("2026-11-21T11:00:00Z", 0),
        ("2026-11-21T12:00:30", None),
        ("2199-01-01T00:00:00Z", None),
        ("9999-99-99", None),
    ],
)
def test_times(text, seconds):
    """A time without a zone could be any, and one in the past has come already."""
    headers = {"anthropic-ratelimit-tokens-limit": "9", "anthropic-ratelimit-tokens-reset": text}
    assert (read(headers) or RateLimits()).tokens == RateWindow(limit=9, reset_s=seconds)


NAMES = [f"x-ratelimit-{part}-{what}" for part in ("limit", "remaining", "reset") for what in ("requests", "tokens")]
NAMES += [f"anthropic-ratelimit-tokens-{part}" for part in ("limit", "remaining", "reset")]


@given(st.dictionaries(st.sampled_from(NAMES), st.text(max_size=30) | st.from_regex(r"\A[0-9.hms:TZ+-]{1,30}\Z")))
def test_no_header_can_crash_the_reader(headers):
    """Whatever a server sends, each number is finite and not negative, or unknown."""
    found = read(headers)
    for window in filter(None, astuple(found) if found else ()):
        assert all(number is None or (math.isfinite(number) and number >= 0) for number in window)


@pytest.mark.parametrize(
    ("text", "told"),
    [("true", True), (" False ", False), ("yes", None), ("", None)],
    ids=["true", "false", "other", ""],
)
def test_what_the_provider_says_about_trying_again(text, told):
    """Only the two words count."""
    assert should_retry({"x-should-retry": text}) is told
    assert should_retry({}) is None
