"""The pure rules behind a provider's refusal."""

from __future__ import annotations

from email.utils import formatdate
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.errors import FATAL, RETRYABLE, FailureKind
from evalkit.providers.failures import classify, clean, error_body, retry_after_s, status_error

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": " 0.5 "}, 0.5),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": formatdate(NOW + 30, usegmt=True)}, 30.0),
        ({"retry-after": formatdate(NOW - 30, usegmt=True)}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "1e9"}, None),
        ({"retry-after": "٣"}, None),
        ({"retry-after": "12345678901234"}, None),
        ({"retry-after-ms": "nan", "retry-after": "3"}, 3.0),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "Wed, 99 Foo 2026 99:99:99 GMT"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_seconds_milliseconds_or_a_date(headers, seconds):
    """What is no reasonable wait is ignored, so that our own back-off decides."""
    assert retry_after_s(headers, now=NOW) == seconds


@given(st.text(max_size=40))
def test_no_header_can_crash_the_parser(text):
    """Any text gives a wait of at least zero, or none."""
    wait = retry_after_s({"retry-after": text, "retry-after-ms": text}, now=NOW)
    assert wait is None or wait >= 0


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"error": {"message": "m", "type": "T", "code": None}}, "m"),
        ({"message": "m", "type": "T"}, "m"),
        ({"error": "m"}, "m"),
        ({"detail": "m"}, "m"),
        ("m", "m"),
        (None, ""),
        ([], ""),
        ({"error": {"message": None}}, ""),
    ],
)
def test_error_bodies_of_every_server_are_read(body, message):
    """OpenAI, Anthropic, Ollama, FastAPI and plain text."""
    assert error_body(body).message == message


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "message", "code", "type", "detail", "details", "error_code"]), inner
        )
    ),
    max_leaves=8,
)


@given(st.integers(300, 599), JSON)
def test_any_status_and_body_is_one_known_kind(status, body):
    """No body crashes the classification, and the kind is one of the closed set."""
    failure = status_error(status, headers={}, body=body, now=NOW)
    assert failure.kind in get_args(FailureKind)
    assert len(failure.message) < 300


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (429, {"error": {"code": "insufficient_quota"}}, "quota"),
        (400, {"error": {"type": "x", "message": "Your credit balance is too low to access"}}, "quota"),
        (429, {"error": {"details": {"error_code": "enforced_spend_limit_reached"}}}, "quota"),
        (400, {"error": {"code": "context_length_exceeded"}}, "too_long"),
        (400, {"error": {"message": "This model's maximum context length is 8192 tokens"}}, "too_long"),
        (500, {"error": {"message": "the context window of the server is closed"}}, "server"),
        (500, {"error": {"type": "overloaded_error"}}, "overloaded"),
        (400, {"error": {"code": "model_not_found"}}, "model_not_found"),
        (407, {}, "auth"),
        (425, {}, "server"),
        (418, {}, "bad_request"),
        (599, {}, "server"),
        (302, {}, "bad_response"),
    ],
)
def test_the_body_wins_over_the_status(status, body, kind):
    """What cannot succeed on a second try is never told as something that can."""
    assert classify(status, error_body(body)) == kind


def test_what_is_retried_and_what_stops_the_run_do_not_overlap():
    """The kinds of exhausted accounts and wrong keys are fatal, never retried."""
    assert {"auth", "quota", "model_not_found"} == set(FATAL)
    assert not FATAL & RETRYABLE


@given(st.text(max_size=3_000))
def test_shown_text_is_short_printable_and_encodable(text):
    """Whatever a server says fits on one line of any terminal and file."""
    shown = clean(text)
    assert len(shown) <= 201
    assert shown.isprintable()
    shown.encode()
