"""Who answers a trial: the model that it names, or what the suite lists in its place."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalkit.errors import FATAL
from evalkit.model.calls import Call, CallFailure, Response, Usage
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
    """Ask the trial's model, then its fallbacks in order, until one answers; then the canned answer, if there is one, does.

    It does not where a key was refused, a model does not exist or the credit is used up: a run of nothing but canned answers would
    pass, and nobody would learn that no model was asked. If none answers, the call that counts is the first one.
    """
    failed: list[Call] = []
    requests = (trial.request, *trial.fallbacks)
    for number, request in enumerate(requests, 1):
        replaceable = number < len(requests) or trial.canned is not None
        call = await caller.call(request, priority=trial.priority, replaceable=replaceable)
        if isinstance(call.reply, Response) or call.reply.kind in _NOT_ASKED:
            return Served(call, request.model if failed else PRIMARY, tuple(failed))
        failed.append(call)
    hopeless = [call.request for call in failed if isinstance(call.reply, CallFailure) and call.reply.kind in FATAL]
    for request in hopeless:
        caller.stop_if_hopeless(request)
    if trial.canned is not None and not hopeless:
        return Served(_canned(trial.request, trial.canned), CANNED, tuple(failed))
    return Served(failed[0], tried=tuple(failed[1:]))


def _canned(request: Request, text: str) -> Call:
    answer = Response(text, usage=Usage(0, 0), latency_s=0.0)
    return Call(request, answer, "scripted", cost_usd=0.0, settled_at=time.time())
