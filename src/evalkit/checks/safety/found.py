"""What a safety search finds: a kind, a place and a masked form; and the one way to scan hostile text with a pattern."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from evalkit.errors import CheckError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

TIMEOUT_S = 5.0
"""Seconds one pattern may search one text. The shipped patterns are linear; this is the net beneath them."""

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Found:
    """One finding: what it is, ``text[start:end]``, and how a reason may print it without giving it away."""

    kind: str
    start: int
    end: int
    masked: str

    @property
    def span(self) -> tuple[int, int]:
        """The place in the text that was searched."""
        return self.start, self.end


@cache
def load_data(name: str) -> dict[str, Any]:
    """Return a shipped table of patterns, ``data/<name>.toml``, read when first asked for."""
    return tomllib.loads((files("evalkit.checks.safety") / "data" / f"{name}.toml").read_text(encoding="utf-8"))


@cache
def compiled(pattern: str, *, ignore_case: bool = False) -> Any:  # noqa: ANN401 - regex ships no types
    """Return a shipped pattern compiled by the ``regex`` package (verbose, so that the data can be laid out)."""
    import regex

    return regex.compile(pattern, regex.VERBOSE | (regex.IGNORECASE if ignore_case else 0))


def scan(pattern: Any, text: str) -> Iterator[Any]:  # noqa: ANN401 - regex ships no types
    """Yield the matches of a compiled ``regex`` pattern. Raises CheckError if the search takes too long."""
    try:
        yield from pattern.finditer(text, timeout=TIMEOUT_S)
    except TimeoutError as error:
        raise CheckError(f"searching {len(text):,} characters took longer than {TIMEOUT_S:g} s") from error


def without_overlaps(found: Iterable[Found]) -> list[Found]:
    """Keep the first finding where several claim the same characters (order is priority); return them by position."""
    kept: list[Found] = []
    taken: set[int] = set()
    for item in found:
        places = range(item.start, item.end)
        if taken.isdisjoint(places):
            taken.update(places)
            kept.append(item)
    return sorted(kept, key=lambda item: item.start)


def mask_tail(value: str, *, keep: int) -> str:
    """Return ``****`` and the last ``keep`` letters or digits of ``value``; fewer, if that would be more than a third."""
    bare = "".join(char for char in value if char.isalnum())
    keep = min(keep, len(bare) // 3)
    return f"****{bare[-keep:]}" if keep else "****"


def mask_head(value: str, *, keep: int) -> str:
    """Return the first ``keep`` characters of ``value`` (its public prefix; at most half of it) and ``****``."""
    return f"{value[: min(keep, len(value) // 2)]}****"


def listed(found: Sequence[Found]) -> str:
    """Return ``email an***@example.com, card ****1111`` for a reason; the first five, and how many more there are."""
    shown = ", ".join(dict.fromkeys(f"{item.kind} {item.masked}" for item in found[:_SHOWN]))
    more = len(found) - _SHOWN
    return f"{shown} and {more} more" if more > 0 else shown
