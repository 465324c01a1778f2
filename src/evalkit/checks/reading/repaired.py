"""JSON that is almost JSON, put right by the package ``json-repair`` (the extra ``shape``), and said to be so."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

from evalkit.checks.reading.extract import Extracted, NotJson, extract_json, too_deep
from evalkit.checks.reading.fences import fences
from evalkit.errors import MissingExtraError

if TYPE_CHECKING:
    from evalkit.checks.reading.extract import Place

MAX_CHARS = 100_000
MAX_FENCES = 20

_OPENING = re.compile(r"[\[{]")


def require_repair() -> None:
    """Raise MissingExtraError if the package that repairs is not installed."""
    try:
        import json_repair  # noqa: F401 - looked for, not used
    except ImportError as error:
        raise MissingExtraError("JSON with repair", package="json-repair", extra="shape") from error


def repaired_json(text: str, *, where: Place) -> Extracted | NotJson:
    """Return the JSON object or list that ``text`` almost is: quotes, commas and brackets put right, comments dropped.

    ``where`` is that of :func:`evalkit.checks.reading.extract.extract_json`. What begins with no bracket is not repaired: any word would
    become a text. Never raises.
    """
    if len(text) > MAX_CHARS:
        return NotJson(f"the answer has {len(text):,} characters; at most {MAX_CHARS:,} are repaired")
    reason = NotJson("there is no object or list to repair")
    for start, end in _candidates(text, where):
        found = _repaired(text, start, end)
        if isinstance(found, Extracted):
            return found
        reason = found
    return reason


def _candidates(text: str, where: Place) -> list[tuple[int, int]]:
    whole = (0, len(text))
    if where == "whole":
        return [whole]
    blocks = [(block.body_start, block.body_end) for block in islice(fences(text), MAX_FENCES)]
    if where == "fence":
        return [*blocks[:1], whole] if len(blocks) == 1 else [whole]
    opening = _OPENING.search(text)
    return [*blocks, (opening.start(), len(text)) if opening else whole]


def _repaired(text: str, start: int, end: int) -> Extracted | NotJson:
    import json_repair

    body = text[start:end].strip()
    start += text[start:end].index(body) if body else 0
    if not body or body[0] not in "[{":
        return NotJson("there is no object or list to repair", start)
    deep = too_deep(body)
    if deep is not None:
        return deep
    try:
        mended = json_repair.repair_json(body, skip_json_loads=True)
    except (ValueError, RecursionError) as error:
        return NotJson(f"it cannot be repaired: {error}", start)
    found = extract_json(mended, where="whole")
    kind = dict if body[0] == "{" else list
    if isinstance(found, NotJson) or not isinstance(found.value, kind):
        return NotJson("it cannot be repaired: several values stand one after the other, or none", start)
    return Extracted(found.value, start, start + len(body), strict=False, repaired=True)
