"""Who answers a trial: the model that it names, or what the suite lists in its place."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalkit.model.calls import Call, Response, Usage
from evalkit.model.results import CANNED, PRIMARY

if TYPE_CHECKING:
    from evalkit.engine.call import Caller
    from evalkit.errors import FailureKind
    from evalkit.model.calls import Request
    from evalkit.model.cases import Trial

_NOT_ASKED: frozenset[FailureKind] = frozenset({"budget", "cancelled", "pending", "replay_miss"})
"""Nobody was asked, so nobody failed to answer: asking somebody else would hide it."""


@dataclass(frozen=True, slots=True)
class Served:
    """The call that counts, whose it is (see :class:`evalkit.model.results.Result`), and the calls that failed beside it."""

    call: Call
    by: str = PRIMARY
    tried: tuple[Call, ...] = ()


async def serve(trial: Trial, caller: Caller) -> Served:
    """Ask the trial's model, then its fallbacks in order, until one answers; the canned answer, if there is one, always does.

    If none answers, the call that counts is the first one.
    """
    failed: list[Call] = []
    requests = (trial.request, *trial.fallbacks)
    for number, request in enumerate(requests, 1):
        replaceable = number < len(requests) or trial.canned is not None
        call = await caller.call(request, priority=trial.priority, replaceable=replaceable)
        if isinstance(call.reply, Response) or call.reply.kind in _NOT_ASKED:
            return Served(call, request.model if failed else PRIMARY, tuple(failed))
        failed.append(call)
    if trial.canned is not None:
        return Served(_canned(trial.request, trial.canned), CANNED, tuple(failed))
    return Served(failed[0], tried=tuple(failed[1:]))


def _canned(request: Request, text: str) -> Call:
    answer = Response(text, usage=Usage(0, 0), latency_s=0.0)
    return Call(request, answer, "scripted", cost_usd=0.0, settled_at=time.time())
