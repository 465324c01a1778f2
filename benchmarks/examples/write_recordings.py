"""Writes the recordings of the example suites from answers that a person wrote.

::

    python -m benchmarks.examples.write_recordings [--to FOLDER]        (or: make recordings)

``suites/recordings/authored/<suite>.yaml`` holds the answers, by variant and case. The suites are planned as for a run, so that each
answer is recorded beside the very request that the run will send; a check's question to a judge is made by the check itself. After
a prompt, a suite or an authored answer changed, run this again. Twice the same input gives the same bytes.

An authored answer is

- a text: the answer, word for word;
- a mapping: what the case expects, as JSON, with these fields changed;
- left out: what the case expects (a single expectation as text, several as JSON).

Token counts and latencies are worked out from the lengths of the texts, with a spread that depends on the case. They are made up, as
the answers are, and each line says so in its note.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from evalkit.canon import digest
from evalkit.checks.base import CheckContext
from evalkit.config import load_config
from evalkit.errors import EvalkitError, RecordingError, Where
from evalkit.harness.before.planning import Planner
from evalkit.harness.during.routes import recording_path
from evalkit.metrics.cost import input_estimate
from evalkit.model.calls import Response, Usage
from evalkit.providers.recordings.recording import Recorder
from evalkit.providers.redact import Redactor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalkit.harness.before.planning import SuitePlan
    from evalkit.model.calls import Request
    from evalkit.model.cases import Case, PlannedTest, Trial

NOTE = "written by hand for the examples; not a model's answer"
FIRST = 1_790_845_200  # 2026-10-01T09:00:00Z; the lines that follow are a second apart
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Authored:
    """One authored file: answers and the judge's grades, each by variant and case."""

    where: Where
    suite: str
    answers: dict[str, dict[str, Any]]
    judge: dict[str, dict[str, Any]]

    @classmethod
    def read(cls, path: Path) -> Authored:
        """Read ``path``. Raises RecordingError unless it has the shape described above."""
        where = Where(path.name)
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        if not isinstance(data, dict) or not {"suite", "answers"} <= data.keys() <= {"suite", "answers", "judge"}:
            raise RecordingError("an authored file holds suite, answers and perhaps judge", where=where)
        return cls(where, data["suite"], data["answers"], data.get("judge", {}))

    def check_names(self, plan: SuitePlan) -> None:
        """Raise RecordingError if something is written for a variant or case that the suite does not have."""
        known = {(test.trials[0].variant.name, test.trials[0].case.id) for test in plan.tests}
        written = {(variant, case) for part in (self.answers, self.judge) for variant in part for case in part[variant]}
        for variant, case in sorted(written - known):
            raise RecordingError(f"{self.suite} has no case {case!r} with a variant {variant!r}", where=self.where)

    def answer(self, trial: Trial) -> str:
        """The text that answers ``trial``."""
        written = self.answers.get(trial.variant.name, {}).get(trial.case.id)
        return written if isinstance(written, str) else self._expected(trial.case, written or {})

    def _expected(self, case: Case, changes: dict[str, Any]) -> str:
        expected = {**case.expect, **changes}
        if not expected or changes.keys() - case.expect.keys():
            raise RecordingError(f"{case.id}: a mapping may change only what the case expects", where=self.where)
        values = list(expected.values())
        if len(values) == 1:
            return str(values[0])
        return json.dumps(expected, ensure_ascii=False, separators=(",", ":"))

    def grade(self, trial: Trial) -> str:
        """The judge's reply about the answer to ``trial``. Raises RecordingError if none is written."""
        try:
            grade = self.judge[trial.variant.name][trial.case.id]
        except KeyError:
            raise RecordingError(
                f"no grade for {trial.variant.name}, {trial.case.id}: write it under judge:", where=self.where
            ) from None
        return json.dumps({"reason": grade["reason"], "pass": grade["pass"]}, ensure_ascii=False)


def exchanges(planner: Planner, test: PlannedTest, authored: Authored) -> Iterator[tuple[Request, Response]]:
    """Yield what the engine would ask for ``test``, with the authored replies: the answers, then what the checks ask about them."""
    for trial in test.trials:
        response = made_up(trial.request, authored.answer(trial), case=trial.case.id, once=trial.test_id)
        yield trial.request, response
        context = CheckContext(
            text=response.text,
            response=response,
            request=trial.request,
            vars=trial.case.vars,
            expect=trial.case.expect,
        )
        for check in planner.checks_of(test):
            for request in check.followups(context):
                yield (
                    request,
                    made_up(request, authored.grade(trial), case=trial.case.id, once=f"{trial.test_id} {check.name}"),
                )


def made_up(request: Request, text: str, *, case: str, once: str) -> Response:
    """An answer with token counts and a latency in seconds such as a small model might have; the same for the same input.

    Some cases take longer than others, with every prompt (``case``), and no two calls take the same time (``once``).
    """
    hard = _spread(case)
    thought = 64 * round(1 + 2 * hard) if request.params.get("reasoning_effort") == "low" else 0
    answered = max(1, round(len(text) / 4)) + thought
    usage = Usage(input_estimate(request), answered, reasoning_tokens=thought or None)
    latency = 0.35 + 0.0001 * (usage.input_tokens or 0) + 0.011 * answered
    return Response(text, usage=usage, latency_s=round(latency * (0.8 + 0.4 * hard + 0.2 * _spread(once)), 3))


def _spread(seed: str) -> float:
    """A number from 0 to 1 that looks random and is always the same for ``seed``."""
    return int(digest(seed)[:8], 16) / 0xFFFFFFFF


def write_recordings(root: Path, folder: Path) -> list[Path]:
    """Write the recording of every authored suite of the project ``root`` into ``folder`` and return their paths."""
    config = load_config(root)
    planner = Planner(config)
    written: list[Path] = []
    for path in sorted((config.folder("recordings") / "authored").glob("*.yaml")):
        authored = Authored.read(path)
        plan = planner.plan(config.folder("suites") / f"{authored.suite}.yaml")
        authored.check_names(plan)
        target = folder / Path(recording_path(authored.suite, config)).name
        target.unlink(missing_ok=True)
        recorder = Recorder(target, redactor=Redactor({}))
        pairs = [pair for test in plan.tests for pair in exchanges(planner, test, authored)]
        for number, (request, response) in enumerate(pairs):
            # The endpoint depends on the environment, and a recording replays without it.
            recorder.add(replace(request, endpoint=""), response, at=FIRST + number, note=NOTE)
        written.append(target)
    return written


def main() -> int:
    """Write them all and say where. Exit code 2 if an authored file or a suite has a mistake."""
    parser = argparse.ArgumentParser(description="Write the recordings of the example suites.")
    parser.add_argument("--to", type=Path, default=ROOT / "suites" / "recordings", help="the folder to write into")
    folder: Path = parser.parse_args().to
    try:
        for path in write_recordings(ROOT, folder):
            print(f"{path} ({path.stat().st_size / 1000:.0f} kB)")
    except EvalkitError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
