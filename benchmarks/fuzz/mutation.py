"""Changes that keep most of a text format whole: words and lines are replaced, doubled, moved and left out."""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_WORD = re.compile(rb"\"(?:[^\"\\\n]|\\.)*\"|[\w.$-]+|[^\w\s]")
_ODD = (b"", b"0", b"-1", b"1e999", b"null", b"true", b"NaN", b"\"\"", b"[]", b"{}", b"[[]]", b"9" * 5000, b"\xff", b"\0", b"\"\\ud800\"", b"a" * 300)  # fmt: skip
_TALLEST = 200


def mutated(data: bytes, words: Sequence[bytes], seed: int) -> bytes:
    """``data`` with one change; ``words`` are those of the format. The same seed makes the same change."""
    dice = random.Random(seed)
    change = dice.choice((_replace_word, _replace_word, _copy_word, _drop_line, _double_line, _swap_lines, _nest))
    return change(data, words, dice)


def _span(data: bytes, dice: random.Random) -> tuple[int, int]:
    found = [match.span() for match in _WORD.finditer(data[:20_000])]
    return dice.choice(found) if found else (0, len(data))


def _replace_word(data: bytes, words: Sequence[bytes], dice: random.Random) -> bytes:
    start, end = _span(data, dice)
    return data[:start] + dice.choice((*words, *_ODD)) + data[end:]


def _copy_word(data: bytes, words: Sequence[bytes], dice: random.Random) -> bytes:
    del words
    start, end = _span(data, dice)
    first, last = _span(data, dice)
    return data[:start] + data[first:last] + data[end:]


def _drop_line(data: bytes, words: Sequence[bytes], dice: random.Random) -> bytes:
    del words
    lines = data.split(b"\n")
    del lines[dice.randrange(len(lines))]
    return b"\n".join(lines)


def _double_line(data: bytes, words: Sequence[bytes], dice: random.Random) -> bytes:
    del words
    lines = data.split(b"\n")
    lines.insert(dice.randrange(len(lines) + 1), dice.choice(lines))
    return b"\n".join(lines)


def _swap_lines(data: bytes, words: Sequence[bytes], dice: random.Random) -> bytes:
    del words
    lines = data.split(b"\n")
    one, other = dice.randrange(len(lines)), dice.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]
    return b"\n".join(lines)


def _nest(data: bytes, words: Sequence[bytes], dice: random.Random) -> bytes:
    del words
    start, end = _span(data, dice)
    depth = dice.choice((1, 2, _TALLEST))
    opening, closing = dice.choice(((b"[", b"]"), (b'{"a":', b"}"), (b"(", b")"), (b"{{ ", b" }}"), (b"- ", b"")))
    return data[:start] + opening * depth + data[start:end] + closing * depth + data[end:]
