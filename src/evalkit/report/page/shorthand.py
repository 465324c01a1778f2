"""Texts in shorthand: each frequent word becomes one character that no text uses. On top of it gzip needs half the room for random words.

gzip alone looks back 32 kB, which is too near to find most words again; a dictionary is global. On real prose it gains a few per cent.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_TOKEN = re.compile(r" ?\w{2,24}|\W|\w")
_FREQUENT = 8
_COUNTED = 2**22
"""Characters in which words are counted: more would take longer and find the same words."""


@dataclass(frozen=True, slots=True)
class Shorthand:
    """``texts[i]`` with each character ``codes[k]`` standing for ``words[k]``; every other character stands for itself."""

    words: list[str]
    codes: str
    texts: list[str]


def shorthand(texts: Sequence[str]) -> Shorthand:
    """Return ``texts`` in shorthand. Exact for any text, lone surrogates included; the same texts give the same shorthand."""
    codes = dict(zip(_frequent(texts), _unused(texts), strict=False))
    if not codes:
        return Shorthand([], "", list(texts))
    written = _Itself(codes).__getitem__
    return Shorthand(
        list(codes),
        "".join(codes.values()),
        ["".join(map(written, _TOKEN.findall(text))) for text in texts],
    )


class _Itself(dict[str, str]):
    """What has no code stands for itself."""

    def __missing__(self, token: str) -> str:
        self[token] = token
        return token


def _frequent(texts: Sequence[str]) -> list[str]:
    """The words worth a code, the most frequent first: they get the shortest."""
    step = max(1, sum(map(len, texts)) // _COUNTED)
    found: Counter[str] = Counter()
    for text in islice(texts, None, None, step):
        found.update(_TOKEN.findall(text))
    least = max(3, _FREQUENT // step)
    return [word for word, times in found.most_common() if times >= least and len(word) > 2]


def _unused(texts: Sequence[str]) -> Iterator[str]:
    """The characters from U+0080 that stand in none of ``texts``, without surrogates and noncharacters."""
    used: set[str] = set().union(*texts)
    return (one for one in map(chr, chain(range(0x80, 0xD800), range(0xE000, 0xFDD0))) if one not in used)
