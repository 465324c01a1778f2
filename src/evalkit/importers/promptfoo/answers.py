"""The answers of a results file (``promptfoo eval -o output.json``) as recordings: what was paid once can be judged again, without a key."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalkit.errors import ConfigError, EvalkitError, Where
from evalkit.files import read_text
from evalkit.importers.notes import UnportableError
from evalkit.importers.promptfoo.models import reference_of
from evalkit.importers.promptfoo.prompts import messages_of
from evalkit.model.calls import Finish, Response, Usage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from evalkit.model.calls import Request

Asked = tuple[str, tuple[tuple[str, str], ...]]
"""What tells two requests apart there and here: the model, and each message's role and text."""

MAX_BYTES = 512 * 1024 * 1024
_FINISH: dict[str, Finish] = {
    "stop": "stop",
    "end_turn": "stop",
    "length": "length",
    "max_tokens": "length",
    "content_filter": "filtered",
    "tool_calls": "tool_calls",
}


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers of a file, in its order, by what was asked; and how many rows hold none that can be judged again, by the reason."""

    found: Mapping[Asked, Sequence[Response]]
    passed_over: Mapping[str, int]

    def matched(self, requests: Iterable[Request]) -> list[tuple[Request, Response]]:
        """Each request that has an answer with it: the first repeat with the first. Requests that differ in their parameters alone have none."""
        asked: dict[Asked, dict[str, Request]] = {}
        for request in requests:
            asked.setdefault(_asked(request), {})[request.key] = request
        pairs: list[tuple[Request, Response]] = []
        for what, several in asked.items():
            repeats = sorted(several.values(), key=lambda request: request.repeat)
            if len({request.repeat for request in repeats}) == len(repeats):
                pairs += zip(repeats, self.found.get(what, ()), strict=False)
        return pairs


def is_results(path: Path) -> bool:
    """Whether ``path`` looks like a results file: JSON that has results and says which evaluation they are of, or JSON Lines."""
    if path.suffix.lower() != ".json" or not path.is_file():  # whoever reads a FIFO waits for ever
        return path.suffix.lower() == ".jsonl"
    with path.open("rb") as file:
        return b'"evalId"' in file.read(4096)


def read_answers(path: Path) -> Answers:
    """Read the results at ``path``. Raises ConfigError if it holds none."""
    rows = _rows(path)
    found: dict[Asked, list[Response]] = {}
    passed_over: Counter[str] = Counter()
    for row in rows:
        try:
            asked, response = _answer(row if isinstance(row, dict) else {})
        except UnportableError as why:
            passed_over[str(why)] += 1
            continue
        found.setdefault(asked, []).append(response)
    return Answers(found, passed_over)


def _rows(path: Path) -> list[Any]:
    where = Where(path.name)
    try:
        text = read_text(path, where=where, limit=MAX_BYTES)
        if path.suffix.lower() == ".jsonl":
            return [json.loads(line) for line in text.split("\n") if line.strip()]
        whole = json.loads(text)
    except EvalkitError as error:
        raise ConfigError(error.message, hint=error.hint, where=error.where) from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(
            f"not JSON: {error}", hint="write it again: promptfoo eval -o output.json", where=where
        ) from error
    rows = _in(_in(whole, "results"), "results")
    if not isinstance(rows, list):
        hint = "promptfoo 0.90 or newer writes results.results: promptfoo eval -o output.json"
        raise ConfigError("there are no results in it", hint=hint, where=where)
    return rows


def _answer(row: dict[str, Any]) -> tuple[Asked, Response]:
    """What one row asked, and what was answered. Raises UnportableError for a row that does not say it as the model did."""
    reply, provider, raw = row.get("response"), row.get("provider"), _in(row.get("prompt"), "raw")
    text = _in(reply, "output")
    if _in(reply, "error") or not isinstance(reply, dict):
        raise UnportableError("no answer")
    if _in(_in(row.get("testCase"), "options"), "transform"):
        raise UnportableError("its answer was transformed, and what the model said is not kept")
    if not isinstance(text, str) or not isinstance(raw, str):
        raise UnportableError("its answer or its prompt is no text")
    name = provider if isinstance(provider, str) else _in(provider, "id")
    asked = reference_of(str(name)), _messages(raw)
    return asked, _response(text, reply, row.get("latencyMs"))


def _response(text: str, reply: dict[str, Any], latency_ms: object) -> Response:
    """The answer with what is known of its cost and time; of one from promptfoo's cache nothing is."""
    cached, tokens = reply.get("cached") is True, reply.get("tokenUsage")
    usage = Usage() if cached else Usage(_count(_in(tokens, "prompt")), _count(_in(tokens, "completion")))
    seconds = (
        latency_ms / 1000 if isinstance(latency_ms, (int, float)) and 0 < latency_ms < 1e9 and not cached else None
    )
    finish = _FINISH.get(str(reply.get("finishReason")), "stop")
    return Response(text, finish=finish, usage=usage, latency_s=seconds)


def _messages(raw: str) -> tuple[tuple[str, str], ...]:
    chat = messages_of(raw.strip()) if raw.strip().startswith(("[", "- ")) else None
    return tuple((role, text.strip()) for role, text in chat or [("user", raw)])


def _asked(request: Request) -> Asked:
    return request.model, tuple((message.role, message.content.strip()) for message in request.messages)


def _count(value: object) -> int | None:
    return value if type(value) is int and 0 < value < 10**9 else None


def _in(value: object, key: str) -> Any:  # noqa: ANN401 - whatever the file holds
    return value.get(key) if isinstance(value, dict) else None
