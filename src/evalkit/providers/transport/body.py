"""Reading the body of a reply: bytes in, JSON with a known shape out, or a ``CallError`` that shows what came instead."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalkit.model.nodes import LONE_SURROGATE
from evalkit.providers.failures import bad_response, told_error

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalkit.errors import CallError
    from evalkit.model.calls import JSON

MAX_BYTES = 20 * 1024 * 1024
"""The largest reply that is read, after decompression."""

_MAX_DEPTH = 64


@dataclass(frozen=True, slots=True)
class Received:
    """A reply with a good status (or one event of it), read but not yet understood. ``headers`` has lower-case names.

    ``data`` is the body of a streamed reply, put together; ``body`` is then its last event.
    """

    body: bytes
    headers: Mapping[str, str]
    status: int = 200
    data: dict[str, Any] | None = None

    @property
    def content_type(self) -> str:
        """The content type, or the empty string."""
        return self.headers.get("content-type", "")

    def bad(self, problem: str) -> CallError:
        """Return the error that says why this reply is not an answer."""
        return bad_response(problem, content_type=self.content_type, body=self.body, status=self.status)

    def object(self) -> dict[str, Any]:
        """Return the body as a JSON object.

        Raises CallError for anything else (HTML, cut or too deep JSON, bytes that are not UTF-8) and for an error object.
        """
        if self.data is not None:
            return self.data
        if not self.body.strip():
            raise self.bad("the body is empty")
        try:
            data = json.loads(self.body.decode("utf-8-sig"), parse_constant=_no_constant)
        except UnicodeDecodeError:
            raise self.bad("the body is not UTF-8") from None
        except (ValueError, RecursionError) as error:
            problem = "is nested too deeply" if isinstance(error, RecursionError) else "is not valid JSON"
            raise self.bad(f"the body {problem}") from None
        if not isinstance(data, dict):
            raise self.bad(f"the body is JSON {type(data).__name__}, not an object")
        told = told_error(data, status=self.status)
        if told is not None:
            raise told
        return data


def _no_constant(_name: str) -> None:
    """NaN and Infinity are not JSON: they are read as unknown."""


@dataclass(slots=True)
class Mender:
    """Replaces lone surrogates in the texts of one reply by U+FFFD, and remembers (``repaired``) that it did."""

    repaired: bool = False

    def text(self, value: str) -> str:
        """Return ``value`` without lone surrogates."""
        mended, count = LONE_SURROGATE.subn("\N{REPLACEMENT CHARACTER}", value)
        self.repaired = self.repaired or count > 0
        return mended

    def json(self, value: Any) -> Any:  # noqa: ANN401 - any JSON value
        """Return a JSON value (not nested too deeply, see :func:`tame`) with every text in it mended."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.json(item) for item in value]
        if isinstance(value, dict):
            return {self.text(key): self.json(item) for key, item in value.items()}
        return value

    def arguments(self, raw: str) -> JSON:
        """Return the arguments of a tool call: parsed JSON, or the raw text if it does not parse or cannot be stored."""
        try:
            value = json.loads(raw)
        except (ValueError, RecursionError):
            return self.text(raw)
        parsed: JSON = self.json(value) if tame(value) else self.text(raw)
        return parsed


def tame(value: object) -> bool:
    """Return whether a JSON value can be stored: at most 64 levels deep, every number finite."""
    level: list[object] = [value]
    for _ in range(_MAX_DEPTH):
        if any(isinstance(item, float) and not math.isfinite(item) for item in level):
            return False
        level = [child for item in level for child in _children(item)]
        if not level:
            return True
    return False


def _children(item: object) -> list[object]:
    if isinstance(item, dict):
        return list(item.values())
    return item if isinstance(item, list) else []


def count(container: object, *path: str) -> int | None:
    """Return the whole number at ``path`` in nested objects, or None if anything on the way is missing or not one."""
    for name in path:
        if not isinstance(container, dict):
            return None
        container = container.get(name)
    if not isinstance(container, int) or isinstance(container, bool):
        return None
    return container if 0 <= container < 2**53 else None


def served_model(answer: Mapping[str, Any]) -> str | None:
    """Return which model ``answer`` says it is of, without lone surrogates and at most 300 characters, or None."""
    value = answer.get("model")
    return Mender().text(value)[:300] if isinstance(value, str) and value else None
