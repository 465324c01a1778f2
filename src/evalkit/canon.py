"""Canonical JSON and sha256: the only place where an identity is computed."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def canonical_json(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return the one JSON text of ``value``: sorted keys, no blanks, ASCII, no NaN. Raises ValueError on NaN or infinity."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def digest(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return the sha256 hex digest (64 characters) of the canonical JSON of ``value``."""
    return digest_text(canonical_json(value))


def digest_text(text: str) -> str:
    """Return the sha256 hex digest (64 characters) of ``text`` in UTF-8; lone surrogates are kept distinct."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def short(digest_hex: str) -> str:
    """Return the first 12 characters of a digest, for people."""
    return digest_hex[:12]
