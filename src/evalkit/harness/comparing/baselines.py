"""What a run is compared with: an earlier run that is named, one on the merge base, or a committed file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalkit.compare import words
from evalkit.compare.stored import StoredBaseline
from evalkit.errors import ConfigError
from evalkit.files import shown
from evalkit.harness.comparing.revisions import base_commits, branch_commits
from evalkit.harness.comparing.sides import History
from evalkit.store.baselines import SUFFIXES, read_baseline, saved_baseline
from evalkit.store.journal.reader import list_runs, read_run

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from evalkit.config import Config
    from evalkit.model.results import Measurement
    from evalkit.store.baselines import SavedBaseline
    from evalkit.store.journal.reader import RunEntry

_BRANCH = "latest:"
_MOST_RUNS = 20
"""Runs that are looked into for one suite: a project with many suites may have runs that hold others."""


@dataclass(frozen=True, slots=True)
class _Found:
    run: RunEntry
    behind: int
    """How many commits lie between this run's and the one that was looked for."""


class Baselines:
    """The baselines of one project's suites, as ``config.baseline`` says or, without it, as they are found.

    ``run_id`` is the run that is being compared, never its own baseline.
    """

    def __init__(self, config: Config, *, run_id: str | None = None) -> None:
        self._config = config
        self._run_id = run_id
        self._rows: dict[str, tuple[Measurement, ...]] = {}
        self._runs: list[RunEntry] | None = None

    def require(self) -> None:
        """Raise ConfigError or StoreError if ``config.baseline`` names a run or a file that does not exist or cannot be read."""
        text = self._config.baseline
        if text is None or text.startswith(_BRANCH):
            return
        path = self._config.root / text
        if path.is_file():
            read_baseline(path)
        elif not path.is_dir():
            self._named(text)

    def of(self, suite: str) -> StoredBaseline:
        """The baseline of the suite of that name; without rows, but with the reason, if there is none.

        Raises ConfigError or StoreError where :meth:`require` does.
        """
        text = self._config.baseline
        if text is None:
            return self._looked_for(suite)
        if text.startswith(_BRANCH):
            branch = text.removeprefix(_BRANCH)
            return self._first(suite, self._of_branch(branch)) or StoredBaseline(
                "", problem=f"no complete run of {branch!r} with this suite is stored"
            )
        path = self._config.root / text
        if path.is_dir():
            return self._of_file(saved_file(path, suite), suite)
        return self._of_file(path, suite) if path.is_file() else self._of_run(self._named(text), suite)

    def file(self, suite: str) -> Path:
        """Where the suite's baseline is committed unless the user says otherwise. Raises ConfigError if there are two."""
        return saved_file(self._config.folder("baselines"), suite)

    def _named(self, text: str) -> str:
        try:
            return History(self._config, without=self._run_id).run_id(text)
        except ConfigError as error:
            raise ConfigError(
                f"--baseline {text}: {error.message}, and no such file",
                hint=f"name a run, latest:<branch>, or a file of 'evalkit baseline save'; {error.hint}",
            ) from error

    def _looked_for(self, suite: str) -> StoredBaseline:
        """The run on the merge base; else the committed file; else the run of the nearest commit before."""
        found = list(self._on_base())
        file = self.file(suite)
        return (
            self._first(suite, [one for one in found if one.behind == 0])
            or (self._of_file(file, suite) if file.is_file() else None)
            or self._first(suite, found)
            or StoredBaseline(
                "",
                problem=f"no run on the merge base is stored, and there is no {shown(file, self._config.root)} "
                "(evalkit baseline save makes one)",
            )
        )

    def _on_base(self) -> Iterable[_Found]:
        commits = {
            commit: place
            for place, commit in enumerate(base_commits(self._config.root, untrusted=self._config.untrusted))
        }
        found = [
            _Found(run, commits[run.info.git_revision])
            for run in self._whole_runs()
            if run.info and run.info.git_revision in commits
        ]
        return sorted(found, key=lambda one: one.behind)  # stable: of one commit, the newest run first

    def _of_branch(self, branch: str) -> Iterable[_Found]:
        commits = frozenset(branch_commits(self._config.root, branch))
        for run in self._whole_runs():
            if run.info and (run.info.git_branch == branch or run.info.git_revision in commits):
                yield _Found(run, 0)

    def _whole_runs(self) -> list[RunEntry]:
        """Runs that came to their end with all cases and nothing uncommitted, newest first."""
        if self._runs is None:
            self._runs = [
                run
                for run in list_runs(self._config.folder("reports"))
                if run.status == "complete" and run.info and not run.info.partial and not run.info.git_dirty
            ]
        return self._runs

    def _first(self, suite: str, found: Iterable[_Found]) -> StoredBaseline | None:
        for one, _ in zip(found, range(_MOST_RUNS), strict=False):
            baseline = self._of_run(one.run.run_id, suite, behind=one.behind, info=one.run)
            if baseline.rows:
                return baseline
        return None

    def _of_run(self, run_id: str, suite: str, *, behind: int = 0, info: RunEntry | None = None) -> StoredBaseline:
        if run_id not in self._rows:
            records = read_run(self._config.journals / run_id)
            self._rows[run_id] = tuple(result.measurement() for result in records.results if not result.pending)
        rows = tuple(row for row in self._rows[run_id] if row.suite == suite)
        far = f", {words.number_of(behind, 'commit')} before the merge base" if behind else ""
        source = f"run {run_id}{_commit(info)}{far}"
        return StoredBaseline(source, rows, run_id, "" if rows else f"run {run_id} did not measure this suite")

    def _of_file(self, path: Path, suite: str) -> StoredBaseline:
        name = shown(path, self._config.root)
        if not path.is_file():
            return StoredBaseline("", problem=f"there is no {name}")
        saved = read_baseline(path)
        if saved.suite != suite:
            return StoredBaseline("", problem=f"{name} is of the suite {saved.suite!r}")
        at = f", commit {saved.git_revision[:10]}" if saved.git_revision else ""
        return StoredBaseline(f"{name} (run {saved.run_id}{at})", saved.measurements(), saved.run_id)


def saved_file(folder: Path, suite: str) -> Path:
    """The suite's baseline in ``folder``, ``<suite>.json`` or ``<suite>.parquet``. Raises ConfigError if both are there."""
    files = [folder / f"{suite}{suffix}" for suffix in SUFFIXES]
    found = [file for file in files if file.is_file()]
    if len(found) > 1:
        raise ConfigError(
            f"{suite} has two baselines in {folder}: {found[0].name} and {found[1].name}", hint="delete one of them"
        )
    return found[0] if found else files[0]


def _commit(run: RunEntry | None) -> str:
    revision = run.info.git_revision if run and run.info else None
    return f" (commit {revision[:10]})" if revision else ""


def kept_suites(config: Config, run: str) -> dict[str, SavedBaseline]:
    """What the run of that name measured, by suite, as it is written to files.

    Raises ConfigError for an unknown run, or one that must not be a baseline: partial, interrupted, or waiting for batches.
    """
    run_id = History(config).run_id(run)
    records = read_run(config.journals / run_id)
    pending = any(result.pending for result in records.results)
    if not records.run.complete or records.run.partial or pending:
        raise ConfigError(
            f"run {run_id} is no baseline: it did not measure all of its cases",
            hint="run the whole suites first, or name another run: evalkit history",
        )
    suites: dict[str, list[Measurement]] = {}
    for result in records.results:
        suites.setdefault(result.trial.suite, []).append(result.measurement())
    return {suite: saved_baseline(records.run, rows) for suite, rows in suites.items()}
