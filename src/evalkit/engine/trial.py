"""One trial: get the answer and what its checks ask for, then judge it. Asking is async; judging is pure."""

from __future__ import annotations

import asyncio
import traceback
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from evalkit.checks.base import CheckContext
from evalkit.errors import CheckError
from evalkit.model.calls import Response
from evalkit.model.results import Result, Verdict

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
    """A trial with its answer (or failure) and one :class:`Asked` per check; none if there is no answer."""

    trial: Trial
    call: Call
    asked: tuple[Asked, ...] = ()


async def answer(trial: Trial, checks: Sequence[BuiltCheck], caller: Caller) -> Answered:
    """Call the model for ``trial``, then send what ``checks`` ask for, all through ``caller``."""
    call = await caller.call(trial.request)
    if not isinstance(call.reply, Response):
        return Answered(trial, call)
    context = _context(trial, call, call.reply)
    asked = [_questions(check, context) for check in checks]
    requests = [request for questions in asked if not isinstance(questions, str) for request in questions]
    calls = iter(await asyncio.gather(*(caller.call(request) for request in requests)) if requests else ())
    return Answered(
        trial,
        call,
        tuple(
            Asked(problem=questions) if isinstance(questions, str) else Asked(tuple(next(calls) for _ in questions))
            for questions in asked
        ),
    )


def judge(answered: Answered, checks: Sequence[BuiltCheck]) -> Result:
    """Judge an answered trial. A check that raises becomes the verdict ``error``; without an answer there are no verdicts."""
    reply = answered.call.reply
    if not isinstance(reply, Response):
        return Result(answered.trial, answered.call, ())
    context = _context(answered.trial, answered.call, reply)
    verdicts = tuple(_verdict(check, context, asked) for check, asked in zip(checks, answered.asked, strict=True))
    followups = tuple(call for asked in answered.asked for call in asked.calls)
    return Result(answered.trial, answered.call, verdicts, followups)


def _context(trial: Trial, call: Call, response: Response) -> CheckContext:
    return CheckContext(
        text=response.text,
        response=response,
        request=trial.request,
        vars=trial.case.vars,
        expect=trial.case.expect,
        cost_usd=call.cost_usd,
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
        return _error(check, _reason(error))


def _error(check: BuiltCheck, reason: str) -> Verdict:
    spec = check.spec
    return Verdict(check.name, check.family, "error", reason, severity=spec.severity, line=spec.where.line)


def _reason(error: Exception) -> str:
    if isinstance(error, CheckError):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({PurePath(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return f"the check raised {type(error).__name__}: {error}{place}"
