"""Answers of another tool written to the recordings of the project's suites, each to the request that it answers."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from evalkit.config import Config
    from evalkit.importers.promptfoo.answers import Answers


@dataclass(frozen=True, slots=True)
class Recorded:
    """How many answers were ``added`` to each file, and how many of the ``requests`` of the project's suites were ``found`` answered."""

    added: Mapping[Path, int]
    found: int
    requests: int


def record(answers: Answers, config: Config, *, note: str) -> Recorded:
    """Add each answer that a suite's request asked for to the suite's recording, where it is not recorded yet.

    Raises SuiteError or PromptError for a suite that cannot be planned, RecordingError for a recording that cannot be read or written.
    """
    from evalkit.harness.before.discovery import suite_files
    from evalkit.harness.before.planning import Planner
    from evalkit.harness.during.routes import recording_path
    from evalkit.harness.during.secrecy import redactor_for
    from evalkit.providers.recordings.recording import Recorder

    planner, redactor, now = Planner(config), redactor_for(config), time.time()
    added: dict[Path, int] = {}
    found = total = 0
    for file in suite_files((), config):
        plan = planner.plan(file)
        requests = [trial.request for test in plan.tests for trial in test.trials]
        pairs = answers.matched(requests)
        found, total = found + len(pairs), total + len({request.key for request in requests})
        if pairs:
            path = config.root / recording_path(plan.spec.name, config)
            recorder = Recorder(path, redactor=redactor)
            added[path] = sum(recorder.add(request, answer, at=now, note=note) for request, answer in pairs)
    return Recorded(added, found, total)
