"""Text, counted and quoted: the units that checks of several families share, each with its place in the answer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import regex

if TYPE_CHECKING:
    from collections.abc import Callable

Span = tuple[int, int]


def quoted(value: object, limit: int = 80) -> str:
    """Return ``value`` for a reason: its repr on one line, shortened in the middle to about ``limit`` characters."""
    if isinstance(value, str) and len(value) > 2 * limit:
        return f"{value[: limit // 2]!r} … {value[-limit // 4 :]!r}"
    text = repr(value)
    return text if len(text) <= 2 * limit else f"{text[: limit // 2]} … {text[-limit // 4 :]}"


def line_of(text: str, position: int) -> int:
    """Return the line (from 1) that holds the character at ``position``."""
    return text.count("\n", 0, position) + 1


_WORD = regex.compile(r"\w+(?:['’\-]\w+)*")


def chars(text: str) -> list[Span]:
    """Characters (Unicode code points), without the white space around the text."""
    start = len(text) - len(text.lstrip())
    return [(at, at + 1) for at in range(start, start + len(text.strip()))]


def words(text: str) -> list[Span]:
    """Words: runs of letters, digits and underscores; an apostrophe or hyphen inside does not end one."""
    return [found.span() for found in _WORD.finditer(text)]


def lines(text: str) -> list[Span]:
    """Lines that are not blank."""
    found: list[Span] = []
    start = 0
    for line in text.split("\n"):
        if line.strip():
            found.append((start, start + len(line)))
        start += len(line) + 1
    return found


def paragraphs(text: str) -> list[Span]:
    """Paragraphs: blocks of lines between blank lines."""
    found: list[Span] = []
    for start, end in lines(text):
        if found and found[-1][1] + 1 == start:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found


_STOP = re.compile(r"""[.!?…]+["'”’»)\]*_]*(?=\s|$)|[。！？]+[”’」』]*|[।॥۔]+""")
_ABBREVIATIONS = frozenset([
    "mr",
    "mrs",
    "ms",
    "dr",
    "prof",
    "st",
    "jr",
    "sr",
    "vs",
    "etc",
    "e.g",
    "i.e",
    "cf",
    "no",
    "vol",
    "fig",
    "approx",
    "dept",
    "est",
    "inc",
    "ltd",
    "co",
    "corp",
    "gen",
    "col",
    "sgt",
    "capt",
    "lt",
    "rev",
    "hon",
    "a.m",
    "p.m",
    "u.s",
    "u.k",
    "jan",
    "feb",
    "mar",
    "apr",
    "jun",
    "jul",
    "aug",
    "sep",
    "sept",
    "oct",
    "nov",
    "dec",
])
_BEFORE = re.compile(r"[^\s(\[\"'“‘*_]+\Z")


def sentences(text: str) -> list[Span]:
    """Sentences: up to ``.``, ``!``, ``?`` (or the marks of other scripts) before white space.

    A full stop after an abbreviation, an initial or a list number does not end one, nor does one before a small letter, unless
    the whole text is in small letters.
    """
    found: list[Span] = []
    start = 0
    cased = not text.islower()
    for stop in _STOP.finditer(text):
        if _ends_sentence(text, start, stop.start(), stop.end(), cased=cased):
            found.append((start + _blanks(text[start : stop.end()]), stop.end()))
            start = stop.end()
    if re.search(r"\w", text[start:]):
        found.append((start + _blanks(text[start:]), len(text.rstrip())))
    return found


def _blanks(text: str) -> int:
    return len(text) - len(text.lstrip())


def _ends_sentence(text: str, start: int, stop: int, end: int, *, cased: bool) -> bool:
    if text[stop] not in ".…":
        return True
    if cased and text[end : end + 40].lstrip()[:1].islower():
        return False
    if text[stop : stop + 2] == ".." or text[stop] == "…":
        return True
    before = _BEFORE.search(text, max(start, stop - 40), stop)
    word = before.group() if before else ""
    initial = len(word) == 1 and word.isupper() and word != "I"
    list_number = word.isdigit() and not text[start : stop - len(word)].strip()
    return not (initial or list_number or word.lower() in _ABBREVIATIONS)


UNITS: dict[str, Callable[[str], list[Span]]] = {
    "chars": chars,
    "words": words,
    "sentences": sentences,
    "paragraphs": paragraphs,
    "lines": lines,
}
"""How each unit of ``length`` is found in a text."""
