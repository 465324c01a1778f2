"""Changes of form that should not matter: typing errors, letter case, blanks, an irrelevant sentence, another order, other words."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from evalkit.checks.metamorphic.base import MAX_TIMES, Metamorphic, Variation, needed, shortly
from evalkit.checks.metamorphic.changes import (
    CASES,
    FRAMES,
    PADDINGS,
    SENTENCES,
    Dice,
    differences,
    each_text,
    misspelled,
    reordered,
)
from evalkit.errors import CheckError

if TYPE_CHECKING:
    from collections.abc import Callable

    from evalkit.model.calls import JSON


class TextChange(Metamorphic):
    """Base of the checks that change the texts in one variable: it is a text, or a list or mapping with texts in it."""

    var: str = Field(description="the variable that is changed", min_length=1)

    @abstractmethod
    def changes(self, value: JSON) -> Sequence[tuple[str, Callable[[str], str]]]:
        """The changes: what each is called, and what it makes of a text."""

    def variations(self, variables: Mapping[str, JSON]) -> Sequence[Variation]:
        """Each change that makes a difference, once. Raises CheckError if none does."""
        value = needed(variables, self.var)
        found: list[Variation] = []
        for name, change in self.changes(value):
            changed = each_text(value, change)
            if changed == value or any(changed == variation.vars[self.var] for variation in found):
                continue
            before, after = next(differences(value, changed))
            found.append(
                Variation({**variables, self.var: changed}, f"{name} in {self.var} ({shortly(before, after)})")
            )
        if not found:
            raise CheckError(f"{self.name} finds nothing to change in the variable {self.var!r}")
        return found


class Misspelled(TextChange):
    """The answer stays the same when words of a variable are mistyped.

    Words of four letters and more are hit, at least one: a neighbouring key, two letters changed round, one left out or doubled. Numbers, e-mail
    addresses, links, and names with digits or hyphens stay as they are. Which slips are made depends on the text and on nothing else.
    """

    name = "misspelled"
    example: ClassVar[Mapping[str, Any]] = {"params": {"var": "question", "times": 2}}

    rate: float = Field(0.1, description="the share of words that are mistyped", gt=0, le=1)
    times: int = Field(1, description="how many variations are asked", ge=1, le=MAX_TIMES)

    def changes(self, value: JSON) -> Sequence[tuple[str, Callable[[str], str]]]:
        """As many ways to mistype as asked for."""
        del value
        return [("typing errors", partial(misspelled, rate=self.rate, number=number)) for number in range(self.times)]


class Recased(TextChange):
    """The answer stays the same when a variable is written in capitals, or in small letters."""

    name = "recased"
    example: ClassVar[Mapping[str, Any]] = {"params": {"var": "question"}}

    to: list[Literal["upper", "lower", "title"]] = Field(
        ["upper", "lower"],
        description="the variations: all capitals, all small, each word with a capital",
        min_length=1,
    )

    def changes(self, value: JSON) -> Sequence[tuple[str, Callable[[str], str]]]:
        """One per way of writing."""
        del value
        return [(f"{name} case", CASES[name]) for name in self.to]


class Padded(TextChange):
    """The answer stays the same when there are more blanks, tabs or empty lines in and around a variable."""

    name = "padded"
    example: ClassVar[Mapping[str, Any]] = {"params": {"var": "question"}}

    how: list[Literal["blanks", "lines", "doubled", "tabs"]] = Field(
        ["blanks", "lines", "doubled"],
        description="the variations: blanks around, empty lines around, every blank twice, tabs for blanks",
        min_length=1,
    )

    def changes(self, value: JSON) -> Sequence[tuple[str, Callable[[str], str]]]:
        """One per kind of white space."""
        del value
        return [(f"white space ({name})", PADDINGS[name]) for name in self.how]


class Distracted(TextChange):
    """The answer stays the same when a sentence is added that has nothing to do with the matter.

    The sentences are English unless ``sentences`` gives others.
    """

    name = "distracted"
    example: ClassVar[Mapping[str, Any]] = {"params": {"var": "question", "times": 2}}

    sentences: list[str] | None = Field(
        None, description="the irrelevant sentences, instead of evalkit's", min_length=1
    )
    place: Literal["before", "behind"] = Field("behind", description="where the sentence stands")
    times: int = Field(1, description="how many variations are asked", ge=1, le=MAX_TIMES)

    def changes(self, value: JSON) -> Sequence[tuple[str, Callable[[str], str]]]:
        """One per sentence."""
        chosen = Dice("distracted", value).sample(self.times, self.sentences or SENTENCES)
        around = ((f"{sentence} ", "") if self.place == "before" else ("", f" {sentence}") for sentence in chosen)
        return [("an irrelevant sentence", partial(_between, *sides)) for sides in around]


class Reordered(Metamorphic):
    """The answer stays the same when the items of a list variable (options, documents) come in another order.

    The first variation is the reverse, further ones are shuffled.
    """

    name = "reordered"
    example: ClassVar[Mapping[str, Any]] = {"params": {"var": "documents", "times": 2}}

    var: str = Field(description="the variable, which is a list", min_length=1)
    times: int = Field(1, description="how many orders are asked", ge=1, le=MAX_TIMES)

    def variations(self, variables: Mapping[str, JSON]) -> Sequence[Variation]:
        """Other orders, each once. Raises CheckError for what is no list of different items."""
        items = needed(variables, self.var)
        if not isinstance(items, list | tuple):
            raise CheckError(f"the variable {self.var!r} is not a list, so that it has no order")
        orders: list[list[JSON]] = []
        for number in range(4 * self.times):
            order = reordered(items, number=number)
            if order != list(items) and order not in orders and len(orders) < self.times:
                orders.append(order)
        if not orders:
            raise CheckError(f"the variable {self.var!r} holds {len(items)} items, which have no other order")
        return [
            Variation({**variables, self.var: order}, f"{self.var} in order {_places(items, order)}")
            for order in orders
        ]


def _places(items: Sequence[JSON], order: Sequence[JSON]) -> str:
    return " ".join(str(list(items).index(item) + 1) for item in order[:12]) + (" …" if len(order) > 12 else "")


class Paraphrased(TextChange):
    """The answer stays the same when a variable says the same in other words.

    ``texts`` are the other words, best from the dataset (``texts: "{{ expect.paraphrases }}"``). Without them evalkit puts polite English
    phrases around the text, which is the least that must not matter.
    """

    name = "paraphrased"
    example: ClassVar[Mapping[str, Any]] = {"params": {"var": "question", "texts": ["When does my parcel arrive?"]}}

    texts: list[str] | None = Field(None, description="the same in other words", min_length=1, max_length=MAX_TIMES)
    times: int = Field(2, description="without texts: how many variations are asked", ge=1, le=len(FRAMES))

    def changes(self, value: JSON) -> Sequence[tuple[str, Callable[[str], str]]]:
        """One per text, or per phrase around the text."""
        if self.texts is not None:
            if not isinstance(value, str):
                raise CheckError(f"the variable {self.var!r} is no text that other words could stand for")
            return [("other words", partial(_instead, text)) for text in self.texts]
        frames = Dice("paraphrased", value).sample(self.times, FRAMES)
        return [("a phrase around the text", partial(_between, *frame)) for frame in frames]


def _instead(text: str, before: str) -> str:
    del before
    return text


def _between(before: str, behind: str, text: str) -> str:
    return f"{before}{text}{behind}"
