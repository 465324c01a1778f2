"""Writing the live answers of a run to the recordings of its suites, for replay in CI."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalkit.harness.during.routes import recording_path
from evalkit.harness.during.secrecy import redactor_for
from evalkit.model.calls import Response
from evalkit.model.results import PRIMARY
from evalkit.providers.recordings.recording import Recorder, read_recordings

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from evalkit.config import Config
    from evalkit.harness.before.planning import SuitePlan
    from evalkit.model.calls import Call, Request
    from evalkit.model.cases import Trial
    from evalkit.model.results import Result

_FROM_A_MODEL = frozenset({"live", "cache"})


def require_readable(config: Config, suites: Iterable[str]) -> None:
    """Raise RecordingError if a recording that this run would add to is damaged: before anything is paid, not after it."""
    for suite in suites:
        path = config.root / recording_path(suite, config)
        if path.exists():
            read_recordings(path, root=config.root)


def record_answers(
    config: Config, results: Iterable[Result], plans: Iterable[SuitePlan], *, redacted: Collection[str] = ()
) -> dict[str, tuple[int, int]]:
    """Record every answer that came from a model, now or through the cache, with what its checks asked for.

    Where a fallback answered, the failures before it are recorded too: a replay then asks the fallback in the same way.

    ``plans`` hold the requests as they were sent: the results come from the journal, where secrets are taken out, and a request without
    its secrets would never be found again. What was answered to the requests with the keys ``redacted`` was not journaled as it was, and is not
    recorded: replayed, it would be judged as if somebody had said it. Returns of each file how many exchanges were added to it and how many were left as they
    are, because they are recorded already (in ``refresh`` mode none is). Raises RecordingError or OSError.
    """
    sent = {_identity(trial): trial for plan in plans for test in plan.tests for trial in test.trials}
    redactor = redactor_for(config)
    recorders: dict[str, Recorder] = {}
    added: dict[str, tuple[int, int]] = {}
    seen: set[str] = set()  # requests that several cases share are one
    for result in results:
        path = recording_path(result.trial.suite, config)
        planned = sent.get(_identity(result.trial))
        for call in _worth_keeping(result):
            if call.source not in _FROM_A_MODEL or call.request.key in redacted:
                continue
            request = _as_sent(call.request, planned)
            if path not in recorders:
                recorders[path] = Recorder(config.root / path, redactor=redactor, replace=config.mode == "refresh")
            new, left = added.get(path, (0, 0))
            fresh = recorders[path].add(request, call.reply, at=call.settled_at)
            added[path] = new + fresh, left + (not fresh and request.key not in seen)
            seen.add(request.key)
    return added


def _worth_keeping(result: Result) -> Iterator[Call]:
    """The calls that were answered, and those in whose place something else answered."""
    yield from (call for call in (result.call, *result.followups) if isinstance(call.reply, Response))
    if result.served != PRIMARY:
        yield from result.tried


def _as_sent(request: Request, trial: Trial | None) -> Request:
    """The request of ``trial``, or of one of its fallbacks, that was journaled as ``request``."""
    planned = () if trial is None else (trial.request, *trial.fallbacks)
    return next((one for one in planned if one.key == request.key), request)


def _identity(trial: Trial) -> tuple[str, int]:
    return trial.test_id, trial.repeat
