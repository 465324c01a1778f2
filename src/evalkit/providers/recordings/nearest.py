"""Which of many known requests is nearest to one that has no answer, and in what the two differ."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalkit.canon import canonical_json
from evalkit.providers.failures import clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evalkit.model.calls import Message, Request

_CANDIDATES = 1_000
_COMPARED = 1_000  # characters of a request
_FIELDS = ("model", "kind", "messages", "params", "tools", "output_schema", "repeat")


@dataclass(frozen=True, slots=True)
class Difference:
    """One place in which two requests differ, with short excerpts for a person.

    ``place`` is a field (``model``, ``params.temperature``, ``messages[1].content of the user``); ``at`` is the first character that differs,
    counted from 1, where the field is a text.
    """

    place: str
    asked: str
    known: str
    at: int | None = None


class Nearest:
    """Finds the most similar of the ``known`` requests. With ``endpoint`` another address makes another request."""

    def __init__(self, known: Sequence[Request], *, endpoint: bool = False) -> None:
        self._known = known
        self._endpoint = endpoint
        self._by_messages: dict[tuple[Message, ...], list[int]] | None = None

    def find(self, request: Request) -> int | None:
        """Return the position of the nearest request, or None if none is known.

        One with the same messages wins; else one whose texts are most alike, the last message first, with few other differences.
        """
        same = self._same_messages().get(request.messages)
        if same:
            return min(same[:_CANDIDATES], key=lambda i: len(self._differing(request, i)))
        return self._most_similar(request)

    def _same_messages(self) -> dict[tuple[Message, ...], list[int]]:
        if self._by_messages is None:
            self._by_messages = defaultdict(list)
            for index, known in enumerate(self._known):
                self._by_messages[known.messages].append(index)
        return self._by_messages

    def _most_similar(self, request: Request) -> int | None:
        from rapidfuzz import fuzz, process

        everything = range(len(self._known))
        related = [i for i in everything if self._known[i].model == request.model] or list(everything)
        candidates = related[:_CANDIDATES]
        texts = [_text(self._known[i]) for i in candidates]
        found = process.extract(_text(request), texts, scorer=fuzz.ratio, limit=20)
        ranked = [(score - 10 * len(self._differing(request, candidates[i])), i) for _, score, i in found]
        return candidates[max(ranked)[1]] if ranked else None

    def _differing(self, request: Request, index: int) -> list[str]:
        return _differing(request, self._known[index], endpoint=self._endpoint)


def differences(asked: Request, known: Request, *, endpoint: bool = False) -> list[Difference]:
    """Return in which places two requests differ; their ``endpoint`` counts only if asked for."""
    return [found for name in _differing(asked, known, endpoint=endpoint) for found in _in_field(name, asked, known)]


def _text(request: Request) -> str:
    """What two requests are compared by: the texts of the messages, the last one first, because it differs most."""
    return "\n".join(message.content for message in reversed(request.messages))[:_COMPARED]


def _differing(asked: Request, known: Request, *, endpoint: bool) -> list[str]:
    one, other = asked.identity(), known.identity()
    fields = (*_FIELDS, "endpoint") if endpoint else _FIELDS
    return [field for field in fields if canonical_json(one[field]) != canonical_json(other[field])]


def _in_field(field: str, asked: Request, known: Request) -> Iterator[Difference]:
    if field == "messages":
        yield _in_messages(asked.messages, known.messages)
        return
    one, other = getattr(asked, field), getattr(known, field)
    if field == "params":
        for name in sorted(name for name in {*one, *other} if one.get(name) != other.get(name)):
            yield Difference(f"params.{name}", _shown(one.get(name)), _shown(other.get(name)))
    elif field in {"tools", "output_schema"}:
        yield _in_text(field, canonical_json(asked.identity()[field]), canonical_json(known.identity()[field]))
    else:
        yield Difference(field, _shown(one), _shown(other))


def _in_messages(asked: tuple[Message, ...], known: tuple[Message, ...]) -> Difference:
    if len(asked) != len(known):
        return Difference("messages", f"{len(asked)} messages", str(len(known)))
    pairs = enumerate(zip(asked, known, strict=True))
    index = next(
        (i for i, (one, other) in pairs if one != other), 0
    )  # equal, but not as JSON: 1 and 1.0 in tool arguments
    one, other = asked[index], known[index]
    place = f"messages[{index}]"
    if one.role != other.role:
        return Difference(f"{place}.role", one.role, other.role)
    if one.content != other.content:
        return _in_text(f"{place}.content of the {one.role}", one.content, other.content)
    return Difference(f"{place}.tool_calls or tool_call_id", "others", "others")


def _in_text(place: str, one: str, other: str) -> Difference:
    """Both texts around the first character in which they differ."""
    at = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    start = max(0, at - 20)
    lead = "…" if start else ""
    asked, known = (f"{lead}{clean(text[start : at + 40], limit=60)!r}" for text in (one, other))
    return Difference(place, asked, known, at + 1)


def _shown(value: Any) -> str:  # noqa: ANN401 - a field of a request
    return "not set" if value is None else clean(canonical_json(value), limit=60)
