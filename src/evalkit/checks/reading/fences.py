"""Fenced code blocks of Markdown, found line by line, so that no answer makes the search slow."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fence:
    """A code block: ``[start, end)`` with its fences, ``[body_start, body_end)`` without. One that is never closed runs to the end."""

    start: int
    end: int
    body_start: int
    body_end: int
    language: str


_OPENING = re.compile(r"[ \t]*(`{3,}|~{3,})[ \t]*([^\s`]*)[^`\n]*\n?")


def fences(text: str) -> list[Fence]:
    """Find the fenced code blocks, in order.

    Source: CommonMark 0.31, section 4.5; any indentation is allowed, because models put code blocks into list items.
    """
    found: list[Fence] = []
    opened: re.Match[str] | None = None
    start = position = 0
    for line in text.splitlines(keepends=True):
        if opened is None:
            opened, start = _OPENING.fullmatch(line), position
        elif _closes(line, opened.group(1)):
            found.append(_fence(opened, start, position, position + len(line.rstrip("\r\n"))))
            opened = None
        position += len(line)
    if opened is not None:
        found.append(_fence(opened, start, len(text), len(text)))
    return found


def _closes(line: str, mark: str) -> bool:
    bare = line.strip()
    return len(bare) >= len(mark) and not bare.strip(mark[0])


def _fence(opened: re.Match[str], start: int, body_end: int, end: int) -> Fence:
    return Fence(start, end, min(start + opened.end(), body_end), body_end, opened.group(2))
