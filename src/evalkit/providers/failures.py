"""What a provider's refusal means: HTTP status, headers and error body in, one ``CallError`` out. Pure, no SDK."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from evalkit.errors import CallError
from evalkit.providers.limits import rate_limits, sent_at, should_retry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalkit.errors import FailureKind

EXCERPT = 200
"""How many characters of a provider's text a message shows."""

_QUOTA_CODES = frozenset({
    "insufficient_quota",
    "billing_error",
    "billing_hard_limit_reached",
    "billing_not_active",
    "enforced_spend_limit_reached",
    "contract_spend_limit_reached",
    "linked_organization_spend_limit_reached",
})
_TOO_LONG_CODES = frozenset({"context_length_exceeded", "string_above_max_length", "request_too_large"})
_TOO_LONG_TEXT = (
    "maximum context length",
    "context window",
    "context_length",
    "prompt is too long",
    "available context size",
)
_BY_STATUS: Mapping[int, FailureKind] = {
    401: "auth",
    402: "quota",
    403: "auth",
    407: "auth",
    404: "model_not_found",
    408: "timeout",
    409: "server",
    413: "too_long",
    425: "server",
    429: "rate_limited",
    503: "overloaded",
    529: "overloaded",
}
_BY_CODE: Mapping[str, FailureKind] = {
    "overloaded_error": "overloaded",
    "rate_limit_exceeded": "rate_limited",
    "model_not_found": "model_not_found",
    "invalid_api_key": "auth",
    "server_error": "server",
}
_BY_CODE_INSIDE: Mapping[str, FailureKind] = {
    "api_error": "server",
    "internal_server_error": "server",
    "rate_limit_error": "rate_limited",
    "timeout_error": "timeout",
    "authentication_error": "auth",
    "permission_error": "auth",
    "not_found_error": "model_not_found",
    "invalid_request_error": "bad_request",
}
"""For an error told inside a good status, where no status tells the kind."""
_HINTS: Mapping[FailureKind, str] = {
    "auth": "check the key in the environment, and that it may use this model",
    "quota": "the account has no credit left or reached its spend limit; see the provider's billing page",
    "model_not_found": "check the model's name, and base_url in [tool.evalkit.providers]",
    "too_long": "shorten the prompt or choose a model with a larger context window",
    "bad_response": "check base_url in [tool.evalkit.providers] and any proxy in between",
}
PROXY_HINT = "a proxy in between wants a login: see HTTPS_PROXY and NO_PROXY"
"""What to do about a 407, wherever it was met."""

_SECONDS = re.compile(r"[0-9]{1,7}(?:\.[0-9]{1,6})?", re.ASCII)
_BLANKS = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """What an error body says: its ``message``, and every ``type`` or ``code`` in it, in lower case."""

    message: str
    codes: frozenset[str]


def clean(text: str, *, limit: int = EXCERPT) -> str:
    """Return ``text`` on one line: no control characters, no lone surrogates, at most ``limit`` characters."""
    head = _BLANKS.sub(" ", text[: limit * 4]).strip()
    shown = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in head)
    return shown if len(shown) <= limit and len(text) <= limit * 4 else f"{shown[:limit]}…"


def error_body(body: object) -> ErrorBody:
    """Read an error body of any of the shapes in use.

    ``{"error": {"message", "type", "code"}}`` (OpenAI, Anthropic), the inner object alone (as the OpenAI SDK hands it over),
    ``{"error": "text"}`` (Ollama), ``{"detail": …}`` (FastAPI servers such as vLLM), or plain text.
    """
    if not isinstance(body, dict):
        return ErrorBody(clean(str(body)) if body else "", frozenset())
    inner = body.get("error", body)
    if not isinstance(inner, dict):
        return ErrorBody(clean(str(inner)), frozenset())
    details = inner.get("details")
    found = [inner.get("type"), inner.get("code"), details.get("error_code") if isinstance(details, dict) else None]
    message = inner.get("message") or inner.get("detail") or ""
    return ErrorBody(clean(str(message)), frozenset(code.lower() for code in found if isinstance(code, str)))


def classify(status: int, body: ErrorBody) -> FailureKind:
    """Return the kind of failure behind an HTTP ``status``, or behind an error told inside a good one. What the body says wins over the status."""
    text = body.message.lower()
    if body.codes & _QUOTA_CODES or "credit balance is too low" in text:
        return "quota"
    if body.codes & _TOO_LONG_CODES or (status in {400, 422} and any(part in text for part in _TOO_LONG_TEXT)):
        return "too_long"
    by_code = _BY_CODE if status >= 300 else {**_BY_CODE, **_BY_CODE_INSIDE}
    for code, kind in by_code.items():
        if code in body.codes:
            return kind
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status >= 500:
        return "server"
    return "bad_request" if status >= 400 else "bad_response"


def retry_after_s(headers: Mapping[str, str], *, now: float) -> float | None:
    """Return how many seconds the provider asks to wait, or None.

    ``headers`` has lower-case names. ``retry-after-ms`` wins over ``retry-after``, which is seconds or an HTTP date (RFC 9110,
    10.2.3) compared with the reply's own date, or with ``now`` (Unix seconds) if it has none. A negative number, a date in the past or anything else is ignored.
    """
    millis = headers.get("retry-after-ms", "").strip()
    if _SECONDS.fullmatch(millis):
        return float(millis) / 1000
    text = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    try:
        wait = parsedate_to_datetime(text).timestamp() - sent_at(headers, clock=now)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return wait if math.isfinite(wait) and wait > 0 else None


def status_error(status: int, *, headers: Mapping[str, str], body: object, now: float) -> CallError:
    """Return the error for a reply with a status of 300 or more."""
    told = error_body(body)
    kind = classify(status, told)
    message = f"HTTP {status}{': ' if told.message else ''}{told.message}"
    if 300 <= status < 400:
        message = (
            f"HTTP {status}: the endpoint redirects to {clean(headers.get('location', 'nowhere'))!r}; not followed"
        )
    wait = retry_after_s(headers, now=now)
    if wait is not None:
        message = f"{message}; it asks to wait {wait:g} s"
    return CallError(
        message,
        kind=kind,
        status=status,
        retry_after_s=wait,
        hint=PROXY_HINT if status == 407 else _HINTS.get(kind),
        should_retry=False if 300 <= status < 400 else should_retry(headers),
        limits=rate_limits(headers, now=now),
    )


def told_error(body: Mapping[str, Any], *, status: int = 200) -> CallError | None:
    """Return the error that a reply with a good status reports in its body (``{"error": {…}}``), or None."""
    if not body.get("error"):
        return None
    told = error_body(body)
    kind = classify(status, told)
    return CallError(f"HTTP {status} with an error inside: {told.message or 'no message'}", kind=kind, status=status)


def bad_response(problem: str, *, content_type: str, body: bytes, status: int = 200) -> CallError:
    """Return the error for a good status whose ``body`` is not an answer; it shows content type and first characters."""
    shown = clean(body[: EXCERPT * 4].decode("utf-8", "replace"))
    return CallError(
        f"HTTP {status} but {problem}; content-type {clean(content_type or 'none', limit=60)}, body {shown!r}",
        kind="bad_response",
        status=status,
        hint=_HINTS["bad_response"],
    )
