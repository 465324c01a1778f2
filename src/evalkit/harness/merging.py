"""The journals of CI shards joined into one run: every trial once, nothing contradictory, nothing missing unsaid."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from evalkit.errors import StoreError, Where
from evalkit.files import inside
from evalkit.harness.after.finish import Finished, finish_run
from evalkit.harness.after.lookback import look_back
from evalkit.harness.after.outputs import write_page
from evalkit.harness.after.reporting import report_of
from evalkit.harness.after.verdict import OUTCOMES, ExitCode
from evalkit.harness.before.planning import Planner
from evalkit.harness.facts import describe_run
from evalkit.model.calls import CallFailure, Request
from evalkit.store.journal.reader import journal_files, read_run
from evalkit.store.journal.writer import Journal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from evalkit.config import Config
    from evalkit.harness.before.planning import SuitePlan
    from evalkit.model.cases import Trial
    from evalkit.model.results import PromptRecord, Result, RunInfo
    from evalkit.store.journal.reader import RunRecords

_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Merged:
    """A merged run. ``shards`` are the runs it was made of; ``missing`` the ids of tests that no shard measured or skipped.

    ``known`` says that the same shards had been merged before: nothing was added.
    """

    finished: Finished
    shards: tuple[str, ...]
    trials: int
    missing: tuple[str, ...]
    known: bool


def merge(config: Config, folders: Sequence[Path]) -> Merged:
    """Join the runs in ``folders`` into one run of this project, judge its gates and write its report.

    A folder is a run's journal (``reports/journal/<run id>``) or holds exactly one below it (an unpacked ``reports``). The suites are
    those of this checkout, which must be what the shards ran. A test of their suites that is in no shard is missing, and the run
    incomplete. The merged run's id is made of what the shards hold, so that merging twice adds nothing. Raises StoreError for shards of
    different commits, for trials of another suite or prompt than the checkout's, for one trial with two different results, and for a damaged journal; SuiteError for a suite that cannot be planned.
    """
    homes = list(dict.fromkeys(run_folder(folder).resolve() for folder in folders))
    runs = tuple(map(read_run, homes))
    shards = _run_ids(runs)
    _require_same_commit([records.run for records in runs])
    results = _union(runs)
    planner = Planner(config)
    plans = [planner.plan(_suite(path, config)) for path in _suite_paths(runs)]
    _require_same_suites(results, plans)
    info = _described(runs, homes, config)
    missing = _missing(runs, results, plans)
    known = _finished_before(config, info.run_id)
    if known is not None:
        return Merged(known, shards, len(results), missing, known=True)
    _write(config, info, runs, results=results, plans=plans)
    notes = [
        f"merged from {', '.join(shards)}",
        *(f"{records.run.run_id}: {note}" for records in runs for note in records.damage),
    ]
    finished = finish_run(config, planner, plans, run_id=info.run_id, interrupted=False, notes=notes)
    return Merged(finished, shards, len(results), missing, known=False)


def _finished_before(config: Config, run_id: str) -> Finished | None:
    """The merged run as it was finished, its page written again; None if it is not there, or its merging was killed before the end."""
    home = config.journals / run_id
    records = read_run(home) if home.is_dir() else None
    if records is None or records.conclusion is None:
        return None
    report = report_of(records)
    page, problems = write_page(config, look_back(config, report))
    code = next(code for code, outcome in OUTCOMES.items() if outcome == report.outcome)
    return Finished(report, ExitCode.NOT_MEASURED if problems else code, page, tuple(problems))


def run_folder(folder: Path) -> Path:
    """The one folder with a run's journals at or below ``folder``. Raises StoreError if there is none, or more than one."""
    found = [folder] if any(folder.glob("*.jsonl")) else []
    for pattern in ("*/*.jsonl", "journal/*/*.jsonl", "*/journal/*/*.jsonl"):
        found = found or sorted({path.parent for path in folder.glob(pattern) if path.parent.name != "batches"})
    if len(found) == 1:
        return found[0]
    if not found:
        raise StoreError(
            "there is no journal", hint="a shard is its folder reports/journal/<run id>", where=Where(str(folder))
        )
    names = ", ".join(path.name for path in found[:5])
    raise StoreError(
        f"there are {len(found)} runs ({names}), and a shard is one", hint="name its folder", where=Where(str(folder))
    )


def _run_ids(runs: Sequence[RunRecords]) -> tuple[str, ...]:
    """The ids of the shards. Raises StoreError for one that is there twice: files of one run lie in one folder, else some are left out."""
    names = tuple(records.run.run_id for records in runs)
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise StoreError(
            f"the run {twice} is in two of the folders", hint="put all files of one run into one folder, once"
        )
    return names


def _require_same_commit(infos: Sequence[RunInfo]) -> None:
    revisions = {info.git_revision: info.run_id for info in infos}
    if len(revisions) > 1:
        told = ", ".join(f"{run} at {(revision or 'no known commit')[:12]}" for revision, run in revisions.items())
        raise StoreError(f"the shards are of different commits: {told}", hint="merge what one commit measured")


def _union(runs: Sequence[RunRecords]) -> list[Result]:
    """Every trial once. Raises StoreError that lists the trials of which two shards say different things."""
    found: dict[tuple[str, int], tuple[str, Result]] = {}
    conflicts: list[str] = []
    for records in runs:
        for result in records.results:
            key = (result.trial.test_id, result.trial.repeat)
            before = found.setdefault(key, (records.run.run_id, result))
            if _said(before[1]) != _said(result):
                conflicts.append(f"{key[0]} repeat {key[1] + 1} in {before[0]} and {records.run.run_id}")
    conflicts += _prompt_conflicts(prompt for records in runs for prompt in records.prompts)
    if conflicts:
        raise StoreError(
            f"{len(conflicts)} conflicts: {'; '.join(conflicts[:_SHOWN])}{'; …' if len(conflicts) > _SHOWN else ''}",
            hint="leave out the shard that was run twice, or run again what differs",
        )
    return [result for _, result in found.values()]


def _said(result: Result) -> tuple[object, ...]:
    """What makes two measurements of a trial differ; latency and cost may."""
    reply = result.reply
    answer = reply.kind if isinstance(reply, CallFailure) else reply.text
    return (
        result.trial.case.digest,
        result.call.request.key,
        answer,
        [(one.check, one.status) for one in result.verdicts],
    )


def _prompt_conflicts(prompts: Iterable[PromptRecord]) -> list[str]:
    digests: dict[tuple[str, str | None], set[str]] = {}
    for prompt in prompts:
        digests.setdefault((prompt.ref, prompt.at), set()).add(prompt.digest)
    return [f"prompt {ref} has {len(found)} different texts" for (ref, _), found in digests.items() if len(found) > 1]


def _suite_paths(runs: Iterable[RunRecords]) -> list[str]:
    """The suites that the shards planned; tests written in Python have none."""
    tests = (test_id for records in runs for test_id in records.planned_tests)
    paths = dict.fromkeys(test_id.partition("::")[0] for test_id in tests)
    return [path for path in paths if path.endswith((".yaml", ".yml"))]


def _require_same_suites(results: Iterable[Result], plans: Iterable[SuitePlan]) -> None:
    """Gates of this checkout say nothing about answers to other cases, checks or prompts: a commit does not tell of what was not committed."""
    planned = {test.test_id: _asked(test.trials[0]) for plan in plans for test in plan.tests}
    paths = {plan.spec.path for plan in plans}
    ours = (result.trial for result in results if result.trial.suite_path in paths)
    others = list(dict.fromkeys(trial.test_id for trial in ours if planned.get(trial.test_id) != _asked(trial)))
    if others:
        raise StoreError(
            f"{len(others)} tests were measured with another case, check or prompt than this checkout has: {', '.join(others[:_SHOWN])}",
            hint="merge in the checkout that the shards ran",
        )


def _asked(trial: Trial) -> tuple[str, str]:
    return trial.case.digest, trial.variant.prompt_digest


def _suite(path: str, config: Config) -> Path:
    """The suite of this checkout: a journal may come from anywhere, so its path must stay inside."""
    return inside(path, root=config.root, bases=(config.root,))


def _described(runs: Sequence[RunRecords], homes: Iterable[Path], config: Config) -> RunInfo:
    digest = hashlib.sha256()
    for content in sorted(hashlib.sha256(path.read_bytes()).digest() for home in homes for path in journal_files(home)):
        digest.update(content)
    infos = [records.run for records in runs]
    last = max(infos, key=lambda info: (info.started_at, info.run_id))
    stamp = last.run_id.partition("-")[0]  # sorts behind its shards, as "m" does behind hex digits
    fresh = describe_run(run_id=f"{stamp}-m{digest.hexdigest()[:12]}", mode=last.mode, root=config.root)
    return replace(
        fresh,
        started_at=last.started_at,
        git_revision=last.git_revision,
        git_branch=last.git_branch,
        git_dirty=any(info.git_dirty for info in infos) if last.git_dirty is not None else None,
        extra={"merged": tuple(sorted(info.run_id for info in infos))},
    )


def _write(
    config: Config, info: RunInfo, runs: Sequence[RunRecords], *, results: Sequence[Result], plans: Sequence[SuitePlan]
) -> None:
    """Write the merged run's journal: it appears whole or not at all. Raises StoreError."""
    root = config.journals
    try:
        root.mkdir(parents=True, exist_ok=True)
        workshop = Path(tempfile.mkdtemp(dir=root.parent, prefix=".merge-"))
    except OSError as error:
        raise StoreError(
            f"cannot write the merged run: {error.strerror or error}",
            hint="the reports folder must be writable, with room in it",
            where=Where(str(root)),
        ) from error
    try:
        redacted = frozenset(key for records in runs for key in records.redacted)
        journal = Journal(workshop, info, worker="merge", redacted=redacted)
        _fill(journal, runs, results, plans)
        journal.close()
        if not (root / info.run_id).exists():  # else its merging was killed later: what it holds is the same
            (workshop / info.run_id).rename(root / info.run_id)
    finally:
        shutil.rmtree(workshop, ignore_errors=True)


def _fill(journal: Journal, runs: Sequence[RunRecords], results: Sequence[Result], plans: Sequence[SuitePlan]) -> None:
    for records in runs:
        for prompt in records.prompts:
            journal.append_prompt(prompt)
    tests = [test for plan in plans for test in plan.tests]
    journal.append_plan([test.test_id for test in tests], planned=sum(len(test.trials) for test in tests))
    measured = {result.trial.test_id for result in results}
    for records in runs:
        for key in records.possibly_billed:
            journal.intend(
                Request(model="", messages=()).asked_as(key)
            )  # a journal keeps only the key of what was about to be sent
        for skip in records.skips:
            if skip.test_id not in measured:
                journal.append_skip(skip.test_id, reason=skip.reason, trials=skip.trials)
        for call in records.calls:
            journal.settle(call)
        journal.append_labels(records.labels)
        journal.append_preferences(records.preferences)
    for result in results:
        journal.append_result(result)


def _missing(runs: Iterable[RunRecords], results: Iterable[Result], plans: Iterable[SuitePlan]) -> tuple[str, ...]:
    seen = {result.trial.test_id for result in results} | {skip.test_id for records in runs for skip in records.skips}
    return tuple(test.test_id for plan in plans for test in plan.tests if test.test_id not in seen)
