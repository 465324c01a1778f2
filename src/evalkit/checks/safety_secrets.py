"""Finding credentials in a text: provider keys, tokens, private keys, Authorization headers, passwords in URLs.

A row of ``safety_data/secrets.toml`` is tried only if one of its literals occurs; its body must look random, so that
``sk-...`` and ``YOUR_API_KEY`` are no secrets. A key that is spaced, reversed or encoded is not found.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from evalkit.checks.safety_found import Found, compiled, load_data, mask_head, scan, without_overlaps

if TYPE_CHECKING:
    from collections.abc import Iterator

_MIN_DISTINCT = 8


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
        real = _is_password(body) if row.get("userinfo") else looks_random(body)
        if real and sum(char.isdigit() for char in body) >= row.get("min_digits", 0):
            shown = mask_head(match[0], keep=6) if match.start("body") - match.start() <= 14 else "****"
            yield Found(row["kind"], match.start(), match.end(), shown)


def _is_placeholder(body: str) -> bool:
    lowered = body.casefold()
    return any(word in lowered for word in load_data("secrets")["placeholder_words"])


def looks_random(body: str) -> bool:
    """Return whether a key's body could be a real one.

    It names no placeholder, has at least eight different characters, is not all of one class (words such as
    ``my-secret-key-here``), and does not merely count up (``abcdef…``, ``123456…``).
    """
    if _is_placeholder(body) or len(set(body)) < _MIN_DISTINCT:
        return False
    digits = any(char.isdigit() for char in body)
    both_cases = any(char.islower() for char in body) and any(char.isupper() for char in body)
    steps = sum(ord(after) - ord(before) == 1 for before, after in itertools.pairwise(body))
    return (digits or both_cases) and steps < len(body) / 2


def _is_password(body: str) -> bool:
    words = load_data("secrets")["userinfo_words"]
    return not _is_placeholder(body) and body.casefold() not in words and len(set(body)) > 2
