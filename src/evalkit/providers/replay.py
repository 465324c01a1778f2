"""Answering from recordings: the same request gets the same answer, and a miss says which recording was nearest and why."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from evalkit.canon import canonical_json
from evalkit.errors import CallError
from evalkit.providers.failures import clean
from evalkit.providers.recording import replay_key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from evalkit.model.calls import Message, Request, Response
    from evalkit.providers.recording import Exchange

_EXPLAINED = 50  # misses whose nearest recording is looked for; after that the reason is known
_CANDIDATES = 1_000
_COMPARED = 1_000  # characters of a request
_FIELDS = ("model", "kind", "messages", "params", "tools", "output_schema", "repeat")


class ReplayProvider:
    """Answers requests from ``exchanges``; ``folder`` is where they came from, for messages. Needs no network and no key.

    Of several exchanges with one key the last counts, so that a newer recording replaces an older one.
    """

    def __init__(self, exchanges: Iterable[Exchange], *, folder: str) -> None:
        self._by_key = {exchange.key: exchange for exchange in exchanges}
        self._folder = folder
        self._misses = 0
        self._by_messages: dict[tuple[Message, ...], list[Exchange]] | None = None

    async def complete(self, request: Request) -> Response:
        """Return the recorded answer. Raises CallError (``replay_miss``) that names the nearest recording."""
        exchange = self._by_key.get(replay_key(request))
        if exchange is None:
            raise self._miss(request)
        return exchange.response

    async def aclose(self) -> None:
        """Nothing is open."""

    def _miss(self, request: Request) -> CallError:
        self._misses += 1
        message = f"nothing is recorded for this request in {self._folder}"
        nearest = self._nearest(request) if self._misses <= _EXPLAINED else None
        if nearest is not None:
            message += f"; the nearest recording, {nearest.where}, differs in {differences(request, nearest.request)}"
        elif not self._by_key:
            message += ": there are no recordings"
        return CallError(message, kind="replay_miss", hint="record it with: evalkit run --record")

    def _nearest(self, request: Request) -> Exchange | None:
        same = self._same_messages().get(request.messages)
        if same:
            return min(same[:_CANDIDATES], key=lambda exchange: len(_differing(request, exchange.request)))
        return self._most_similar(request)

    def _same_messages(self) -> dict[tuple[Message, ...], list[Exchange]]:
        if self._by_messages is None:
            self._by_messages = defaultdict(list)
            for exchange in self._by_key.values():
                self._by_messages[exchange.request.messages].append(exchange)
        return self._by_messages

    def _most_similar(self, request: Request) -> Exchange | None:
        from rapidfuzz import fuzz, process

        everything = list(self._by_key.values())
        related = [e for e in everything if e.request.model == request.model] or everything
        candidates = related[:_CANDIDATES]
        texts = [_text(exchange.request) for exchange in candidates]
        found = process.extract(_text(request), texts, scorer=fuzz.ratio, limit=20)
        ranked = [(score - 10 * len(_differing(request, candidates[i].request)), i) for _, score, i in found]
        return candidates[max(ranked)[1]] if ranked else None


def _text(request: Request) -> str:
    """What two requests are compared by: the texts of the messages, the last one first, because it differs most."""
    return "\n".join(message.content for message in reversed(request.messages))[:_COMPARED]


def differences(asked: Request, recorded: Request) -> str:
    """Say in which fields two requests differ, each with a short excerpt of both, for a person. ``endpoint`` never counts."""
    return "; ".join(_difference(field, asked, recorded) for field in _differing(asked, recorded))


def _differing(asked: Request, recorded: Request) -> list[str]:
    one, other = asked.identity(), recorded.identity()
    return [field for field in _FIELDS if canonical_json(one[field]) != canonical_json(other[field])]


def _difference(field: str, asked: Request, recorded: Request) -> str:
    if field == "messages":
        return _message_difference(asked.messages, recorded.messages)
    one, other = getattr(asked, field), getattr(recorded, field)
    if field == "params":
        names = sorted(name for name in {*one, *other} if one.get(name) != other.get(name))
        return ", ".join(
            f"params.{name} ({_shown(one.get(name))}, recorded {_shown(other.get(name))})" for name in names
        )
    if field in {"tools", "output_schema"}:
        one, other = asked.identity()[field], recorded.identity()[field]
        return f"{field} ({_excerpts(_json(one), _json(other))})"
    return f"{field} ({_shown(one)}, recorded {_shown(other)})"


def _message_difference(asked: tuple[Message, ...], recorded: tuple[Message, ...]) -> str:
    if len(asked) != len(recorded):
        return f"messages ({len(asked)} messages, recorded {len(recorded)})"
    index = next(i for i, (one, other) in enumerate(zip(asked, recorded, strict=True)) if one != other)
    one, other = asked[index], recorded[index]
    place = f"messages[{index}]"
    if one.role != other.role:
        return f"{place}.role ({one.role}, recorded {other.role})"
    if one.content != other.content:
        return f"{place}.content of the {one.role} ({_excerpts(one.content, other.content)})"
    return f"{place}.tool_calls or tool_call_id"


def _excerpts(one: str, other: str) -> str:
    """Both texts around the first character in which they differ."""
    at = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    start = max(0, at - 20)
    lead = "…" if start else ""
    return (
        f"{lead}{clean(one[start : at + 40], limit=60)!r}, recorded {lead}{clean(other[start : at + 40], limit=60)!r}"
    )


def _shown(value: Any) -> str:  # noqa: ANN401 - a field of a request
    return "not set" if value is None else clean(_json(value), limit=60)


def _json(value: Any) -> str:  # noqa: ANN401 - any JSON value
    return canonical_json(value)
