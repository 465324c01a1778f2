"""A run as rows of the database: one function per table, columns in the order of ``schema.sql``."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from evalkit.model.calls import CallFailure, Response
from evalkit.store.journal.codec import dumps, encode_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from evalkit.model.calls import Request
    from evalkit.model.cases import Case
    from evalkit.model.results import PromptRecord, Result, Verdict
    from evalkit.store.journal.reader import RunRecords

Row: TypeAlias = tuple[Any, ...]

_INT32 = 2**31
_INT64 = 2**63
_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Table:
    """How a table is filled whose rows are of single runs, by their column ``run_id``."""

    name: str
    rows: Callable[[RunRecords], Iterable[Row]]


@dataclass(frozen=True, slots=True)
class SharedTable:
    """How a table is filled with content that several runs have in common, told apart by its first ``key`` columns.

    ``found`` tells what a run has, by key; ``row`` makes the rest of its row. It is asked only for what is not in the table yet.
    """

    name: str
    key: tuple[str, ...]
    found: Callable[[RunRecords], dict[Row, Any]]
    row: Callable[[Any], Row]


def text(value: str | None) -> str | None:
    """``value`` as UTF-8 can hold it: lone surrogates become question marks."""
    if value is None or value.isascii():
        return value
    return value.encode("utf-8", "replace").decode("utf-8")


def as_json(value: object) -> str | None:
    """``value``, as it was read from a journal, as JSON text for a JSON column; None for None."""
    if value is None:
        return None
    if value in ({}, [], ()):
        return "{}" if isinstance(value, dict) else "[]"
    return text(_JSON.encode(value))


def moment(value: str | float | None) -> datetime | None:
    """An ISO 8601 string or Unix seconds as naive UTC; None for what is no time."""
    try:
        if isinstance(value, str):
            return _naive(datetime.fromisoformat(value))
        return None if value is None else _naive(datetime.fromtimestamp(value, UTC))
    except (ValueError, OverflowError, OSError):
        return None


def whole(value: int | None) -> int | None:
    """``value`` if a BIGINT can hold it, else None: a provider may report anything."""
    return value if value is not None and -_INT64 <= value < _INT64 else None


def small(value: int | None) -> int | None:
    """``value`` if an INTEGER can hold it, else None: a journal may come from anybody."""
    return value if value is not None and -_INT32 <= value < _INT32 else None


def real(value: float | None) -> float | None:
    """``value`` if it is a finite number, else None."""
    try:
        return float(value) if value is not None and math.isfinite(value) else None
    except OverflowError:
        return None


def _naive(at: datetime) -> datetime:
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC).replace(tzinfo=None)


def _runs(records: RunRecords) -> Iterator[Row]:
    run = records.run
    yield (
        run.run_id,
        moment(run.started_at),
        moment(run.finished_at),
        run.mode,
        run.complete,
        run.partial,
        small(run.planned if run.planned is not None else (records.planned or None)),
        len(records.possibly_billed),
        text(run.evalkit_version),
        text(run.python_version),
        text(run.git_revision),
        text(run.git_branch),
        run.git_dirty,
        text(run.command),
        as_json(run.extra),
        [text(note) for note in records.damage],
    )


def _suites(records: RunRecords) -> Iterator[Row]:
    named = dict.fromkeys((result.trial.suite, result.trial.suite_path) for result in records.results)
    for suite, path in named:
        yield records.run.run_id, text(suite), text(path)


def _prompts(records: RunRecords) -> dict[Row, PromptRecord]:
    return {(text(prompt.ref), text(prompt.digest)): prompt for prompt in records.prompts}


def _prompt(prompt: PromptRecord) -> Row:
    return text(prompt.path), text(prompt.description), text(prompt.at), as_json(prompt.sources)


def _variants(records: RunRecords) -> Iterator[Row]:
    found = {(r.trial.suite_path, r.trial.variant.label): r.trial.variant for r in records.results}
    for (path, label), variant in found.items():
        names = (path, label, variant.name, variant.cell, variant.prompt, variant.prompt_digest, variant.model)
        yield records.run.run_id, *map(text, names), as_json(variant.params), text(variant.at)


def _cases(records: RunRecords) -> dict[Row, Case]:
    trials = (result.trial for result in records.results)
    return {(text(trial.suite_path), text(trial.case.id), trial.case.digest): trial.case for trial in trials}


def _tags(case: Case) -> list[str]:
    return sorted(filter(None, map(text, case.tags)))


def _case(case: Case) -> Row:
    return (
        as_json(case.vars),
        as_json(case.expect),
        _tags(case),
        text(case.cluster),
        text(case.where.path),
        small(case.where.line),
        as_json([encode_whole(check) for check in case.checks]),
    )


def _requests(records: RunRecords) -> dict[Row, Request]:
    return {(stored.key,): stored.call.request for stored in records.stored_calls}


def _request(request: Request) -> Row:
    return (
        request.kind,
        text(request.model),
        text(request.endpoint),
        as_json([encode_whole(message) for message in request.messages]),
        as_json(request.params),
        as_json([encode_whole(tool) for tool in request.tools]),
        as_json(request.output_schema),
        small(request.repeat),
    )


def _responses(records: RunRecords) -> Iterator[Row]:
    for stored in records.stored_calls:
        call = stored.call
        yield (
            call_id(records, stored.id),
            records.run.run_id,
            stored.key,
            call.source,
            moment(call.settled_at),
            real(call.cost_usd),
            real(call.paid_usd),
            *_reply(call.reply),
        )


def _reply(reply: Response | CallFailure) -> Row:
    if isinstance(reply, CallFailure):
        return reply.kind, text(reply.message), *([None] * 14)
    usage = reply.usage
    return (
        None,
        None,
        text(reply.text),
        reply.finish,
        real(reply.latency_s),
        whole(usage.input_tokens),
        whole(usage.output_tokens),
        whole(usage.cached_input_tokens),
        whole(usage.reasoning_tokens),
        text(reply.served_model),
        text(reply.request_id),
        as_json([encode_whole(tool) for tool in reply.tool_calls]),
        text(reply.refusal),
        reply.repaired,
        [text(label) for label in reply.labels],
        len(reply.vectors[0]) if reply.vectors else None,
    )


def _attempts(records: RunRecords) -> Iterator[Row]:
    for stored in records.stored_calls:
        for attempt in stored.call.attempts:
            yield (
                call_id(records, stored.id),
                records.run.run_id,
                small(attempt.number),
                moment(attempt.started_at),
                real(attempt.latency_s),
                real(attempt.wait_s),
                small(attempt.status),
                attempt.failure,
                text(attempt.message),
            )


def _trials(records: RunRecords) -> Iterator[Row]:
    keys = {stored.id: stored.key for stored in records.stored_calls}
    for stored in records.stored:
        result = stored.result
        trial, variant = result.trial, result.trial.variant
        yield (
            trial_id(records, result),
            records.run.run_id,
            *map(text, (trial.suite, trial.suite_path, trial.case.id, trial.case.digest)),
            *map(text, (variant.name, variant.cell, variant.label)),
            small(trial.repeat),
            text(trial.test_id),
            result.status,
            call_id(records, stored.call_id),
            keys[stored.call_id],
            text(result.served if isinstance(result.reply, Response) else None),
            _tags(trial.case),
            text(trial.case.cluster),
        )


def _tried(records: RunRecords) -> Iterator[Row]:
    for stored in records.stored:
        trial = trial_id(records, stored.result)
        for position, call in enumerate(stored.tried_ids):
            yield trial, records.run.run_id, position, call_id(records, call)


def _followups(records: RunRecords) -> Iterator[Row]:
    for stored in records.stored:
        trial = trial_id(records, stored.result)
        for position, call in enumerate(stored.followup_ids):
            yield trial, records.run.run_id, position, call_id(records, call)


def _verdicts(records: RunRecords) -> Iterator[Row]:
    for result in records.results:
        trial = trial_id(records, result)
        for position, verdict in enumerate(result.verdicts):
            yield trial, records.run.run_id, position, *_verdict(verdict)


def _verdict(verdict: Verdict) -> Row:
    return (
        text(verdict.check),
        verdict.family,
        verdict.status,
        verdict.severity,
        text(verdict.reason),
        real(verdict.score),
        dumps(verdict.spans) if verdict.spans else "[]",
        small(verdict.line),
    )


def _gates(records: RunRecords) -> Iterator[Row]:
    for gate in records.gates:
        names = (gate.suite, gate.suite_path, gate.variant, gate.gate, gate.status, gate.reason)
        yield records.run.run_id, *map(text, names), as_json(gate.numbers), small(gate.line)


def _skips(records: RunRecords) -> Iterator[Row]:
    for skip in records.skips:
        yield records.run.run_id, text(skip.test_id), text(skip.reason), small(skip.trials)


def _labels(records: RunRecords) -> Iterator[Row]:
    for label in records.labels:
        yield (
            text(f"{records.run.run_id}/{label.test_id}#{label.repeat}"),
            records.run.run_id,
            text(label.check),
            label.passed,
            text(label.by),
            moment(label.at),
            text(label.comment),
        )


def _preferences(records: RunRecords) -> Iterator[Row]:
    for one in records.preferences:
        yield (
            records.run.run_id,
            *map(text, (one.suite_path, one.case_id, one.a, one.b)),
            small(one.repeat),
            one.winner,
            text(one.by),
            moment(one.at),
            text(one.comment),
        )


def call_id(records: RunRecords, place: str) -> str:
    """The id of a call in the database: its run and its place in the run's journals."""
    return f"{records.run.run_id}/{place}"


def trial_id(records: RunRecords, result: Result) -> str | None:
    """The id of a trial in the database."""
    return text(f"{records.run.run_id}/{result.trial.test_id}#{result.trial.repeat}")


TABLES: tuple[Table | SharedTable, ...] = (
    Table("runs", _runs),
    Table("suites", _suites),
    SharedTable("prompts", ("ref", "digest"), _prompts, _prompt),
    Table("variants", _variants),
    SharedTable("cases", ("suite_path", "case_id", "case_digest"), _cases, _case),
    SharedTable("requests", ("request_key",), _requests, _request),
    Table("responses", _responses),
    Table("attempts", _attempts),
    Table("trials", _trials),
    Table("tried", _tried),
    Table("followups", _followups),
    Table("verdicts", _verdicts),
    Table("gates", _gates),
    Table("skips", _skips),
    Table("labels", _labels),
    Table("preferences", _preferences),
)
"""Every table that a run fills."""
