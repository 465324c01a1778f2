"""Where a Markdown text is code: fenced blocks and inline spans, which a renderer shows as they are."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from evalkit.checks.reading.fences import fences

if TYPE_CHECKING:
    from evalkit.checks.reading.text import Span

_TICKS = re.compile(r"`+")


def code_spans(text: str) -> list[Span]:
    """Return the places of code, by position: each fenced block, and each inline span with its backticks.

    Source: CommonMark 0.31, sections 4.5 and 6.1 (a run of backticks ends at the next run of the same length, in the same paragraph).
    """
    found: list[Span] = []
    done = 0
    for fence in fences(text):
        found += _inline(text, done, fence.start)
        found.append((fence.start, fence.end))
        done = fence.end
    return found + _inline(text, done, len(text))


def _inline(text: str, start: int, end: int) -> list[Span]:
    found: list[Span] = []
    for part in re.finditer(r"(?:[^\n]+\n?)+", text[start:end]):
        found += [(start + a, start + b) for a, b in _in_paragraph(text[start:end], part.start(), part.end())]
    return found


def _in_paragraph(text: str, start: int, end: int) -> list[Span]:
    runs = [match.span() for match in _TICKS.finditer(text, start, end)]
    later: defaultdict[int, list[int]] = defaultdict(list)
    for number in range(len(runs) - 1, -1, -1):
        later[runs[number][1] - runs[number][0]].append(number)
    found: list[Span] = []
    number = 0
    while number < len(runs):
        begin, stop = runs[number]
        same = later[stop - begin]
        while same and same[-1] <= number:
            same.pop()
        if not same:
            number += 1
            continue
        found.append((begin, runs[same[-1]][1]))
        number = same[-1] + 1
    return found


def blanked(text: str) -> str:
    """Return the text with all code blanked, so that places stay the same."""
    pieces: list[str] = []
    done = 0
    for start, end in code_spans(text):
        pieces += [text[done:start], re.sub(r"[^\n]", " ", text[start:end])]
        done = end
    return "".join([*pieces, text[done:]])
