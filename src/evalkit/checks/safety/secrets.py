"""Finding credentials in a text: provider keys, tokens, private keys, Authorization headers, passwords in URLs.

A row of ``data/secrets.toml`` is tried only if one of its literals occurs; its body must look random, so that
``sk-...`` and ``YOUR_API_KEY`` are no secrets. A key that is spaced, reversed or encoded is not found.
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Any

from evalkit.checks.safety.found import Found, compiled, load_data, mask_head, scan, without_overlaps

if TYPE_CHECKING:
    from collections.abc import Iterator

_MIN_DISTINCT = 8
_MIN_LEFT = 12
_MIN_PASSWORD = 6
_COUNTING = 0.85
"""Share of characters that follow their predecessor in the alphabet, from which on a key merely counts up."""


def find_secrets(text: str) -> list[Found]:
    """Return every credential by position; where two kinds claim the same characters, the more specific one."""
    return without_overlaps(_all(text))


def _all(text: str) -> Iterator[Found]:
    lowered = text.lower()
    for row in load_data("secrets")["secret"]:
        if any(literal in lowered for literal in row["any_of"]):
            yield from _of_kind(row, text)


def _of_kind(row: dict[str, Any], text: str) -> Iterator[Found]:
    for match in scan(compiled(row["pattern"]), text):
        body = match["body"]
        if _is_real(row, body) and sum(char.isdigit() for char in body) >= row.get("min_digits", 0):
            shown = mask_head(match[0], keep=6) if match.start("body") - match.start() <= 14 else "****"
            yield Found(row["kind"], match.start(), match.end(), shown)


def _is_real(row: dict[str, Any], body: str) -> bool:
    if row.get("password"):
        return _is_password(body) and _is_chosen(body)
    return _is_password(body) if row.get("userinfo") else looks_random(body, strict=row.get("strict", False))


def _without_placeholders(body: str) -> str:
    """What is left of a key's body when the words of a placeholder are taken out; nothing, if a sign of one is in it."""
    left = body.casefold()
    for word in load_data("secrets")["placeholder_words"]:
        if word in left and not word.isalpha():
            return ""
        left = left.replace(word, "")
    return left


def looks_random(body: str, *, strict: bool) -> bool:
    """Return whether a key's body could be a real one.

    Beside the words of a placeholder it has at least twelve characters, eight of them different, and is no row of words such as
    ``my-secret-key-here``. With ``strict`` it also mixes letters with digits or cases, and does not merely count up (``abcdef…``).
    """
    left = _without_placeholders(body)
    if _WORDS.fullmatch(body) or len(left) < _MIN_LEFT:
        return False
    if len(set(body)) < _MIN_DISTINCT or len(set(left)) < _MIN_DISTINCT - 1:
        return False
    digits = any(char.isdigit() for char in body)
    both_cases = any(char.islower() for char in body) and any(char.isupper() for char in body)
    steps = sum(ord(after) - ord(before) == 1 for before, after in itertools.pairwise(body))
    if strict:
        return (digits or both_cases) and steps < _COUNTING * len(body)
    return digits or both_cases or body.isalpha()


def _is_password(body: str) -> bool:
    words = load_data("secrets")["userinfo_words"]
    return (
        bool(_without_placeholders(body))
        and body[0] not in "{$%[("
        and body.casefold() not in words
        and len(set(body)) > 2
    )


def _is_chosen(body: str) -> bool:
    """Whether somebody chose this: letters with digits or signs among them; no call, no variable, no word of a sentence."""
    core = body.rstrip(".,;:!?)]*")
    letters = any(char.isalpha() for char in core)
    other = any(char.isdigit() or char in "!@#$%^&+~" for char in core)
    if len(core) < _MIN_PASSWORD or not (letters and other) or len(set(core)) < _MIN_PASSWORD - 1:
        return False
    return not any(mark in core for mark in ("(", "[", "{", "://")) and not _IDENTIFIER.fullmatch(core)


_WORDS = re.compile(r"[a-z]{1,20}(?:[-_](?:[a-z]{1,20}|\d{1,8})){2,}", re.IGNORECASE)
_IDENTIFIER = re.compile(r"[A-Za-z_][a-z_]*(?:\.[A-Za-z_]\w*)+|[A-Z][A-Z_]*_[A-Z0-9_]*")
