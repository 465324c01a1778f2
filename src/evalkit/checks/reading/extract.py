"""JSON out of a model's answer: alone, in a code fence or in prose, with its place; bounded, and never a crash."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypeAlias

from evalkit.checks.reading.fences import fences
from evalkit.checks.reading.text import line_of
from evalkit.model.nodes import LONE_SURROGATE

if TYPE_CHECKING:
    from evalkit.model.calls import JSON

Place: TypeAlias = Literal["whole", "fence", "anywhere"]

MAX_CHARS = 1_000_000
MAX_DEPTH = 100
MAX_TRIES = 50


@dataclass(frozen=True, slots=True)
class Extracted:
    """A JSON value and its place ``[start, end)`` in the text.

    ``strict``: there is nothing around it but white space. ``duplicates``: keys that an object holds twice (the last one won).
    ``repaired``: the text there is not JSON as it stands.
    """

    value: JSON
    start: int
    end: int
    strict: bool
    duplicates: tuple[str, ...] = ()
    repaired: bool = False


@dataclass(frozen=True, slots=True)
class NotJson:
    """Why there is no JSON, and at which character of the text that shows."""

    reason: str
    position: int = 0


_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
_OPENING = re.compile(r"[\[{]")


def extract_json(text: str, *, where: Place) -> Extracted | NotJson:
    """Find the JSON value in ``text``.

    ``whole``: the text is JSON and nothing else. ``fence``: or one code fence that holds it, and nothing else. ``anywhere``: or
    inside prose; of several values the longest, an earlier one before a later one of equal length. Never raises: an answer
    that is too large, too deep or broken is a NotJson. NaN and Infinity are not JSON (RFC 8259, section 6).
    """
    if len(text) > MAX_CHARS:
        return NotJson(f"the answer has {len(text):,} characters; at most {MAX_CHARS:,} are read as JSON")
    whole = _parse(text, 0, len(text))
    if isinstance(whole, Extracted) or where == "whole":
        return whole
    blocks = list(islice(fences(text), MAX_TRIES))
    parsed = [_parse(text, block.body_start, block.body_end) for block in blocks]
    if where == "fence":
        alone = len(blocks) == 1 and not (text[: blocks[0].start] + text[blocks[0].end :]).strip()
        return parsed[0] if alone else whole
    found = [block for block in parsed if isinstance(block, Extracted)] or _in_prose(text)
    return max(found, key=lambda candidate: candidate.end - candidate.start) if found else whole


def _parse(text: str, start: int, end: int) -> Extracted | NotJson:
    piece = text[start:end]
    blanks = len(piece) - len(piece.lstrip())
    body = piece.strip()
    if not body:
        return NotJson("the text is empty", start)
    found = _decode(body)
    if isinstance(found, NotJson):
        position = start + blanks + found.position
        return NotJson(f"{found.reason} (line {line_of(text, position)})", position)
    value, length, duplicates = found
    if length != len(body):
        position = start + blanks + length
        return NotJson(f"text after the JSON (line {line_of(text, position)})", position)
    begin = start + blanks
    return Extracted(value, begin, begin + length, strict=body == text.strip(), duplicates=duplicates)


def _in_prose(text: str) -> list[Extracted]:
    found: list[Extracted] = []
    position = 0
    for _ in range(MAX_TRIES):
        opening = _OPENING.search(text, position)
        if opening is None:
            break
        start = position = opening.start()
        decoded = _decode(text[start:])
        position += 1
        if not isinstance(decoded, NotJson):
            value, length, duplicates = decoded
            position = start + length
            found.append(Extracted(value, start, position, strict=False, duplicates=duplicates))
    return found


def _decode(body: str) -> tuple[JSON, int, tuple[str, ...]] | NotJson:
    """Decode the JSON value at the start of ``body``: the value, its length, its duplicate keys."""
    deep = too_deep(body)
    if deep is not None:
        return deep
    duplicates: list[str] = []

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(items)
        if len(found) < len(items):
            keys = [key for key, _ in items]
            duplicates.extend(dict.fromkeys(key for key in found if keys.count(key) > 1))
        return found

    try:
        value, length = json.JSONDecoder(object_pairs_hook=pairs, parse_constant=_refuse).raw_decode(body)
    except json.JSONDecodeError as error:
        return NotJson(error.msg, error.pos)
    except ValueError as error:
        return NotJson(str(error))
    if "\\ud" in body[:length].lower() and _half_pairs(value):
        return NotJson("a text holds half of a surrogate pair, which no encoding can hold")
    return value, length, tuple(duplicates[:10])


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _half_pairs(value: JSON) -> bool:
    return bool(LONE_SURROGATE.search(json.dumps(value, ensure_ascii=False)))


def too_deep(body: str) -> NotJson | None:
    """Refuse deep nesting before the decoder, which recurses, meets it. Stops where the outermost value ends."""
    depth = 0
    for token in _TOKEN.finditer(body):
        if token.group() in "[{":
            depth += 1
        elif token.group() in "]}":
            depth -= 1
        if depth > MAX_DEPTH:
            return NotJson(f"nested deeper than {MAX_DEPTH} levels", token.start())
        if depth <= 0 and token.group() in "]}":
            return None
    return None
