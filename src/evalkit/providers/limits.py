"""What a reply's headers say about the account's rate limits. Headers are hostile: what is no sane number is unknown."""

from __future__ import annotations

import re
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from evalkit.rates import RateLimits, RateWindow

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_OPENAI = "x-ratelimit-"
_ANTHROPIC = "anthropic-ratelimit-"
_LONGEST_S = 86_400 * 31
"""Seconds: no provider has a window of more than a month, so a longer one is nonsense."""

_NUMBER = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,6})?", re.ASCII)
_PART = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|[dhms])", re.ASCII)
_DURATION = re.compile(rf"(?:{_PART.pattern}){{1,5}}", re.ASCII)
_UNIT_S: Mapping[str, float] = {"d": 86_400, "h": 3_600, "m": 60, "s": 1, "ms": 0.001}


def rate_limits(headers: Mapping[str, str], *, now: float) -> RateLimits | None:
    """Return the limits in a reply's ``headers`` (lower-case names), or None if there is none.

    ``now`` (Unix time in seconds) is believed only where the reply has no date of its own.

    OpenAI, and the many servers that copy it: ``x-ratelimit-{limit,remaining,reset}-{requests,tokens}``, where reset is a
    duration (``6m0s``, ``20ms``). Anthropic: ``anthropic-ratelimit-{requests,tokens,input-tokens,output-tokens}-{…}``, where
    reset is an RFC 3339 time.
    """
    told = {name: text for name, text in headers.items() if "ratelimit-" in name}
    if not told:
        return None

    def openai(what: str) -> RateWindow | None:
        return _window(lambda part: told.get(f"{_OPENAI}{part}-{what}"), reset=_duration_s)

    def anthropic(what: str) -> RateWindow | None:
        return _window(
            lambda part: told.get(f"{_ANTHROPIC}{what}-{part}"),
            reset=lambda text: _until_s(text, sent_at(headers, clock=now)),
        )

    found = RateLimits(
        requests=openai("requests") or anthropic("requests"),
        tokens=openai("tokens") or anthropic("tokens"),
        input_tokens=anthropic("input-tokens"),
        output_tokens=anthropic("output-tokens"),
    )
    return None if found == RateLimits() else found


def sent_at(headers: Mapping[str, str], *, clock: float) -> float:
    """Return the Unix time at which a reply was sent: its ``Date`` (RFC 9110, 6.6.1), or else this machine's ``clock``.

    Times in other headers are the sender's too, so that a clock which is wrong here changes no wait.
    """
    try:
        return parsedate_to_datetime(headers.get("date", "")).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return clock


def should_retry(headers: Mapping[str, str]) -> bool | None:
    """Return what ``x-should-retry`` says, by which a provider overrules what the status would mean; None if nothing."""
    return {"true": True, "false": False}.get(headers.get("x-should-retry", "").strip().lower())


def _window(header: Callable[[str], str | None], *, reset: Callable[[str], float | None]) -> RateWindow | None:
    reset_text = header("reset")
    window = RateWindow(
        limit=_number(header("limit")),
        remaining=_number(header("remaining")),
        reset_s=None if reset_text is None else reset(reset_text.strip()),
    )
    return None if window == RateWindow() else window


def _number(text: str | None) -> float | None:
    return float(text) if text is not None and _NUMBER.fullmatch(text.strip()) else None


def _duration_s(text: str) -> float | None:
    """Seconds of ``1h2m3.5s`` or ``20ms``, or of a plain number."""
    if _NUMBER.fullmatch(text):
        return _sane(float(text))
    if not _DURATION.fullmatch(text):
        return None
    return _sane(sum(float(number) * _UNIT_S[unit] for number, unit in _PART.findall(text)))


def _until_s(text: str, now: float) -> float | None:
    """Seconds from ``now`` to an RFC 3339 time; 0 if that has passed."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if moment.tzinfo is None else _sane(max(0.0, moment.timestamp() - now))


def _sane(seconds: float) -> float | None:
    return seconds if seconds <= _LONGEST_S else None
