"""The difference between two prompt versions, line by line and, inside changed lines, word by word."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evalkit.model.results import PromptRecord

LineKind = Literal["same", "removed", "added", "gap"]
PieceKind = Literal["text", "variable", "tag", "comment"]
MAX_LINES = 3000
"""Longer files are compared up to here and say so: the matcher's time grows with the square of the length."""

_WORD = re.compile(r"\w+|\s+|[^\w\s]")
_TEMPLATE = re.compile(
    r"(?P<variable>\{\{[^{}\n]{0,300}\}\})|(?P<tag>\{%[^{}\n]{0,300}%\})|(?P<comment>\{#[^{}\n]{0,300}#\})"
)
_CONTEXT = 3
_LONG_LINE = 2000


@dataclass(frozen=True, slots=True)
class DiffLine:
    """One line of a diff. ``pieces`` are ``(text, changed)``; ``before`` and ``after`` its line numbers, None where it is not there.

    A ``gap`` stands for equal lines that are folded; its one piece says how many, ``folded`` holds them.
    """

    kind: LineKind
    before: int | None
    after: int | None
    pieces: tuple[tuple[str, bool], ...]
    folded: tuple[str, ...] = ()

    @property
    def parts(self) -> Iterator[tuple[str, bool, PieceKind]]:
        """The pieces, cut where a variable, a tag or a comment of the template begins or ends: ``(text, changed, kind)``."""
        text = "".join(piece for piece, _ in self.pieces)
        kinds = [(match.start(), match.end(), _kind(match)) for match in _TEMPLATE.finditer(text)]
        start = 0
        for piece, changed in self.pieces:
            end = start + len(piece)
            for at, until, kind in _cut(start, end, kinds):
                yield text[at:until], changed, kind
            start = end


@dataclass(frozen=True, slots=True)
class FileDiff:
    """One file of a prompt before and after. ``truncated`` says that lines after ``MAX_LINES`` were not compared."""

    before_path: str | None
    after_path: str | None
    lines: tuple[DiffLine, ...]
    truncated: bool = False

    @property
    def changed(self) -> int:
        """How many lines were added or removed."""
        return sum(line.kind in {"added", "removed"} for line in self.lines)


def diff_prompts(before: PromptRecord, after: PromptRecord) -> tuple[FileDiff, ...]:
    """Compare the templates with each other and every included file with its namesake; equal files are left out."""
    before_main, *before_rest = before.sources or {before.path: ""}
    after_main, *after_rest = after.sources or {after.path: ""}
    rest = dict.fromkeys([*before_rest, *after_rest])
    namesakes = [(path if path in before.sources else None, path if path in after.sources else None) for path in rest]
    found = []
    for old, new in [(before_main, after_main), *namesakes]:
        old_text, new_text = before.sources.get(old or "", ""), after.sources.get(new or "", "")
        if old_text != new_text or old is None or new is None:
            found.append(_file(old, new, old_text.splitlines(), new_text.splitlines()))
    return tuple(found)


def _kind(match: re.Match[str]) -> PieceKind:
    if match["variable"]:
        return "variable"
    return "tag" if match["tag"] else "comment"


def _cut(start: int, end: int, kinds: Sequence[tuple[int, int, PieceKind]]) -> Iterator[tuple[int, int, PieceKind]]:
    """The stretch from ``start`` to ``end`` in parts of one kind each; ``kinds`` are the stretches that are not text, in order."""
    for first, last, kind in kinds:
        if last <= start or first >= end:
            continue
        if start < first:
            yield start, first, "text"
        yield max(start, first), min(end, last), kind
        start = min(end, last)
    if start < end:
        yield start, end, "text"


def _file(old: str | None, new: str | None, before: list[str], after: list[str]) -> FileDiff:
    truncated = max(len(before), len(after)) > MAX_LINES
    lines = tuple(_lines(before[:MAX_LINES], after[:MAX_LINES]))
    return FileDiff(old, new, lines, truncated)


def _lines(before: Sequence[str], after: Sequence[str]) -> Iterator[DiffLine]:
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    opcodes = matcher.get_opcodes()
    for index, (tag, i1, i2, j1, j2) in enumerate(opcodes):
        if tag == "equal":
            yield from _equal(before[i1:i2], i1, j1, first=index == 0, last=index == len(opcodes) - 1)
        else:
            yield from _changed(before[i1:i2], after[j1:j2], i1, j1)


def _equal(lines: Sequence[str], i: int, j: int, *, first: bool, last: bool) -> Iterator[DiffLine]:
    head, tail = (0 if first else _CONTEXT), (0 if last else _CONTEXT)
    hidden = len(lines) - head - tail
    for offset, line in enumerate(lines):
        if hidden > 1 and head <= offset < len(lines) - tail:
            if offset == head:
                folded = tuple(lines[head : len(lines) - tail])
                yield DiffLine("gap", None, None, ((f"{hidden} equal lines", False),), folded)
            continue
        yield DiffLine("same", i + offset + 1, j + offset + 1, ((line, False),))


def _changed(before: Sequence[str], after: Sequence[str], i: int, j: int) -> Iterator[DiffLine]:
    marks = [_words(old, new) for old, new in zip(before, after, strict=False)]
    for offset, line in enumerate(before):
        pieces = marks[offset][0] if offset < len(marks) else ((line, False),)
        yield DiffLine("removed", i + offset + 1, None, pieces)
    for offset, line in enumerate(after):
        pieces = marks[offset][1] if offset < len(marks) else ((line, False),)
        yield DiffLine("added", None, j + offset + 1, pieces)


_Pieces = tuple[tuple[str, bool], ...]


def _words(old: str, new: str) -> tuple[_Pieces, _Pieces]:
    """The two lines in pieces; lines that share less than a third of their words are not marked inside."""
    if max(len(old), len(new)) > _LONG_LINE:
        return ((old, False),), ((new, False),)
    a, b = _WORD.findall(old), _WORD.findall(new)
    matcher = SequenceMatcher(None, a, b, autojunk=False)
    if matcher.ratio() < 1 / 3:
        return ((old, False),), ((new, False),)
    left, right = [], []
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        left.append(("".join(a[i1:i2]), tag != "equal"))
        right.append(("".join(b[j1:j2]), tag != "equal"))
    return tuple(piece for piece in left if piece[0]), tuple(piece for piece in right if piece[0])
