"""What a run's journal records mean: each kind of record, taken into one growing picture of the run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from evalkit.errors import StoreError
from evalkit.model.calls import Call, Request, Response
from evalkit.model.cases import Case, Trial, Variant
from evalkit.model.results import PRIMARY, GateOutcome, Label, Preference, PromptRecord, Result, RunInfo, Verdict
from evalkit.store.journal.codec import decode, decode_text
from evalkit.store.journal.lines import FORMAT, parse
from evalkit.store.journal.sharing import Sharing

_MOST = 10**9
_NEWER = "it was written by a newer evalkit; upgrade this one"


@dataclass(frozen=True, slots=True)
class StoredCall:
    """A call with its ``id`` in the run (``<file>#<record number>``) and the request key it was made under.

    ``redacted``: something was taken out of its reply before it was written.
    """

    id: str
    key: str
    call: Call
    redacted: bool = False


@dataclass(frozen=True, slots=True)
class StoredResult:
    """A result with the ids of its calls."""

    result: Result
    call_id: str
    followup_ids: tuple[str, ...]
    tried_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Skip:
    """A test that was skipped on purpose, with the number of its trials."""

    test_id: str
    reason: str
    trials: int


@dataclass(frozen=True, slots=True)
class CallRecord:
    """The record ``call``."""

    t: Literal["call"]
    call: Call
    key: str
    redacted: bool = False


@dataclass(frozen=True, slots=True)
class Reference:
    """Where a result's call is: record ``n`` of the same file, which was made under ``key``."""

    n: int
    key: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class TrialRecord:
    """A trial without its request, unless that differs from its call's."""

    suite: str
    suite_path: str
    case: Case
    variant: Variant
    repeat: int
    request: Request | None = None


@dataclass(frozen=True, slots=True)
class ResultRecord:
    """The record ``result``."""

    t: Literal["result"]
    trial: TrialRecord
    verdicts: tuple[Verdict, ...]
    call: Reference
    followups: tuple[Reference, ...]
    tried: tuple[Reference, ...] = ()
    served: str = PRIMARY


@dataclass(slots=True)
class Gathered:
    """What has been read of a run so far; :func:`take` adds to it."""

    sharing: Sharing = field(default_factory=Sharing)
    starts: list[RunInfo] = field(default_factory=list)
    ends: list[RunInfo] = field(default_factory=list)
    tests: dict[str, None] = field(default_factory=dict)
    planned: int = 0
    skipped: dict[str, Skip] = field(default_factory=dict)
    prompts: dict[tuple[str, str], PromptRecord] = field(default_factory=dict)
    calls: dict[str, StoredCall] = field(default_factory=dict)
    results: dict[tuple[str, int], StoredResult] = field(default_factory=dict)
    gates: dict[tuple[str, str, str], GateOutcome] = field(default_factory=dict)
    labels: dict[tuple[str, int, str, str], Label] = field(default_factory=dict)
    preferences: dict[tuple[str, str, str, str, int, str], Preference] = field(default_factory=dict)
    conclusion: dict[str, Any] | None = None
    intents: dict[str, None] = field(default_factory=dict)
    damage: list[str] = field(default_factory=list)


def take(got: Gathered, body: bytes, place: str) -> None:
    """Add one record, the JSON ``body`` found at ``place`` (``<file>#<record number>``). Raises StoreError if it makes no sense."""
    if body.startswith(b'{"t":"call"'):
        call = decode_text(CallRecord, body)
        if call is not None:
            return _add_call(got, call, place)
    elif body.startswith(b'{"t":"result"'):
        result = decode_text(ResultRecord, body)
        if result is not None:
            return _add_result(got, result, place)
    return _take_slowly(got, body, place)


def _take_slowly(got: Gathered, body: bytes, place: str) -> None:
    record = parse(body)
    if record is None:
        raise StoreError("it holds no record")
    kind = record["t"]
    if kind not in _TAKERS:
        raise StoreError(f"unknown kind {kind[:40]!r}", hint=_NEWER)
    try:
        _TAKERS[kind](got, record, place)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise StoreError(f"a {kind!r} record is not as it should be: {type(error).__name__}: {error}") from error


def _take_run(got: Gathered, record: dict[str, Any], _: str) -> None:
    if record["format"] != FORMAT:
        raise StoreError(
            f"journal format {record['format']!r}, this evalkit reads {FORMAT}",
            hint=_NEWER,
        )
    got.starts.append(decode(RunInfo, record["run"]))


def _take_end(got: Gathered, record: dict[str, Any], _: str) -> None:
    got.ends.append(decode(RunInfo, record["run"]))


def _take_plan(got: Gathered, record: dict[str, Any], _: str) -> None:
    got.tests.update(dict.fromkeys(map(_text, record["tests"])))
    got.planned = max(got.planned, _count(record["planned"]))  # every xdist worker plans the same tests


def _take_skip(got: Gathered, record: dict[str, Any], _: str) -> None:
    got.skipped[record["test"]] = Skip(_text(record["test"]), _text(record["reason"]), _count(record["trials"]))


def _take_prompt(got: Gathered, record: dict[str, Any], _: str) -> None:
    prompt = decode(PromptRecord, record["prompt"])
    got.prompts[prompt.ref, prompt.digest] = prompt


def _take_intent(got: Gathered, record: dict[str, Any], _: str) -> None:
    got.intents[_text(record["key"])] = None


def _take_call(got: Gathered, record: dict[str, Any], place: str) -> None:
    _add_call(got, decode(CallRecord, record), place)


def _add_call(got: Gathered, record: CallRecord, place: str) -> None:
    call = got.sharing.call(record.call, record.key)
    got.calls[place] = StoredCall(place, call.request.key, call, record.redacted)


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _MOST:
        raise TypeError(f"{value!r:.40} is no number of trials")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.40} is no text")
    return value


def _take_result(got: Gathered, record: dict[str, Any], place: str) -> None:
    _add_result(got, decode(ResultRecord, record), place)


def _add_result(got: Gathered, record: ResultRecord, place: str) -> None:
    call = _find(got, record.call, place)
    followups = tuple(_find(got, reference, place) for reference in record.followups)
    tried = tuple(_find(got, reference, place) for reference in record.tried)
    trial = _trial(got.sharing, record.trial, call.call.request)
    result = Result(
        trial=trial,
        call=call.call,
        verdicts=got.sharing.verdicts(record.verdicts),
        followups=tuple(followup.call for followup in followups),
        tried=tuple(failed.call for failed in tried),
        served=got.sharing.text(record.served),
    )
    stored = StoredResult(
        result, call.id, tuple(followup.id for followup in followups), tuple(failed.id for failed in tried)
    )
    _must_agree(got.results.get((trial.test_id, trial.repeat)), stored)
    got.results[trial.test_id, trial.repeat] = stored  # a trial that was run again replaces its first result


def _trial(sharing: Sharing, read: TrialRecord, request: Request) -> Trial:
    path = sharing.text(read.suite_path)
    return Trial(
        suite=sharing.text(read.suite),
        suite_path=path,
        case=sharing.case(path, read.case),
        variant=sharing.variant(path, read.variant),
        repeat=read.repeat,
        request=request if read.request is None else read.request,
    )


def _must_agree(before: StoredResult | None, now: StoredResult) -> None:
    """Raise StoreError if two processes measured one trial and got different answers: nobody can say which one counts."""
    if before is None or _file(before.call_id) == _file(now.call_id):
        return
    if _measured(before.result) != _measured(now.result):
        raise StoreError(
            f"trial {now.result.trial.test_id} has two different results, with the calls {before.call_id} and {now.call_id}",
            hint="keep one of the two files, or measure again: a run's folder holds one result of each trial",
        )


def _file(call_id: str) -> str:
    return call_id.rpartition("#")[0]


def _measured(result: Result) -> tuple[object, ...]:
    """What makes two measurements of a trial differ; latency and cost may."""
    reply = result.call.reply
    answer = reply.text if isinstance(reply, Response) else reply.kind
    return answer, [(verdict.check, verdict.status) for verdict in result.verdicts]


def _find(got: Gathered, reference: Reference, place: str) -> StoredCall:
    found = got.calls.get(f"{_file(place)}#{reference.n}")
    if found is None or found.key != reference.key:
        raise StoreError(f"its call is missing (record {reference.n} of the same file)")
    return found


def _take_gates(got: Gathered, record: dict[str, Any], _: str) -> None:
    for raw in record["gates"]:
        gate = decode(GateOutcome, raw)
        got.gates[gate.suite_path, gate.gate, gate.variant] = gate


def _take_conclusion(got: Gathered, record: dict[str, Any], _: str) -> None:
    if not isinstance(record["conclusion"], dict):
        raise TypeError("it holds no object")
    got.conclusion = record["conclusion"]


def _take_labels(got: Gathered, record: dict[str, Any], _: str) -> None:
    for raw in record["labels"]:
        label = decode(Label, raw)
        key = (label.test_id, label.repeat, label.check, label.by)
        known = got.labels.get(key)
        if known is None or known.at <= label.at:  # files are read by name, not by time
            got.labels[key] = label


def _take_preferences(got: Gathered, record: dict[str, Any], _: str) -> None:
    for raw in record["preferences"]:
        one = decode(Preference, raw)
        key = (one.suite_path, one.case_id, one.a, one.b, one.repeat, one.by)
        known = got.preferences.get(key)
        if known is None or known.at <= one.at:
            got.preferences[key] = one


_TAKERS = {
    "run": _take_run,
    "end": _take_end,
    "plan": _take_plan,
    "skip": _take_skip,
    "prompt": _take_prompt,
    "intent": _take_intent,
    "call": _take_call,
    "result": _take_result,
    "gates": _take_gates,
    "conclusion": _take_conclusion,
    "labels": _take_labels,
    "preferences": _take_preferences,
}
