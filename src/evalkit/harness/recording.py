"""Writing the live answers of a run to the recordings of its suites, for replay in CI."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from evalkit.harness.routes import recording_path
from evalkit.model.calls import Response
from evalkit.providers.recording import Recorder
from evalkit.providers.redact import Redactor

if TYPE_CHECKING:
    from collections.abc import Iterable

    from evalkit.config import Config
    from evalkit.model.results import Result

_FROM_A_MODEL = frozenset({"live", "cache", "shared"})


def record_answers(config: Config, results: Iterable[Result]) -> dict[str, int]:
    """Record every answer that came from a model, now or through the cache, with what its checks asked for.

    Returns how many exchanges were added to each file. What is recorded already is left as it is, except in ``refresh`` mode. Raises RecordingError or OSError.
    """
    redactor = Redactor(dict(os.environ))
    recorders: dict[str, Recorder] = {}
    added: dict[str, int] = {}
    for result in results:
        path = recording_path(result.trial.suite, config)
        for call in (result.call, *result.followups):
            if not isinstance(call.reply, Response) or call.source not in _FROM_A_MODEL:
                continue
            if path not in recorders:
                (config.root / path).parent.mkdir(parents=True, exist_ok=True)
                recorders[path] = Recorder(config.root / path, redactor=redactor, replace=config.mode == "refresh")
            new = recorders[path].add(call.request, call.reply, at=call.settled_at)
            added[path] = added.get(path, 0) + new
    return added
