"""A run's cases as one small block of text that the page's script unpacks: columns, a dictionary of strings, shorthand, gzip, base 85."""

from __future__ import annotations

import base64
import json
import math
import zlib
from collections.abc import Hashable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic_core import to_json

from evalkit.compare.paired_outcomes import flip_name
from evalkit.model.calls import CallFailure
from evalkit.model.results import PRIMARY
from evalkit.report.json_export import plain
from evalkit.report.page.shorthand import Shorthand, shorthand

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from evalkit.compare.values import Comparison
    from evalkit.model.calls import Attempt, Call, Reply, Request, ToolCall
    from evalkit.model.cases import Trial, Variant
    from evalkit.model.results import Result, Verdict
    from evalkit.report.values import RunReport

SCHEMA = "evalkit.page/2"
K = TypeVar("K", bound=Hashable)
_LEVEL = 6
"""9 takes twice as long and saves half a per cent."""
_GZIP = 31
"""zlib's name for gzip with the largest window; the time in its head is 0."""
_PIECE = 2**20
"""Bytes that are written in base 85 at once: a multiple of 4, so that pieces join up."""
_ITEMS = 2**13
_MUCH = 2**21
"""Characters from which on shorthand is worth its time: fewer make a page of less than 1 MB anyway."""
_written = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


def packed(report: RunReport) -> str:
    """Return :func:`page_data`, its strings in shorthand, as base 85 of gzip of JSON. Deterministic: the same report gives the same text.

    Base 85 (RFC 1924's alphabet, with ``,`` for ``<`` so that no markup can appear) is 6% smaller than base 64.
    """
    data = page_data(report)
    short = shorthand(data["strings"]) if sum(map(len, data["strings"])) > _MUCH else Shorthand([], "", data["strings"])
    data |= {"strings": short.texts, "words": short.words, "codes": short.codes}
    zipper = zlib.compressobj(_LEVEL, wbits=_GZIP)
    zipped = b"".join([*map(zipper.compress, _pieces(data)), zipper.flush()])
    parts = (zipped[start : start + _PIECE] for start in range(0, len(zipped), _PIECE))
    return "".join(base64.b85encode(part).decode("ascii") for part in parts).replace("<", ",")


def _pieces(value: Any, depth: int = 2) -> Iterator[bytes]:  # noqa: ANN401 - any JSON value
    """The JSON of ``value``, piece by piece: as a whole it would be in memory three times, 50,000 cases are 30 MB."""
    if isinstance(value, dict) and value and depth:
        for place, (key, item) in enumerate(value.items()):
            yield f"{',' if place else '{'}{_written(key)}:".encode()
            yield from _pieces(item, depth - 1)
        yield b"}"
    elif isinstance(value, list) and len(value) > _ITEMS:
        for start in range(0, len(value), _ITEMS):
            yield b"," if start else b"["
            yield _utf8(_written(value[start : start + _ITEMS])[1:-1])
        yield b"]"
    else:
        yield _utf8(_written(value))


def _utf8(text: str) -> bytes:
    """``text`` in UTF-8. A lone surrogate is the one thing that cannot hold; as \\udXXX it is a valid JSON escape."""
    return text.encode("utf-8", "backslashreplace")


def page_data(report: RunReport) -> dict[str, Any]:
    """Return the run as columns, every string once.

    ``trials.*[i]`` belong to one trial; ``case``, ``variant``, ``messages``, ``verdicts`` and the texts are indices into the tables of that
    name (``strings`` for texts). Trials are sorted by case, so that similar answers lie close together and compress well.
    """
    packer = _Packer()
    for result in _by_case(report.results):
        packer.add(result)
    comparisons = [_comparison(comparison) for comparison in report.comparisons]
    return {"schema": SCHEMA, "mode": report.run.mode, **packer.tables(), "comparisons": comparisons}


def _by_case(results: Sequence[Result]) -> list[Result]:
    first: dict[tuple[str, str], int] = {}
    for place, result in enumerate(results):
        first.setdefault((result.trial.suite, result.trial.case.id), place)
    return sorted(results, key=lambda r: (first[r.trial.suite, r.trial.case.id], r.trial.repeat))


class _Table(Generic[K]):
    """Distinct keys in order of first use, each with one row."""

    def __init__(self) -> None:
        self._index: dict[K, int] = {}

    def __getitem__(self, key: K) -> int:
        return self._index.setdefault(key, len(self._index))

    def rows(self) -> list[K]:
        return list(self._index)


_TRIAL_COLUMNS = (
    "case", "variant", "repeat", "status", "messages", "answer", "finish", "failure", "hint", "source", "latency", "first_token", "cost",
    "judge_cost", "input", "cached", "output", "reasoning", "attempts", "tools", "served", "tried", "verdicts", "followups",
)  # fmt: skip
_VERDICT_COLUMNS = ("check", "family", "status", "reason", "score", "spans", "severity", "line", "detail")


class _Packer:
    def __init__(self) -> None:
        self._strings: _Table[str] = _Table()
        self._variants: _Table[tuple[str, str]] = _Table()
        self._variant_rows: list[dict[str, Any]] = []
        self._cases: _Table[tuple[str, str]] = _Table()
        self._case_rows: list[dict[str, Any]] = []
        self._messages: _Table[tuple[tuple[Any, ...], ...]] = _Table()
        self._verdicts: _Table[tuple[Any, ...]] = _Table()
        self._trials: dict[str, list[Any]] = {name: [] for name in _TRIAL_COLUMNS}

    def add(self, result: Result) -> None:
        row = {**self._place(result), **self._reply(result.reply), **self._call(result.call)}
        row["judge_cost"] = _sum(call.cost_usd for call in result.followups) if result.followups else 0
        row["followups"] = tuple(self._followup(call) for call in result.followups)
        row["tried"] = tuple(self._tried(call) for call in result.tried)
        row["verdicts"] = tuple(self._verdict(verdict) for verdict in result.verdicts)
        row["status"] = result.status
        if result.served != PRIMARY:
            row["served"] = self._strings[f"{result.served}, in place of {result.trial.variant.model}"]
        for name in _TRIAL_COLUMNS:
            self._trials[name].append(row[name])

    def tables(self) -> dict[str, Any]:
        verdicts = self._verdicts.rows()
        return {
            "strings": self._strings.rows(),
            "variants": self._variant_rows,
            "cases": self._case_rows,
            "messages": self._messages.rows(),
            "verdicts": {name: [row[i] for row in verdicts] for i, name in enumerate(_VERDICT_COLUMNS)},
            "trials": self._trials,
        }

    def _place(self, result: Result) -> dict[str, Any]:
        trial = result.trial
        case, variant = self._cases[trial.suite, trial.case.id], self._variants[trial.suite, trial.variant.label]
        if case == len(self._case_rows):
            self._case_rows.append(self._case(trial))
        if variant == len(self._variant_rows):
            self._variant_rows.append(_variant(trial.suite, trial.variant))
        return {
            "case": case,
            "variant": variant,
            "repeat": trial.repeat,
            "messages": self._messages[self._request(result.call.request)],
        }

    def _case(self, trial: Trial) -> dict[str, Any]:
        case = trial.case
        given = {"vars": case.vars, **({"expect": case.expect} if case.expect else {})}
        return {
            "suite": trial.suite,
            "path": trial.suite_path,
            "id": case.id,
            "tags": tuple(sorted(case.tags)),
            "where": str(case.where),
            "given": self._strings[_indented(given)],
        }

    def _request(self, request: Request) -> tuple[tuple[Any, ...], ...]:
        """Of each message the role, the text, and the tool calls if there are any."""
        return tuple(
            (
                message.role,
                self._strings[message.content],
                *([_tools(message.tool_calls)] if message.tool_calls else ()),
            )
            for message in request.messages
        )

    def _reply(self, reply: Reply) -> dict[str, Any]:
        if isinstance(reply, CallFailure):
            hint = None if reply.hint is None else self._strings[reply.hint]
            return _unanswered() | {"answer": self._strings[reply.message], "failure": reply.kind, "hint": hint}
        return _unanswered() | {
            "answer": self._strings[reply.text or reply.refusal or ""],
            "finish": reply.finish,
            "latency": _rounded(reply.latency_s),
            "first_token": _rounded(reply.first_token_s),
            "input": reply.usage.input_tokens,
            "cached": reply.usage.cached_input_tokens,
            "output": reply.usage.output_tokens,
            "reasoning": reply.usage.reasoning_tokens,
            "tools": _tools(reply.tool_calls) or None,
            "served": reply.served_model and self._strings[reply.served_model],
        }

    def _call(self, call: Call) -> dict[str, Any]:
        return {
            "source": call.source,
            "cost": _rounded(call.cost_usd, 9),
            "attempts": tuple(self._attempt(attempt) for attempt in call.attempts),
        }

    def _followup(self, call: Call) -> list[Any]:
        """What a check asked and was told: model, kind, messages, reply, failure, source, cost, latency, tokens in and out."""
        reply = self._reply(call.reply)
        return [
            self._strings[call.request.model],
            call.request.kind,
            self._messages[self._request(call.request)],
            reply["answer"],
            reply["failure"],
            call.source,
            _rounded(call.cost_usd, 9),
            *(reply[name] for name in ("latency", "input", "output")),
        ]

    def _tried(self, call: Call) -> list[Any]:
        """A call that failed before another one served: model, failure, message, attempts."""
        reply = self._reply(call.reply)
        return [self._strings[call.request.model], reply["failure"], reply["answer"], len(call.attempts)]

    def _attempt(self, attempt: Attempt) -> list[Any]:
        times = [_rounded(attempt.latency_s), _rounded(attempt.wait_s)]
        return [*times, attempt.status, attempt.failure, self._strings[attempt.message] if attempt.message else None]

    def _verdict(self, verdict: Verdict) -> int:
        return self._verdicts[
            verdict.check,
            verdict.family,
            verdict.status,
            self._strings[verdict.reason],
            _rounded(verdict.score),
            verdict.spans,
            verdict.severity,
            verdict.line,
            self._strings[verdict.detail] if verdict.detail else None,
        ]


def _indented(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """JSON on many lines; Python's own writer needs ten times as long for it."""
    try:
        return to_json(value, indent=2, inf_nan_mode="null", fallback=str).decode()
    except ValueError:  # a lone surrogate: what is written for people may show it as an escape
        return json.dumps(plain(value), indent=2, default=str)


_OF_REPLY = (
    "finish", "failure", "hint", "latency", "first_token", "input", "cached", "output", "reasoning", "tools", "served",
)  # fmt: skip


def _unanswered() -> dict[str, Any]:
    return dict.fromkeys(_OF_REPLY)


def _tools(calls: Iterable[ToolCall]) -> tuple[tuple[str, str], ...]:
    """Of each tool call its name and its arguments as JSON."""
    return tuple((call.name, json.dumps(plain(call.arguments), ensure_ascii=False)) for call in calls)


def _variant(suite: str, variant: Variant) -> dict[str, Any]:
    return {
        "suite": suite,
        "name": variant.name,
        "label": variant.label,
        "prompt": variant.prompt,
        "model": variant.model,
        "params": plain(variant.params),
    }


def _comparison(comparison: Comparison) -> dict[str, Any]:
    return {
        "suite": comparison.suite,
        "a": plain(comparison.a),
        "b": plain(comparison.b),
        "flips": [[flip.case_id, flip_name(flip), flip.a, flip.b] for flip in comparison.flips],
    }


def _rounded(value: float | None, digits: int = 4) -> float | None:
    return None if value is None or not math.isfinite(value) else round(value, digits)


def _sum(costs: Iterable[float | None]) -> float | None:
    known: Sequence[float | None] = list(costs)
    return None if any(cost is None for cost in known) else _rounded(math.fsum(cost or 0.0 for cost in known), 9)
