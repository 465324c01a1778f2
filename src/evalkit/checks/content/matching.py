"""Content: what the answer says."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, FiniteFloat, model_validator

from evalkit.checks.base import CheckContext, CheckModel
from evalkit.checks.count import Range, example
from evalkit.checks.reading.extract import NotJson, extract_json
from evalkit.checks.reading.text import Span, quoted
from evalkit.errors import CheckError
from evalkit.model.calls import JSON
from evalkit.model.results import Family, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from evalkit.model.calls import Reply

MAX_COMPARED = 20_000


class Contains(CheckModel):
    """The answer holds a text: once, several times, any of a list or all of it.

    ``contains: [a, b]`` wants all of them, like ``all``. ``count`` is for one text; occurrences do not overlap.
    """

    name: ClassVar[str] = "contains"
    family: ClassVar[Family] = "content"
    short: ClassVar[str | None] = "value"
    example = example(
        {"any": ["refund", "money back"], "ignore_case": True}, passes="A Refund is on its way.", fails="Hello!"
    )

    value: str | list[str] | None = Field(None, description="the text, or several that must all be there")
    any: list[str] | None = Field(None, description="at least one of these", min_length=1)
    all: list[str] | None = Field(None, description="every one of these", min_length=1)
    count: Range | None = Field(None, description="how often value must be there")
    ignore_case: bool = Field(False, description="upper and lower case are the same")
    word: bool = Field(False, description="whole words only: no letter, digit or underscore before and after")

    @model_validator(mode="after")
    def _one_way(self) -> Contains:
        if sum(given is not None for given in (self.value, self.any, self.all)) != 1:
            raise ValueError("give exactly one of value, any and all")
        if self.count is not None and not isinstance(self.value, str):
            raise ValueError("count needs value, one text")
        if "" in self._wanted:
            raise ValueError("an empty text is in every answer")
        return self

    @property
    def _wanted(self) -> list[str]:
        wanted = self.value or self.any or self.all or []
        return [wanted] if isinstance(wanted, str) else wanted

    def judge(self, ctx: CheckContext, replies: Sequence[Reply]) -> Verdict:
        """Look for every wanted text."""
        del replies
        found = {text: self._find(text, ctx.text) for text in self._wanted}
        spans = ctx.placed(span for places in found.values() for span in places)
        if self.count is not None:
            (text, places), *_ = found.items()
            reason = f"expected {quoted(text)} {self.count} times, found {len(places):,}"
            return self.verdict(self.count.holds(len(places)), reason, spans=spans)
        missing = [text for text, places in found.items() if not places]
        if self.any is not None:
            held = [text for text in found if text not in missing]
            reason = f"found {_listed(held)}" if held else f"expected any of {_listed(missing)}, found none"
            return self.verdict(bool(held), reason, spans=spans)
        reason = f"{_listed(missing)} not found" if missing else f"found {_listed(found)}"
        return self.verdict(not missing, reason, spans=spans)

    def _find(self, wanted: str, text: str) -> list[Span]:
        if not self.word and not self.ignore_case:
            return _occurrences(wanted, text)
        pattern = rf"(?<!\w){re.escape(wanted)}(?!\w)" if self.word else re.escape(wanted)
        flags = re.IGNORECASE if self.ignore_case else 0
        return [match.span() for match in re.finditer(pattern, text, flags)]


def _occurrences(wanted: str, text: str) -> list[Span]:
    found = []
    start = text.find(wanted)
    while start >= 0:
        end = start + len(wanted)
        found.append((start, end))
        start = text.find(wanted, end)
    return found


def _listed(texts: Iterable[str]) -> str:
    shown = [quoted(text) for text in texts]
    return ", ".join(shown[:5]) + (f" and {len(shown) - 5} more" if len(shown) > 5 else "")


class Equals(CheckModel):
    """The answer is exactly this text, or exactly this JSON value; white space around the answer never counts.

    JSON is compared as JSON: the order of keys does not count, ``1`` equals ``1.0``, and ``"1"``, ``1`` and ``true`` are different.
    """

    name: ClassVar[str] = "equals"
    family: ClassVar[Family] = "content"
    short: ClassVar[str | None] = "value"
    example = example({"value": "Paris", "ignore_case": True}, passes=" paris\n", fails="Paris, France")

    value: str | None = Field(None, description="the text wanted")
    json_: JSON = Field(None, alias="json", description="or the JSON value wanted")
    ignore_case: bool = Field(False, description="upper and lower case are the same")
    ignore_space: bool = Field(False, description="a run of white space is one blank")
    ignore_punctuation: bool = Field(False, description="punctuation does not count")
    ignore_accents: bool = Field(False, description="é is e, ü is u")
    unicode: Literal["NFC", "NFKC", "none"] = Field(
        "NFC",
        description="how characters are compared: NFC as composed, NFKC also full-width and the like, none as they are",
    )

    @model_validator(mode="after")
    def _one_way(self) -> Equals:
        if (self.value is None) == ("json_" not in self.model_fields_set):
            raise ValueError("give either value, a text, or json, a JSON value")
        if self.value is None and self.model_fields_set - {"json_"}:
            raise ValueError("ignore_case, ignore_space, … and unicode are for texts, not for json")
        return self

    def judge(self, ctx: CheckContext, replies: Sequence[Reply]) -> Verdict:
        """Compare the normalised texts, or the JSON values."""
        del replies
        if self.value is None:
            return self._judge_json(ctx)
        if ctx.selected and not isinstance(ctx.value, str):
            found = f"found {quoted(ctx.value)}, which is not a text ('equals: {{json: …}}' compares JSON values)"
            return self.verdict("fail", f"expected {quoted(self.value)}, {found}")
        held = self._normal(ctx.text) == self._normal(self.value)
        reason = f"expected {quoted(self.value)}, found {quoted(ctx.text.strip())}"
        return self.verdict(held, reason if held else reason + _first_difference(self.value.strip(), ctx.text.strip()))

    def _judge_json(self, ctx: CheckContext) -> Verdict:
        value = ctx.value
        if not ctx.selected:
            found = extract_json(ctx.text, where="whole")
            if isinstance(found, NotJson):
                return self.verdict("fail", f"expected the JSON {quoted(self.json_)}, found no JSON: {found.reason}")
            value = found.value
        return self.verdict(_same_json(value, self.json_), f"expected {quoted(self.json_)}, found {quoted(value)}")

    def _normal(self, text: str) -> str:
        text = (text if self.unicode == "none" else unicodedata.normalize(self.unicode, text)).strip()
        if self.ignore_accents:
            split = unicodedata.normalize("NFD", text)
            text = unicodedata.normalize("NFC", "".join(char for char in split if not unicodedata.combining(char)))
        if self.ignore_case:
            text = text.casefold()
        if self.ignore_punctuation:
            text = "".join(char for char in text if not unicodedata.category(char).startswith("P")).strip()
        return " ".join(text.split()) if self.ignore_space else text


def _first_difference(wanted: str, found: str) -> str:
    if len(wanted) < 40 and len(found) < 40:
        return ""
    at = next((i for i, (a, b) in enumerate(zip(wanted, found, strict=False)) if a != b), min(len(wanted), len(found)))
    return f"; they differ from character {at + 1} on: {quoted(wanted[at : at + 30])} against {quoted(found[at : at + 30])}"


def _same_json(a: JSON, b: JSON) -> bool:
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_same_json(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(_same_json(x, y) for x, y in zip(a, b, strict=True))
    return a == b


class Similarity(CheckModel):
    """The answer is nearly the same text as a given one, by the edits that lead from one to the other.

    The score is 1 - edits / length of the longer text: 1 is the same text, 0 has nothing in common. Meaning plays no part.

    Source: Levenshtein 1966, as implemented by rapidfuzz.
    """

    name: ClassVar[str] = "similarity"
    family: ClassVar[Family] = "content"
    scored: ClassVar[bool] = True
    example = example(
        {"to": "Your order is late.", "min": 0.8}, passes="Your orders are late.", fails="We shipped it yesterday."
    )

    to: str | list[str] = Field(description="the text, or several of which the nearest counts", min_length=1)
    min: FiniteFloat = Field(description="the least score that passes, from 0 to 1", gt=0, le=1)
    ignore_case: bool = Field(False, description="upper and lower case are the same")

    def judge(self, ctx: CheckContext, replies: Sequence[Reply]) -> Verdict:
        """Score against each text. Raises CheckError for an answer too long to compare."""
        del replies
        from rapidfuzz.distance import Levenshtein

        answer = self._normal(ctx.text)
        if len(answer) > MAX_COMPARED:
            raise CheckError(f"the answer has {len(answer):,} characters; at most {MAX_COMPARED:,} are compared")
        texts = [self.to] if isinstance(self.to, str) else self.to
        scores = {text: Levenshtein.normalized_similarity(answer, self._normal(text)) for text in texts}
        nearest = max(scores, key=lambda text: scores[text])
        score = scores[nearest]
        reason = f"expected at least {self.min:g}, found {score:.3f} against {quoted(nearest)}"
        return self.verdict(score >= self.min, reason, score=score)

    def _normal(self, text: str) -> str:
        text = unicodedata.normalize("NFC", text).strip()
        return text.casefold() if self.ignore_case else text
