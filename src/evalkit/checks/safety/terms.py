"""Finding words however they are spelt: full-width, other case, zero-width characters inside, look-alike letters."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, Any

from evalkit.checks.safety.found import load_data, scan

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_MAX_MARKS = 8
"""Combining marks kept per letter: ordering thousands of them takes quadratic time, and no language stacks more."""


@dataclass(frozen=True, slots=True)
class Folded:
    """A text in comparable form. Character ``i`` of ``text`` stands for ``source[starts[i]:ends[i]]``."""

    text: str
    starts: Sequence[int]
    ends: Sequence[int]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return where ``text[start:end]`` is in the source."""
        return self.starts[start], self.ends[end - 1]


@cache
def _lookalikes() -> dict[str, str]:
    table: dict[str, str] = load_data("confusables")["latin"]
    return {look: latin for latin, looks in table.items() for look in looks}


def fold(source: str, *, lookalikes: bool) -> Folded:
    """Return ``source`` in NFKC, case-folded, without invisible characters and strike-through marks.

    With ``lookalikes`` Cyrillic and Greek letters that look Latin become Latin first.
    """
    if source.isascii():
        return Folded(source.lower(), range(len(source)), range(1, len(source) + 1))
    pieces: list[tuple[str, Sequence[int], Sequence[int]]] = []
    done = 0
    for odd in _ODD.finditer(source):
        pieces.append(_plain(source, done, odd.start()))
        for start, end, cluster in _clusters(source, *odd.span()):
            folded = _folded(cluster, lookalikes=lookalikes)
            pieces.append((folded, [start] * len(folded), [end] * len(folded)))
        done = odd.end()
    pieces.append(_plain(source, done, len(source)))
    texts, starts, ends = zip(*pieces, strict=True)
    return Folded("".join(texts), list(chain.from_iterable(starts)), list(chain.from_iterable(ends)))


_ODD = re.compile(r"[\x00-\x7f]?[^\x00-\x7f]+")
"""What is not ASCII, with the character before it, to which a combining mark may belong."""


def _plain(source: str, start: int, end: int) -> tuple[str, Sequence[int], Sequence[int]]:
    return source[start:end].lower(), range(start, end), range(start + 1, end + 1)


def _folded(cluster: str, *, lookalikes: bool) -> str:
    table = _lookalikes() if lookalikes else {}
    plain = "".join(table.get(char, char) for char in cluster)
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", plain).casefold())
    return "".join(char for char in folded if not ("\u0300" <= char <= "\u036f" or "\u20d0" <= char <= "\u20ff"))


def _clusters(source: str, start: int, stop: int) -> Iterator[tuple[int, int, str]]:
    """Yield each visible character of ``source[start:stop]`` with the combining marks that follow it."""
    at = start
    while at < stop:
        end = at + 1
        while end < stop and unicodedata.combining(source[end]):
            end += 1
        if not _invisible(source[at]):
            yield at, end, source[at : min(end, at + 1 + _MAX_MARKS)]
        at = end


def _invisible(char: str) -> bool:
    return unicodedata.category(char) == "Cf" or char in "\u034f\u115f\u1160\u3164" or "\ufe00" <= char <= "\ufe0f"


def find_terms(text: str, patterns: Sequence[Any]) -> list[tuple[int, int]]:
    """Return where any of the terms occurs in ``text``, by position, overlaps merged into the first.

    ``patterns`` are those of :func:`term_patterns`: without look-alikes (so that a Cyrillic term meets Cyrillic text) and with.
    """
    spans: set[tuple[int, int]] = set()
    for lookalikes, pattern in zip((False, True), patterns, strict=True):
        if lookalikes and text.isascii() and pattern.pattern == patterns[0].pattern:
            break
        folded = fold(text, lookalikes=lookalikes)
        spans.update(folded.span(*match.span()) for match in scan(pattern, folded.text))
    kept: list[tuple[int, int]] = []
    for span in sorted(spans):
        if not kept or span[0] >= kept[-1][1]:
            kept.append(span)
    return kept


def term_patterns(terms: Sequence[str], *, whole_words: bool) -> tuple[Any, Any]:
    """Compile the terms twice, without and with look-alikes folded. Longer terms win; a blank stands for any white space."""
    return _compile(terms, lookalikes=False, whole_words=whole_words), _compile(
        terms, lookalikes=True, whole_words=whole_words
    )


def _compile(terms: Sequence[str], *, lookalikes: bool, whole_words: bool) -> Any:  # noqa: ANN401 - regex ships no types
    import regex

    folded = {fold(term.strip(), lookalikes=lookalikes).text for term in terms}
    ordered = sorted(folded, key=lambda term: (-len(term), term))
    return regex.compile("|".join(_bounded(term, whole_words=whole_words) for term in ordered))


def _bounded(term: str, *, whole_words: bool) -> str:
    """The term as a pattern with word boundaries, except beside scripts that are written without blanks."""
    import regex

    body = r"\s{1,8}".join(regex.escape(word) for word in term.split())
    if not whole_words:
        return body
    unspaced = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\W]")
    before = "" if unspaced.match(term[0]) else r"(?<!\w)"
    after = "" if unspaced.match(term[-1]) else r"(?!\w)"
    return f"{before}{body}{after}"
