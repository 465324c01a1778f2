"""Names that evalkit takes, made of whatever somebody called a thing."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_OTHER = re.compile(r"[^a-z0-9]+")
_LONGEST = 60


def slug(text: str, *, otherwise: str) -> str:
    """``text`` in lower-case letters, digits and hyphens, shortened; ``otherwise`` if nothing is left of it."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return _OTHER.sub("-", plain).strip("-")[:_LONGEST].strip("-") or otherwise


def unique(names: Iterable[str]) -> list[str]:
    """The names in order; one that was there before gets a number."""
    taken: set[str] = set()
    made: list[str] = []
    for name in names:
        number, one = 1, name
        while one in taken:
            number += 1
            one = f"{name}-{number}"
        taken.add(one)
        made.append(one)
    return made
