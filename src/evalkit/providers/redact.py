"""Taking secrets out of text before it is written to a journal, a recording or a report.

Found are the exact values of environment variables with a secret's name and of what providers are given (plain, URL-quoted, JSON-escaped,
base64, hex, and long ones that were cut), and a handful of key formats. Not found: a secret that is reversed, spaced out, or in another case.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SECRET_WORDS = frozenset({
    "apikey",
    "credential",
    "credentials",
    "key",
    "pass",
    "passphrase",
    "passwd",
    "password",
    "pat",
    "pgpassword",
    "secret",
    "token",
})
_PLACE_WORDS = frozenset({"dir", "file", "path"})  # SSL_KEY_FILE holds a place, not a key
_MIN_LENGTH = 8
_CUT_LENGTH = 24
"""From this length on, a part of a secret is found too, if it is a beginning or an end of at least ``_PART`` characters."""

_PART = 20
_NOTHING: Mapping[str, str] = {}
_WORDS = re.compile(r"[A-Za-z]+")


@dataclass(frozen=True, slots=True)
class _Pattern:
    """A key's format. ``literal`` must be in the text before ``regex`` is tried: most texts hold none of them.

    ``loose`` finds at least as much in the text's JSON, where other characters stand before a match and some inside are escaped.
    """

    name: str
    literal: str
    regex: re.Pattern[str]
    loose: re.Pattern[str]


def _pattern(name: str, literal: str, regex: str, *, loose: str | None = None) -> _Pattern:
    wider = regex.removeprefix(_START) if loose is None else loose
    return _Pattern(name, literal, re.compile(regex, re.ASCII), re.compile(wider, re.ASCII))


# Every repetition is bounded, and a match can start only where the character before does not belong to the format: linear time.
# An escaped character of JSON has up to 12 (two \\uXXXX).
_START = r"(?<![A-Za-z0-9_-])"
_PATTERNS = (
    _pattern("provider key", "sk-", _START + r"sk-[A-Za-z0-9_-]{20,250}"),
    _pattern("GitHub token", "gh", _START + r"gh[pousr]_[A-Za-z0-9]{36,255}"),
    _pattern("GitHub token", "github_pat_", _START + r"github_pat_[A-Za-z0-9_]{50,255}"),
    _pattern("AWS key id", "A", _START + r"(?:AKIA|ASIA)[0-9A-Z]{16}(?![0-9A-Za-z])"),
    _pattern("Slack token", "xox", _START + r"xox[abeprs]-[A-Za-z0-9-]{10,250}"),
    _pattern("Hugging Face token", "hf_", _START + r"hf_[A-Za-z0-9]{30,60}"),
    _pattern("Google key", "AIza", _START + r"AIza[A-Za-z0-9_-]{35}"),
    _pattern("JWT", "eyJ", _START + r"eyJ[A-Za-z0-9_-]{10,2000}\.eyJ[A-Za-z0-9_-]{10,8000}\.[A-Za-z0-9_-]{10,2000}"),
    _pattern(
        "private key",
        "PRIVATE KEY-----",
        r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[A-Za-z0-9+/=\s\\]{20,16000}-----END [A-Z ]{0,30}PRIVATE KEY-----",
        loose="PRIVATE KEY-----",
    ),
    _pattern(
        "authorization",
        "uthorization",
        r"(?<=uthorization)[\"']{0,2}\s{0,3}[:=]\s{0,3}[\"']{0,2}(?:[Bb]earer|[Bb]asic)\s{1,3}[A-Za-z0-9._~+/=-]{8,4000}",
        loose=r"uthorization.{0,60}?[Bb](?:earer|asic)",
    ),
    _pattern(
        "password in a URL",
        "://",
        r"(?<=://)[^\s/@:]{1,100}:[^\s/@:]{3,200}(?=@)",
        loose=r"://[^\s/@:]{1,1200}:[^\s/@:]{3,2400}@",
    ),
)


class _Cut:
    """A secret of which a text may hold the beginning or the end, because somebody quoted so many characters of an answer and no more."""

    def __init__(self, name: str, value: str) -> None:
        self._value = value
        self._mark = f"[REDACTED:{name}]"
        self.head, self.tail = value[:_PART], value[-_PART:]

    def taken_out(self, text: str) -> str:
        """Return ``text`` without such parts; no character is looked at more than twice."""
        if self.head in text:
            text = _without_starts(text, self.head, self._value, self._mark)
        if self.tail in text:
            backwards = _without_starts(text[::-1], self.tail[::-1], self._value[::-1], self._mark[::-1])
            text = backwards[::-1]
        return text


def _without_starts(text: str, head: str, value: str, mark: str) -> str:
    """``text`` with ``mark`` in place of every ``head`` and what follows it of ``value``."""
    pieces, done = [], 0
    while (start := text.find(head, done)) >= 0:
        pieces += [text[done:start], mark]
        done = start + _common(text[start : start + len(value)], value)
    return "".join([*pieces, text[done:]])


def _common(left: str, right: str) -> int:
    """How many characters both texts begin with alike."""
    return next((n for n, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(len(left), len(right)))


class Redactor:
    """Replaces secrets by ``[REDACTED:name]``. ``environ`` is the environment whose values must not be written, ``given`` holds more of them by
    name: whatever these are called, they are secret.
    """

    def __init__(self, environ: Mapping[str, str], *, given: Mapping[str, str] = _NOTHING) -> None:
        secrets = {name: value for name, value in environ.items() if is_secret(name, value)}
        secrets |= {name: value for name, value in given.items() if len(value) >= _MIN_LENGTH}
        forms = {form: name for name, value in secrets.items() for form in _forms(value)}
        self._forms = sorted(forms.items(), key=lambda item: -len(item[0]))  # a key that contains another one first
        self._cut = tuple(_Cut(name, value) for name, value in secrets.items() if len(value) >= _CUT_LENGTH)
        parts = (part for cut in self._cut for part in (cut.head, cut.tail))
        self._escaped = tuple({json.dumps(form)[1:-1] for form in (*forms, *parts)})

    def text(self, text: str) -> str:
        """Return ``text`` without the secrets in it; the same object if it holds none."""
        for form, name in self._forms:
            if form in text:
                text = text.replace(form, f"[REDACTED:{name}]")
        for cut in self._cut:
            text = cut.taken_out(text)
        for pattern in _PATTERNS:
            if pattern.literal in text:
                text = pattern.regex.sub(f"[REDACTED:{pattern.name}]", text)
        return text

    def suspects(self, encoded: str) -> bool:
        """Return False only if :meth:`json` would change nothing in the value of which ``encoded`` is the JSON in ASCII.

        One look over the whole text instead of one at each of its strings: nearly all records hold no secret.
        """
        if any(form in encoded for form in self._escaped):
            return True
        return any(pattern.literal in encoded and pattern.loose.search(encoded) is not None for pattern in _PATTERNS)

    def json(self, value: Any) -> Any:  # noqa: ANN401 - any JSON value
        """Return a JSON value with every text and every key in it redacted."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(key): self.json(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.json(item) for item in value]
        return value


def is_secret(name: str, value: str) -> bool:
    """Return whether an environment variable holds a secret: a secret's word in its name, and at least 8 characters.

    ``OPENAI_API_KEY`` does; ``MONKEY``, ``TOKENIZERS_PARALLELISM`` and ``SSL_KEY_FILE`` do not.
    """
    words = {word.lower() for word in _WORDS.findall(name)}
    return len(value) >= _MIN_LENGTH and bool(words & _SECRET_WORDS) and not words & _PLACE_WORDS


def _forms(value: str) -> Iterator[str]:
    yield value
    yield quote(value, safe="")
    yield quote_plus(value)
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    data = value.encode("utf-8", "surrogateescape")
    yield from (data.hex(), data.hex().upper())
    yield from _base64_forms(data)


def _base64_forms(value: bytes) -> Iterator[str]:
    """The part of the base64 of any text around ``value`` that depends on it alone, for the three alignments (RFC 4648)."""
    for before in range(3):
        bits = 8 * (before + len(value))
        encoded = base64.b64encode(b"\0" * before + value).decode("ascii")
        inner = encoded[-(-8 * before // 6) : bits // 6]
        if len(inner) >= _MIN_LENGTH:
            yield inner
            yield inner.replace("+", "-").replace("/", "_")
