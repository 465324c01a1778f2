"""A run as JSON for other programs: schema ``evalkit.report/1``, exact strings, nothing rounded."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from typing import TYPE_CHECKING, Any

from evalkit.model.calls import CallFailure

if TYPE_CHECKING:
    from evalkit.model.calls import Call
    from evalkit.model.results import Result
    from evalkit.report.values import RunReport

SCHEMA = "evalkit.report/1"


def report_json(report: RunReport) -> dict[str, Any]:
    """Return ``report`` as plain JSON values: dicts, lists, strings, finite numbers, booleans and None.

    Keys: ``schema``, ``outcome`` (``passed``, ``failed``, ``undecided``, ``unmeasured``), ``verdict``, ``run``, ``variants``, ``calls``,
    ``gates``, ``comparisons``, ``rankings``, ``prompts``, ``notes`` and ``results`` (one per trial, with prompt, answer and verdicts).
    Units are those of the values; a number that is not finite becomes None. Strings are exact, also lone surrogates: write
    the JSON with ``ensure_ascii=True``.
    """
    return {
        "schema": SCHEMA,
        "outcome": report.outcome,
        "verdict": report.verdict,
        "run": plain(report.run),
        "variants": plain(report.variants),
        "calls": plain(report.calls),
        "gates": plain(report.gates),
        "comparisons": plain(report.comparisons),
        "rankings": plain(report.rankings),
        "prompts": plain(report.prompts),
        "notes": list(report.notes),
        "results": [_result(result) for result in report.results],
    }


def plain(value: Any) -> Any:  # noqa: ANN401 - any value of the model
    """Return a dataclass, mapping, sequence or set (sorted) as plain JSON values; a float that is not finite becomes None."""
    if is_dataclass(value) and not isinstance(value, type):
        return {key: plain(item) for key, item in asdict(value).items()}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted(plain(item) for item in value)
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _result(result: Result) -> dict[str, Any]:
    trial = result.trial
    return {
        "test_id": trial.test_id,
        "suite": trial.suite,
        "case": plain({
            "id": trial.case.id,
            "vars": trial.case.vars,
            "expect": trial.case.expect,
            "tags": trial.case.tags,
            "cluster": trial.case.cluster,
            "digest": trial.case.digest,
            "where": str(trial.case.where),
        }),
        "variant": trial.variant.label,
        "repeat": trial.repeat,
        "status": result.status,
        "request_key": result.call.request.key,
        "messages": plain(result.call.request.messages),
        "served": None if isinstance(result.reply, CallFailure) else result.served,
        "call": _call(result.call),
        "tried": [_call(call) for call in result.tried],
        "verdicts": plain(result.verdicts),
        "followups": [_call(call) for call in result.followups],
    }


def _call(call: Call) -> dict[str, Any]:
    failed = isinstance(call.reply, CallFailure)
    return {
        "model": call.request.model,
        "source": call.source,
        "failure": plain(call.reply) if failed else None,
        "response": None if failed else plain(call.reply),
        "attempts": plain(call.attempts),
        "cost_usd": plain(call.cost_usd),
        "paid_usd": plain(call.paid_usd),
    }
