"""Changes to a case's variables that should, or should not, change the answer. Deterministic: the same text is changed in the same way."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random
from typing import TYPE_CHECKING, Any, TypeVar

from evalkit.canon import digest

if TYPE_CHECKING:
    from evalkit.model.calls import JSON

T = TypeVar("T")

_NEIGHBOURS: Mapping[str, str] = {
    "q": "wa", "w": "qes", "e": "wrd", "r": "etf", "t": "ryg", "y": "tuh", "u": "yij", "i": "uok", "o": "ipl", "p": "ol",
    "a": "qsz", "s": "awdx", "d": "sefc", "f": "drgv", "g": "fthb", "h": "gyjn", "j": "hukm", "k": "jil", "l": "kop",
    "z": "asx", "x": "zsdc", "c": "xdfv", "v": "cfgb", "b": "vghn", "n": "bhjm", "m": "njk",
}  # fmt: skip
"""Keys beside each other on a QWERTY keyboard."""

_WORD = re.compile(r"(?<![\w@./-])[^\W\d_]{4,}(?![\w@/-]|\.\w)")
"""Words of at least four letters that stand alone: no part of an e-mail address, a link, an order number or a hyphenated name."""

FRAMES = (
    ("Please help me with this: ", ""),
    ("I have a question. ", ""),
    ("", " Thank you in advance."),
    ("Could you look at the following for me? ", ""),
    ("Hi! ", ""),
)
"""Ways to say the same: what stands before a text, and what behind it."""

SENTENCES = (
    "By the way, it has been raining here all week.",
    "My neighbour has just painted his fence green.",
    "I am writing this on the train.",
    "Sorry if I write slowly, I have only just had my first coffee.",
    "The library in our town has long opening hours.",
)
"""Sentences that have nothing to do with anything."""

PADDINGS: Mapping[str, Callable[[str], str]] = {
    "blanks": lambda text: f"   {text}   ",
    "lines": lambda text: f"\n\n{text}\n\n\n",
    "doubled": lambda text: text.replace(" ", "  "),
    "tabs": lambda text: text.replace(" ", "\t"),
}
CASES: Mapping[str, Callable[[str], str]] = {
    "upper": str.upper,
    "lower": str.lower,
    "title": lambda text: re.sub(r"\b\w", lambda match: match.group().upper(), text.lower()),
}


class Dice:
    """Numbers that depend on ``seed`` alone. Only :meth:`random.Random.random` is used: it is the same in every version of Python."""

    def __init__(self, *seed: JSON) -> None:
        self._random = Random(int(digest(list(seed))[:16], 16))  # noqa: S311 - a choice that can be repeated, not a secret

    def below(self, limit: int) -> int:
        """A whole number from 0 to ``limit`` - 1."""
        return int(self._random.random() * limit)

    def choice(self, items: Sequence[T]) -> T:
        """One of ``items``."""
        return items[self.below(len(items))]

    def sample(self, count: int, items: Sequence[T]) -> list[T]:
        """At most ``count`` of ``items``, in random order."""
        left = list(items)
        return [left.pop(self.below(len(left))) for _ in range(min(count, len(left)))]


def misspelled(text: str, *, rate: float, number: int) -> str:
    """``text`` with a slip of the fingers in about ``rate`` of its words, at least in one; the ``number``-th of many ways to do so."""
    dice = Dice("misspelled", text, number)
    words = list(_WORD.finditer(text))
    chosen = {match.start() for match in dice.sample(max(1, round(rate * len(words))), words)}
    return _WORD.sub(lambda match: _slip(match.group(), dice) if match.start() in chosen else match.group(), text)


def _slip(word: str, dice: Dice) -> str:
    """One slip behind the first letter: a neighbouring key, two letters changed round, one left out, or one twice."""
    at = 1 + dice.below(len(word) - 2)
    kind = dice.below(4)
    near = _NEIGHBOURS.get(word[at].lower())
    if kind == 0 and near:
        key = dice.choice(near)
        return word[:at] + (key.upper() if word[at].isupper() else key) + word[at + 1 :]
    if kind == 1 and word[at] != word[at + 1]:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return word[:at] + word[at + 1 :] if kind == 2 else word[: at + 1] + word[at:]


def reordered(items: Sequence[T], *, number: int) -> list[T]:
    """The items in another order: first reversed, then shuffled in the ``number``-th way."""
    if number == 0:
        return list(reversed(items))
    return Dice("reordered", len(items), number).sample(len(items), list(items))


class Swaps:
    """Words that stand for each other: names, pronouns. Each set is turned by the same number of places, so that texts stay consistent.

    Only whole words count, in any case, and the case of the first letter (or of the whole word) is kept.
    """

    def __init__(self, sets: Sequence[Sequence[str]]) -> None:
        self._places = {word.casefold(): (list(words), index) for words in sets for index, word in enumerate(words)}
        longest = sorted(self._places, key=len, reverse=True)
        self._pattern = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest))})(?!\w)", re.IGNORECASE)
        self.turns = max(len(words) for words in sets) - 1

    def turned(self, text: str, places: int) -> str:
        """``text`` with every word replaced by the one ``places`` further on in its set."""

        def other(match: re.Match[str]) -> str:
            words, index = self._places.get(match.group().casefold(), ([match.group()], 0))
            return _in_case_of(match.group(), words[(index + places) % len(words)])

        return self._pattern.sub(other, text)

    def neutral(self, text: str) -> str:
        """``text`` with every word replaced by the first of its set: the same for texts that differ in nothing else."""

        def first(match: re.Match[str]) -> str:
            words, _ = self._places.get(match.group().casefold(), ([match.group()], 0))
            return _in_case_of(match.group(), words[0])

        return self._pattern.sub(first, text)


def _in_case_of(model: str, word: str) -> str:
    if len(model) > 1 and model.isupper():
        return word.upper()
    return word[:1].upper() + word[1:] if model[:1].isupper() else word[:1].lower() + word[1:]


def each_text(value: JSON, change: Callable[[str], str]) -> JSON:
    """``value`` with ``change`` applied to every text in it; keys stay."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {key: each_text(item, change) for key, item in value.items()}
    return [each_text(item, change) for item in value] if isinstance(value, list | tuple) else value


def differences(before: Any, after: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - any JSON value
    """The texts that differ between two values of the same form."""
    if isinstance(before, str) and isinstance(after, str):
        if before != after:
            yield before, after
    elif isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in before:
            yield from differences(before[key], after.get(key))
    elif isinstance(before, list | tuple) and isinstance(after, list | tuple):
        for one, other in zip(before, after, strict=False):
            yield from differences(one, other)
