"""One trial: get the answer and what its checks ask for, then judge it. Asking is async; judging is pure."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from evalkit.checks.base import CheckContext
from evalkit.checks.faults import fault_of
from evalkit.engine.fallbacks import serve
from evalkit.errors import CheckError
from evalkit.model.calls import Response
from evalkit.model.results import PRIMARY, Result, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.checks.build import BuiltCheck
    from evalkit.engine.call import Caller
    from evalkit.model.calls import Call, Request
    from evalkit.model.cases import Trial


@dataclass(frozen=True, slots=True)
class Asked:
    """What one check asked for: the settled calls in order, or why it could not say what to ask."""

    calls: tuple[Call, ...] = ()
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """A trial with its answer (or failure) and one :class:`Asked` per check; none if there is no answer.

    ``served`` and ``tried`` are those of :class:`evalkit.model.results.Result`.
    """

    trial: Trial
    call: Call
    asked: tuple[Asked, ...] = ()
    tried: tuple[Call, ...] = ()
    served: str = PRIMARY


async def answer(trial: Trial, checks: Sequence[BuiltCheck], caller: Caller) -> Answered:
    """Call the model for ``trial`` or what stands in for it, then send what ``checks`` ask for, all through ``caller``."""
    served = await serve(trial, caller)
    call = served.call
    answered = Answered(trial, call, tried=served.tried, served=served.by)
    if not isinstance(call.reply, Response):
        return answered
    context = _context(answered, call.reply)
    asked = [_questions(check, context) for check in checks]
    requests = [request for questions in asked if not isinstance(questions, str) for request in questions]
    priority = trial.priority
    asking = (caller.call(request, priority=priority) for request in requests)
    calls = iter(await asyncio.gather(*asking) if requests else ())
    return replace(
        answered,
        asked=tuple(
            Asked(problem=questions) if isinstance(questions, str) else Asked(tuple(next(calls) for _ in questions))
            for questions in asked
        ),
    )


def judge(answered: Answered, checks: Sequence[BuiltCheck]) -> Result:
    """Judge an answered trial. A check that raises becomes the verdict ``error``; without an answer there are no verdicts."""
    reply = answered.call.reply
    verdicts: tuple[Verdict, ...] = ()
    if isinstance(reply, Response):
        context = _context(answered, reply)
        verdicts = tuple(_verdict(check, context, asked) for check, asked in zip(checks, answered.asked, strict=True))
    followups = tuple(call for asked in answered.asked for call in asked.calls)
    return Result(answered.trial, answered.call, verdicts, followups, answered.tried, answered.served)


def _context(answered: Answered, response: Response) -> CheckContext:
    case = answered.trial.case
    return CheckContext(
        text=response.text,
        response=response,
        request=answered.call.request,
        vars=case.vars,
        expect=case.expect,
        cost_usd=answered.call.cost_usd,
        served=answered.served,
        variant=answered.trial.variant,
    )


def _questions(check: BuiltCheck, context: CheckContext) -> Sequence[Request] | str:
    try:
        return tuple(check.followups(context))
    except Exception as error:  # noqa: BLE001 - the check runner: a broken check is a verdict, not the end of the run
        return _reason(error)


def _verdict(check: BuiltCheck, context: CheckContext, asked: Asked) -> Verdict:
    if asked.problem is not None:
        return _error(check, asked.problem)
    try:
        return check.judge(context, [call.reply for call in asked.calls])
    except Exception as error:  # noqa: BLE001 - the check runner: a broken check is a verdict, not the end of the run
        detail = "" if isinstance(error, CheckError) else fault_of(error).detail
        return replace(_error(check, _reason(error)), detail=detail)


def _error(check: BuiltCheck, reason: str) -> Verdict:
    spec = check.spec
    return Verdict(check.name, check.family, "error", reason, severity=spec.severity, line=spec.where.line)


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, CheckError) else fault_of(error).reason
