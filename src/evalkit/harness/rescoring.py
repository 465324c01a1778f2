"""The stored answers of a run, judged again with the checks as they are now: a run of its own, without a call."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from evalkit.errors import ConfigError
from evalkit.harness.after.finish import finish_run
from evalkit.harness.before.discovery import suite_files
from evalkit.harness.before.planning import Planner
from evalkit.harness.comparing.sides import History
from evalkit.harness.during.runner import Runner
from evalkit.harness.facts import new_run_id, utc_now
from evalkit.store.journal.reader import read_run

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from evalkit.config import Config
    from evalkit.harness.after.finish import Finished
    from evalkit.harness.before.planning import SuitePlan
    from evalkit.model.cases import PlannedTest
    from evalkit.model.results import Result, Status
    from evalkit.store.journal.reader import RunRecords

Before = Literal["pass", "fail", "error", "skip", "absent"]
"""A status, or that there was no such check (or answer)."""


@dataclass(frozen=True, slots=True)
class Change:
    """What one check says of one trial, then and now."""

    check: str
    before: Before
    after: Before


@dataclass(frozen=True, slots=True)
class Flip:
    """A trial whose status is not what it was, with the checks that say something else than then."""

    test_id: str
    repeat: int
    before: Status
    after: Status
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Rescored:
    """A run judged again. ``source`` is the run whose answers they are; ``changes`` counts what checks say otherwise, flip or not.

    ``compared`` trials were judged both times; ``notes`` say what was left out.
    """

    finished: Finished
    source: str
    compared: int
    flips: tuple[Flip, ...]
    changes: Mapping[Change, int]
    notes: tuple[str, ...] = ()


def rescore(config: Config, run: str, suites: Sequence[str | Path] = ()) -> Rescored:
    """Judge the stored answers of ``run`` with the checks that ``suites`` (all of the run's by default) have now.

    No model is called: an answer, or a judge's reply, that the run does not hold is an error of its trial. Raises SuiteError for a
    suite that cannot be planned, ConfigError for an unknown run or when nothing is left to judge, StoreError for a damaged journal.
    """
    source = History(config).run_id(run)
    records = read_run(config.journals / source)
    config = replace(config, mode="replay", retries=0)
    planner = Planner(config)
    paths, notes = _suites_of(records, config, suites)
    plans = [planner.plan(path) for path in paths]
    tests, left_out = _tests_of(records, plans)
    if not tests:
        raise ConfigError(
            f"run {source} holds no answer to a case that the suites have now", hint="evalkit history lists the runs"
        )
    finished = _judged(config, planner, plans, tests, records=records)
    before = {(result.trial.test_id, result.trial.repeat): result for result in records.results}
    pairs = [
        (before[key], result)
        for result in finished.report.results
        if (key := (result.trial.test_id, result.trial.repeat)) in before
    ]
    return Rescored(
        finished=finished,
        source=source,
        compared=len(pairs),
        flips=tuple(_flip(old, new) for old, new in pairs if old.status != new.status),
        changes=Counter(change for old, new in pairs for change in _changes(old, new)),
        notes=(*notes, *left_out),
    )


def _suites_of(records: RunRecords, config: Config, names: Sequence[str | Path]) -> tuple[list[Path], list[str]]:
    """The suites to plan, and notes on those of the run that are not there any more. Tests written in Python have no suite."""
    if names:
        return suite_files(names, config), []
    found: list[Path] = []
    notes: list[str] = []
    for text in dict.fromkeys(test_id.partition("::")[0] for test_id in records.planned_tests):
        if not text.endswith((".yaml", ".yml")):
            notes.append(f"{text} was left out: its checks are Python, only pytest can run them")
        elif (config.root / text).is_file():
            found.append(config.root / text)
        else:
            notes.append(f"{text} was left out: it is not there any more")
    return found, notes


def _tests_of(records: RunRecords, plans: Iterable[SuitePlan]) -> tuple[list[PlannedTest], list[str]]:
    """The tests that the run measured or skipped, and notes on those that are only there now, or were only there then."""
    then = set(records.planned_tests)
    now = [test for plan in plans for test in plan.tests]
    known = [test for test in now if test.test_id in then]
    notes = []
    if len(known) < len(now):
        notes.append(f"{len(now) - len(known)} tests have no answer in the run; gates over a part are not judged")
    paths = {f"{plan.spec.path}::" for plan in plans}
    gone = {test_id for test_id in then if test_id.startswith(tuple(paths))} - {test.test_id for test in known}
    if gone:
        notes.append(f"{len(gone)} tests of the run are not in the suites any more")
    return known, notes


def _judged(
    config: Config, planner: Planner, plans: Sequence[SuitePlan], tests: Sequence[PlannedTest], *, records: RunRecords
) -> Finished:
    run_id = new_run_id(utc_now())
    runner = Runner(config, planner, run_id=run_id, worker="main", earlier=records)
    reasons = {skip.test_id: skip.reason for skip in records.skips}
    interrupted = True
    try:
        runner.plan(plans, {test.test_id for test in tests})
        for test in tests:
            if test.test_id in reasons:
                runner.skip(test, reasons[test.test_id])
            else:
                runner.judge(test, runner.submit(test).result())
        interrupted = False
    finally:
        runner.close()
        finished = finish_run(config, planner, plans, run_id=run_id, interrupted=interrupted)
    return finished


def _flip(old: Result, new: Result) -> Flip:
    return Flip(new.trial.test_id, new.trial.repeat, old.status, new.status, tuple(_changes(old, new)))


def _changes(old: Result, new: Result) -> list[Change]:
    """The checks whose verdicts differ; those of one name are told apart by their order."""
    then, now = _by_check(old), _by_check(new)
    found = []
    for name in {**then, **now}:
        change = Change(name, then.get(name, "absent"), now.get(name, "absent"))
        if change.before != change.after:
            found.append(change)
    return found


def _by_check(result: Result) -> dict[str, Before]:
    seen: Counter[str] = Counter()
    found: dict[str, Before] = {}
    for verdict in result.verdicts:
        seen[verdict.check] += 1
        number = seen[verdict.check]
        found[verdict.check if number == 1 else f"{verdict.check} ({number})"] = verdict.status
    return found
