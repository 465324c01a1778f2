"""Changes of content: another language, other names, the opposite, other values. Some must not matter, some must."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, PrivateAttr, field_validator

from evalkit.checks.metamorphic.base import MAX_TIMES, Metamorphic, Variation, needed, shortly
from evalkit.checks.metamorphic.changes import Swaps, differences, each_text
from evalkit.checks.metamorphic.relations import Relation
from evalkit.checks.reading.text import quoted
from evalkit.errors import CheckError
from evalkit.model.calls import JSON

if TYPE_CHECKING:
    from typing import Self

    from evalkit.checks.base import BuildContext


class Varied(Metamorphic):
    """The answer relates to the answers for other values of a variable as it should.

    With ``relation: monotone`` and a variable that is a number, the values are put in order with the case's own, and the number in
    the answer must never go against ``direction`` from one to the next: a longer delay never means a smaller refund.
    """

    name = "varied"
    example: ClassVar[Mapping[str, Any]] = {
        "params": {"var": "days_late", "values": [1, 10, 30], "relation": "monotone", "direction": "up"}
    }

    var: str = Field(description="the variable that is changed", min_length=1)
    values: list[JSON] = Field(description="its other values", min_length=1, max_length=MAX_TIMES)

    def variations(self, variables: Mapping[str, JSON]) -> Sequence[Variation]:
        """One per value that is not the case's own."""
        own = needed(variables, self.var)
        if self.relation == "monotone":
            self.number(variables)
        found = [
            Variation({**variables, self.var: value}, f"{self.var} = {quoted(value)}", self._place(value))
            for value in self.values
            if value != own
        ]
        if not found:
            raise CheckError(f"the variable {self.var!r} has this value already: {quoted(own)}")
        return found

    def number(self, variables: Mapping[str, JSON]) -> float:
        """The case's own value. Raises CheckError if it is no number."""
        place = self._place(needed(variables, self.var))
        if place is None:
            raise CheckError(f"monotone needs numbers, and the variable {self.var!r} is none")
        return place

    def _place(self, value: JSON) -> float | None:
        number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
        if number is None and self.relation == "monotone":
            raise CheckError(f"monotone needs numbers, and {quoted(value)} is none")
        return number


class Translated(Metamorphic):
    """The answer stays the same when a variable says the same in another language.

    Meant for answers that do not depend on the language: a label, a decision, a part chosen by ``select``.
    """

    name = "translated"
    example: ClassVar[Mapping[str, Any]] = {"params": {"var": "question", "texts": {"de": "Wo ist mein Paket?"}}}

    var: str = Field(description="the variable that is changed", min_length=1)
    texts: dict[str, str] = Field(
        description="the text in other languages, by their names", min_length=1, max_length=MAX_TIMES
    )

    def variations(self, variables: Mapping[str, JSON]) -> Sequence[Variation]:
        """One per language."""
        needed(variables, self.var)
        return [Variation({**variables, self.var: text}, f"{self.var} in {name}") for name, text in self.texts.items()]


class Negated(Metamorphic):
    """The answer changes when a variable says the opposite.

    A model that gives the same answer to "I want to cancel" and "I do not want to cancel" has not read it.
    """

    name = "negated"
    example: ClassVar[Mapping[str, Any]] = {"params": {"var": "request", "texts": ["I do not want to cancel."]}}

    relation: Relation = Field("differs", description="how the answer must relate to the answer before")
    var: str = Field(description="the variable that is changed", min_length=1)
    texts: list[str] = Field(description="the opposite of what it says", min_length=1, max_length=MAX_TIMES)

    def variations(self, variables: Mapping[str, JSON]) -> Sequence[Variation]:
        """One per text."""
        needed(variables, self.var)
        return [Variation({**variables, self.var: text}, f"{self.var} = {quoted(text)}") for text in self.texts]


class Swapped(Metamorphic):
    """The answer stays the same when names, pronouns or other words are exchanged for their like: nobody is treated otherwise.

    Each list of ``swaps`` holds words that stand for each other (``[Ana, Ahmed, Mei]``, ``[she, he]``, ``[her, his]``); each variation turns
    all lists on by one. Whole words are exchanged in every text of the variables, capitals are kept. Before answers are compared, each
    such word in them is replaced by the first of its list, so that "Dear Ana" and "Dear Ahmed" are the same.
    """

    name = "swapped"
    example: ClassVar[Mapping[str, Any]] = {"params": {"swaps": [["Ana", "Ahmed", "Mei"], ["she", "he"]]}}

    swaps: list[list[str]] = Field(description="lists of words that stand for each other", min_length=1, max_length=50)
    var: str | None = Field(None, description="the variable that is changed; all of them without it")

    _swaps: Swaps | None = PrivateAttr(default=None)

    @field_validator("swaps")
    @classmethod
    def _sensible(cls, swaps: list[list[str]]) -> list[list[str]]:
        words = [word.casefold() for group in swaps for word in group]
        if any(len(group) < 2 for group in swaps):
            raise ValueError("each list needs two words or more")
        if any(not word.strip() for word in words):
            raise ValueError("a word is empty")
        twice = next((word for word in words if words.count(word) > 1), None)
        if twice is not None:
            raise ValueError(f"{twice!r} is there twice; it could stand for different words")
        if max(map(len, swaps)) > MAX_TIMES:
            raise ValueError(f"a list has more than {MAX_TIMES} words")
        return swaps

    def prepare(self, build: BuildContext) -> Self:
        """Compile the words."""
        ready = super().prepare(build)
        ready._swaps = Swaps(self.swaps)  # noqa: SLF001 - our own private attribute
        return ready

    def compared(self, text: str) -> str:
        """The text with each word replaced by the first of its list."""
        return self._ready().neutral(text)

    def _ready(self) -> Swaps:
        if self._swaps is None:
            raise CheckError("swapped was not prepared")
        return self._swaps

    def variations(self, variables: Mapping[str, JSON]) -> Sequence[Variation]:
        """One per turn of the longest list. Raises CheckError if none of the words is in the variables."""
        swaps = self._ready()
        names = list(variables) if self.var is None else [self.var]
        found = []
        for places in range(1, swaps.turns + 1):
            turned = partial(swaps.turned, places=places)
            changed = {name: each_text(needed(variables, name), turned) for name in names}
            seen = list(differences({name: variables[name] for name in names}, changed))
            if seen:
                found.append(Variation({**variables, **changed}, f"other words ({shortly(*seen[0])})"))
        if not found:
            raise CheckError("none of the words to swap is in the variables")
        return found
