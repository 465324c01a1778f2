"""How the answer to a changed question must relate to the answer: the same, another, the same JSON, similar, or on the right side."""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, NamedTuple

from evalkit.checks.reading.extract import NotJson, extract_json
from evalkit.checks.reading.numbers import NUMBER, as_decimal
from evalkit.checks.reading.text import quoted
from evalkit.errors import CheckError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

Relation = Literal["same", "differs", "same_json", "similar", "monotone"]
Direction = Literal["up", "down"]

MAX_COMPARED = 20_000
_BLANKS = re.compile(r"\s+")


class Held(NamedTuple):
    """Whether a relation holds, and what was found."""

    holds: bool
    found: str


def same(before: str, after: str) -> Held:
    """The texts are the same, but for upper and lower case, runs of blanks, and marks at the ends."""
    return Held(_normal(before) == _normal(after), f"{quoted(after)} instead of {quoted(before)}")


def differs(before: str, after: str) -> Held:
    """The texts are not the same in the sense of :func:`same`."""
    return Held(_normal(before) != _normal(after), f"{quoted(after)}, as before")


def same_json(before: str, after: str) -> Held:
    """Both hold JSON of the same value; the order of keys does not count. Raises CheckError if the answer itself holds none."""
    first, second = extract_json(before, where="anywhere"), extract_json(after, where="anywhere")
    if isinstance(first, NotJson):
        raise CheckError(f"the answer holds no JSON to compare: {first.reason}")
    if isinstance(second, NotJson):
        return Held(False, f"no JSON: {second.reason}")
    return Held(_typed(first.value) == _typed(second.value), f"{quoted(second.value)} instead of {quoted(first.value)}")


def similar(before: str, after: str, *, least: float) -> Held:
    """The share of characters that need no edit is at least ``least``. Raises CheckError for texts too long to compare."""
    from rapidfuzz.distance import Levenshtein

    one, other = _normal(before), _normal(after)
    if max(len(one), len(other)) > MAX_COMPARED:
        raise CheckError(f"an answer has more than {MAX_COMPARED:,} characters, which are too many to compare")
    score = Levenshtein.normalized_similarity(one, other)
    return Held(score >= least, f"{score:.2f} similar, at least {least:g} wanted: {quoted(after)}")


def monotone(points: Sequence[tuple[float, str]], *, direction: Direction) -> list[Held]:
    """For each point after the first, in the order of their first numbers: the answer's number is not below (``down``: above) the last.

    Raises CheckError if an answer does not hold exactly one number.
    """
    numbers = [(at, _number(text)) for at, text in sorted(points, key=lambda point: point[0])]
    held = []
    for (at, before), (further, after) in pairwise(numbers):
        holds = after >= before if direction == "up" else after <= before
        held.append(Held(holds, f"{before} at {at:g}, {after} at {further:g}"))
    return held


def _number(text: str) -> Decimal:
    found = [match.group() for match in NUMBER.finditer(text)]
    if len(found) != 1:
        raise CheckError(f"an answer holds {len(found)} numbers, not one: {quoted(text)}", hint="select it")
    return as_decimal(found[0])


def _normal(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return _BLANKS.sub(" ", folded).strip(" .!?,;:\"'`*")


def _typed(value: object) -> object:
    """A value that equals another only if their types agree, too: ``true`` is not ``1``, but ``1`` is ``1.0``."""
    if isinstance(value, dict):
        return {key: _typed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_typed(item) for item in value]
    return (isinstance(value, bool), value)
