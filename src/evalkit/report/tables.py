"""A stored run as tables for other programs: the columns, documented, and one plain row per trial, verdict or call."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from evalkit.model.calls import CallFailure, Response
from evalkit.report.json_export import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from evalkit.model.calls import Call, Reply
    from evalkit.model.results import Result
    from evalkit.store.journal.reader import RunRecords

Kind = Literal["varchar", "bigint", "double", "boolean", "timestamp", "json"]
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Column:
    """One column. ``kind`` is its SQL type; a ``json`` column holds any JSON value, as text where the format has no such thing."""

    name: str
    kind: Kind
    comment: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class ExportTable:
    """A table that can be exported: its columns in order, and the rows of a run, each with every column."""

    name: str
    comment: str
    columns: tuple[Column, ...]
    rows: Callable[[RunRecords], Iterator[Row]]


_TRIAL_KEY = (
    Column("run_id", "varchar", "the run", required=True),
    Column("test_id", "varchar", "id of the pytest item", required=True),
    Column("suite", "varchar", "name of the suite", required=True),
    Column("case_id", "varchar", "id of the case", required=True),
    Column("variant", "varchar", "name of the variant", required=True),
    Column(
        "label", "varchar", "variant and what it is crossed with, as between the brackets of a test id", required=True
    ),
    Column("repeat_number", "bigint", "counts from 0", required=True),
)
_REPLY = (
    Column("failure", "varchar", "kind of failure; null for an answer"),
    Column("failure_message", "varchar", "what happened; null for an answer"),
    Column("finish", "varchar", "stop, length, filtered, refusal, tool_calls or unknown; null for a failure"),
    Column("source", "varchar", "live, cache, replay, scripted or shared", required=True),
    Column("served_model", "varchar", "model that the provider says answered"),
    Column("latency_s", "double", "seconds, of the attempt that succeeded"),
    Column("first_token_s", "double", "seconds to the first token of a streamed answer"),
    Column("input_tokens", "bigint", "as the provider counted, cached ones included"),
    Column("output_tokens", "bigint", "as the provider counted"),
    Column("cached_input_tokens", "bigint", "part of input_tokens"),
    Column("reasoning_tokens", "bigint", "part of output_tokens"),
    Column("cost_usd", "double", "usage times price, whoever paid; null if unknown"),
    Column("paid_usd", "double", "what this run paid; null if unknown"),
    Column("attempts", "bigint", "tries at the call; 0 if nobody was asked", required=True),
    Column("settled_at", "timestamp", "UTC"),
    Column("request_key", "varchar", "sha256 over everything that changes the answer", required=True),
)


def _trials(records: RunRecords) -> Iterator[Row]:
    for result in records.results:
        trial, variant, reply = result.trial, result.trial.variant, result.reply
        counting = [v.check for v in result.verdicts if v.severity == "fail" and v.status in {"fail", "error"}]
        yield {
            **_key(records, result),
            "status": result.status,
            "failed_checks": counting,
            "answer": reply.text if isinstance(reply, Response) else None,
            "tool_calls": plain(reply.tool_calls) if isinstance(reply, Response) else [],
            "served": result.served if isinstance(reply, Response) else None,
            "model": variant.model,
            "prompt": variant.prompt,
            "prompt_digest": variant.prompt_digest,
            "params": plain(variant.params),
            "cell": variant.cell,
            "suite_path": trial.suite_path,
            "case_line": trial.case.where.line,
            "case_digest": trial.case.digest,
            "cluster": trial.case.cluster,
            "tags": sorted(trial.case.tags),
            "vars": plain(trial.case.vars),
            "expect": plain(trial.case.expect),
            **_reply(result.call),
        }


def _verdicts(records: RunRecords) -> Iterator[Row]:
    for result in records.results:
        for position, verdict in enumerate(result.verdicts):
            yield {
                **_key(records, result),
                "position": position,
                "check_name": verdict.check,
                "family": verdict.family,
                "status": verdict.status,
                "severity": verdict.severity,
                "reason": verdict.reason,
                "score": plain(verdict.score),
                "spans": plain(verdict.spans),
                "suite_path": result.trial.suite_path,
                "check_line": verdict.line,
                "detail": verdict.detail,
            }


def _requests(records: RunRecords) -> Iterator[Row]:
    for stored in records.stored_calls:
        request, reply = stored.call.request, stored.call.reply
        yield {
            "run_id": records.run.run_id,
            "call_id": f"{records.run.run_id}/{stored.id}",
            "kind": request.kind,
            "model": request.model,
            "endpoint": request.endpoint,
            "messages": plain(request.messages),
            "params": plain(request.params),
            "tools": plain(request.tools),
            "output_schema": plain(request.output_schema),
            "repeat_number": request.repeat,
            "answer": reply.text if isinstance(reply, Response) else None,
            "tool_calls": plain(reply.tool_calls) if isinstance(reply, Response) else [],
            **_reply(stored.call),
            "request_key": stored.key,
        }


def _key(records: RunRecords, result: Result) -> Row:
    trial = result.trial
    return {
        "run_id": records.run.run_id,
        "test_id": trial.test_id,
        "suite": trial.suite,
        "case_id": trial.case.id,
        "variant": trial.variant.name,
        "label": trial.variant.label,
        "repeat_number": trial.repeat,
    }


def _reply(call: Call) -> Row:
    return {
        **_answered(call.reply),
        "source": call.source,
        "cost_usd": plain(call.cost_usd),
        "paid_usd": plain(call.paid_usd),
        "attempts": len(call.attempts),
        "settled_at": _moment(call.settled_at),
        "request_key": call.request.key,
    }


def _answered(reply: Reply) -> Row:
    if isinstance(reply, CallFailure):
        names = ("finish", "served_model", "latency_s", "first_token_s", *_TOKENS)
        return {"failure": reply.kind, "failure_message": reply.message, **dict.fromkeys(names)}
    return {
        "failure": None,
        "failure_message": None,
        "finish": reply.finish,
        "served_model": reply.served_model,
        "latency_s": plain(reply.latency_s),
        "first_token_s": plain(reply.first_token_s),
        **{name: getattr(reply.usage, name) for name in _TOKENS},
    }


_TOKENS = ("input_tokens", "output_tokens", "cached_input_tokens", "reasoning_tokens")


def _moment(seconds: float) -> str | None:
    """Unix seconds as ISO 8601 in UTC; None for what is no time."""
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat() if seconds else None
    except (ValueError, OverflowError, OSError):
        return None


TRIALS = ExportTable(
    "trials",
    "One row per case, variant and repeat, with the answer.",
    (
        *_TRIAL_KEY,
        Column("status", "varchar", "pass, fail or error (no answer, or it could not be judged)", required=True),
        Column("failed_checks", "json", "names of the counting checks that did not pass", required=True),
        Column("answer", "varchar", "text of the answer; null without one"),
        Column("tool_calls", "json", "list of {id, name, arguments}", required=True),
        Column("served", "varchar", "whose answer it is: primary, the model of a fallback, or canned answer"),
        Column("model", "varchar", "provider/model", required=True),
        Column("prompt", "varchar", "reference with version", required=True),
        Column("prompt_digest", "varchar", "sha256 of its text with all it includes", required=True),
        Column("params", "json", "sampling parameters", required=True),
        Column("cell", "varchar", "dimensions crossed with every variant", required=True),
        Column("suite_path", "varchar", "file of the suite", required=True),
        Column("case_line", "bigint", "line of the case in its file"),
        Column("case_digest", "varchar", "digest of the case's content", required=True),
        Column("cluster", "varchar", "group of dependent cases"),
        Column("tags", "json", "sorted names", required=True),
        Column("vars", "json", "what the prompt was rendered with", required=True),
        Column("expect", "json", "expectations", required=True),
        *_REPLY,
    ),
    _trials,
)
VERDICTS = ExportTable(
    "verdicts",
    "One row per check and trial.",
    (
        *_TRIAL_KEY,
        Column("position", "bigint", "order in the suite, from 0", required=True),
        Column("check_name", "varchar", "as a reader names it", required=True),
        Column("family", "varchar", "shape, content, safety, judge, metamorphic, operational or custom", required=True),
        Column("status", "varchar", "pass, fail, error or skip", required=True),
        Column("severity", "varchar", "fail counts, warn does not", required=True),
        Column("reason", "varchar", "what was expected and what was found", required=True),
        Column("score", "double", "0 to 1; null if the check has none"),
        Column("spans", "json", "list of [start, end] character offsets into the answer", required=True),
        Column("suite_path", "varchar", "file of the suite", required=True),
        Column("check_line", "bigint", "line of the check in its file"),
        Column("detail", "varchar", "what stands behind the reason, line by line", required=True),
    ),
    _verdicts,
)
REQUESTS = ExportTable(
    "requests",
    "One row per settled call, those of judges and fallbacks included, as it was sent and answered.",
    (
        Column("run_id", "varchar", "the run", required=True),
        Column("call_id", "varchar", "its place in the run's journals", required=True),
        Column("kind", "varchar", "chat, embed or moderate", required=True),
        Column("model", "varchar", "provider/model", required=True),
        Column("endpoint", "varchar", "provider kind and base URL", required=True),
        Column("messages", "json", "list of {role, content, …}", required=True),
        Column("params", "json", "sampling parameters", required=True),
        Column("tools", "json", "tools offered", required=True),
        Column("output_schema", "json", "JSON Schema of the structured output"),
        Column("repeat_number", "bigint", "counts from 0", required=True),
        Column("answer", "varchar", "text of the answer; null without one"),
        Column("tool_calls", "json", "list of {id, name, arguments}", required=True),
        *_REPLY,
    ),
    _requests,
)
EXPORT_TABLES = {table.name: table for table in (TRIALS, VERDICTS, REQUESTS)}
"""Every table by name."""
