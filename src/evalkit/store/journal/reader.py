"""Journals back into results: one run merged from all its files, damage named, nothing invented."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from evalkit.errors import StoreError, Where
from evalkit.model.results import RunInfo
from evalkit.store.journal.codec import decode
from evalkit.store.journal.lines import first_and_last, scan
from evalkit.store.journal.records import Gathered, take
from evalkit.store.journal.sharing import Sharing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from evalkit.model.calls import Call
    from evalkit.model.cases import Trial
    from evalkit.model.results import GateOutcome, Label, Preference, PromptRecord, Result
    from evalkit.store.journal.lines import Line
    from evalkit.store.journal.records import Skip, StoredCall, StoredResult


@dataclass(frozen=True, slots=True)
class RunRecords:
    """All that a run's journals say.

    ``planned`` counts trials, 0 if the run died before it knew (``run.planned`` is None then). ``possibly_billed`` holds the keys of requests that were about to be
    sent and have no answer. ``damage`` describes what was dropped, one sentence each; empty for a sound journal. ``sizes`` are the
    files by name, in bytes, before they were read. ``conclusion`` is what was concluded when the run ended, as plain JSON.
    """

    run: RunInfo
    planned_tests: tuple[str, ...]
    planned: int
    prompts: tuple[PromptRecord, ...]
    stored: tuple[StoredResult, ...]
    stored_calls: tuple[StoredCall, ...]
    skips: tuple[Skip, ...]
    gates: tuple[GateOutcome, ...]
    possibly_billed: tuple[str, ...]
    damage: tuple[str, ...]
    sizes: Mapping[str, int]
    labels: tuple[Label, ...] = ()
    preferences: tuple[Preference, ...] = ()
    conclusion: Mapping[str, Any] | None = None

    @property
    def results(self) -> tuple[Result, ...]:
        """The measured trials, in the order they were written."""
        return tuple(stored.result for stored in self.stored)

    @property
    def redacted(self) -> frozenset[str]:
        """The keys of the requests whose answers are not here as they were: secrets or personal data were taken out."""
        return frozenset(stored.key for stored in self.stored_calls if stored.redacted)

    @property
    def skipped(self) -> dict[str, int]:
        """How many trials were skipped on purpose, by test id."""
        return {skip.test_id: skip.trials for skip in self.skips}

    @property
    def calls(self) -> tuple[Call, ...]:
        """Every settled call, in the order they were written."""
        return tuple(stored.call for stored in self.stored_calls)


def read_run(folder: Path, *, strict: bool = True, known: Iterable[Trial] = ()) -> RunRecords:
    """Read a run from its journal folder, ``reports/journal/<run_id>``. Parts of ``known`` trials are used where they equal what was read.

    A last line cut short is dropped and told in ``damage``. Raises StoreError for any other damaged record, naming file, record and byte;
    with ``strict=False`` such records are told in ``damage`` and the rest is read.
    """
    reader = _Reader(strict=strict, known=known)
    for path in journal_files(folder):
        reader.read(path, run_id=folder.name)
    return reader.records(folder)


def read_end(records: RunRecords, path: Path) -> RunRecords:
    """Return ``records`` with the gates and the final state of the run, which were written to the journal ``path`` since. Raises StoreError."""
    reader = _Reader(strict=True)
    reader.read(path, run_id=records.run.run_id)
    return reader.ending(records)


def journal_files(folder: Path) -> list[Path]:
    """The journals of a run, by name. Raises StoreError if there is none."""
    files = _regular(folder)
    if not files:
        raise StoreError(f"no journal in {folder}", hint="a run's journal is reports/journal/<run id>")
    return files


def _regular(folder: Path) -> list[Path]:
    """The journals in ``folder``, by name; a pipe, a link or a folder of such a name is none."""
    return sorted(path for path in folder.glob("*.jsonl") if path.is_file() and not path.is_symlink())


class _Reader:
    def __init__(self, *, strict: bool, known: Iterable[Trial] = ()) -> None:
        self._strict = strict
        self._got = Gathered(Sharing(known))
        self._sizes: dict[str, int] = {}

    def read(self, path: Path, *, run_id: str) -> None:
        """Add one journal file, unless it says that it belongs to another run than ``run_id``."""
        self._sizes[path.name] = path.stat().st_size
        other = _run_of(path)
        if other not in {None, run_id}:
            self._refuse(path, f"it is of run {other}")
            return
        for line in scan(path):
            if line.body is None and line.last:
                self._got.damage.append(
                    f"{path.name}: the last record ({line.end - line.start} bytes) was cut short and dropped"
                )
                continue
            try:
                self._take(path, line, run_id)
            except StoreError as error:
                place = f"record {line.number} at byte {line.start}"
                if self._strict:
                    raise StoreError(
                        f"{place} is damaged: {error.message}",
                        hint=error.hint or "restore the file from a copy, or read what is left with strict=False",
                        where=Where(str(path), line.number),
                    ) from error
                self._got.damage.append(f"{path.name}: {place} was skipped: {error.message}")

    def _refuse(self, path: Path, problem: str) -> None:
        if self._strict:
            raise StoreError(
                f"{problem}, but lies in the folder of another run",
                hint="move it to reports/journal/<its run>, or delete the copy",
                where=Where(str(path)),
            )
        self._got.damage.append(f"{path.name}: left out, because {problem}")

    def _take(self, path: Path, line: Line, run_id: str) -> None:
        if line.body is None:
            raise StoreError("its checksum does not match")
        take(self._got, line.body, f"{path.stem}#{line.number}")
        for infos in (self._got.starts, self._got.ends):
            if infos and infos[-1].run_id != run_id:  # it would replace what is stored of that run
                raise StoreError(f"it is of run {infos.pop().run_id}")

    def records(self, folder: Path) -> RunRecords:
        """Everything read, as one frozen value. Raises StoreError if no file says which run it is."""
        got = self._got
        infos = [*got.ends, *got.starts]
        if not infos:
            raise StoreError(
                f"no journal in {folder} says which run it belongs to", hint="the run died before its first call"
            )
        answered = {stored.key for stored in got.calls.values()}
        return RunRecords(
            run=self._whole(infos[0], folder),
            planned_tests=tuple(got.tests),
            planned=got.planned,
            prompts=tuple(got.prompts.values()),
            stored=tuple(got.results.values()),
            stored_calls=tuple(got.calls.values()),
            skips=tuple(got.skipped.values()),
            gates=tuple(got.gates.values()),
            possibly_billed=tuple(key for key in got.intents if key not in answered),
            damage=tuple(got.damage),
            sizes=self._sizes,
            labels=tuple(got.labels.values()),
            preferences=tuple(got.preferences.values()),
            conclusion=got.conclusion,
        )

    def ending(self, records: RunRecords) -> RunRecords:
        """``records`` with what was read here of the run's end."""
        got = self._got
        return replace(
            records,
            run=got.ends[0] if got.ends else records.run,
            gates=tuple(got.gates.values()),
            conclusion=got.conclusion,
            damage=(*records.damage, *got.damage),
            sizes={**records.sizes, **self._sizes},
        )

    def _whole(self, run: RunInfo, folder: Path) -> RunInfo:
        """Return ``run`` as it is now: a run that ended complete and has fewer trials than it planned has lost a file.

        Raises StoreError for that unless damage that was told already explains it, or the reader is lenient.
        """
        got = self._got
        found = len(got.results) + sum(skip.trials for skip in got.skipped.values())
        if not run.complete or run.planned is None or found >= run.planned:
            return run
        problem = f"{run.planned - found} of {run.planned} trials are in none of the run's files"
        if self._strict and not got.damage:
            raise StoreError(
                problem, hint="the file of a worker is missing: bring it back, or run again", where=Where(str(folder))
            )
        got.damage.append(problem)
        return replace(run, complete=False)


def _run_of(path: Path) -> str | None:
    """The run that a journal's first record names; None if that cannot be read."""
    first = next(scan(path), None)
    record = None if first is None else first.record
    run = None if record is None else record.get("run")
    named = run.get("run_id") if isinstance(run, dict) else None
    return named if isinstance(named, str) else None


RunStatus = Literal["complete", "incomplete", "damaged"]


@dataclass(frozen=True, slots=True)
class RunEntry:
    """A run in the list of runs. ``info`` is None for a ``damaged`` one, whose journals do not say what it was."""

    run_id: str
    folder: Path
    status: RunStatus
    info: RunInfo | None


def list_runs(reports: Path) -> list[RunEntry]:
    """The runs whose journals are under ``reports/journal``, newest first. Only the ends of the files are read."""
    return _by_time(map(run_entry, _run_folders(reports)))


def newest_runs(reports: Path, number: int) -> tuple[list[RunEntry], int]:
    """The ``number`` newest runs as :func:`list_runs` has them, and how many older ones there are; those are not read at all."""
    folders = sorted(_run_folders(reports), key=lambda folder: folder.name, reverse=True)  # an id begins with its time
    return _by_time(map(run_entry, folders[:number])), max(0, len(folders) - number)


def _run_folders(reports: Path) -> list[Path]:
    root = reports / "journal"
    return [path for path in root.iterdir() if path.is_dir()] if root.is_dir() else []


def _by_time(entries: Iterable[RunEntry]) -> list[RunEntry]:
    return sorted(entries, key=lambda entry: (entry.info.started_at if entry.info else "", entry.run_id), reverse=True)


def run_entry(folder: Path) -> RunEntry:
    """A run as :func:`list_runs` has it, by its folder."""
    best: RunInfo | None = None
    for info in _infos(_regular(folder)):
        if info.complete:
            return RunEntry(folder.name, folder, "complete", info)
        if best is None or info.finished_at is not None:
            best = info
    return RunEntry(folder.name, folder, "damaged" if best is None else "incomplete", best)


def _infos(paths: Iterable[Path]) -> Iterable[RunInfo]:
    """Yield what the last and the first record of each file say about the run; the file that ends a run comes first by its name."""
    for path in sorted(paths):
        for record in reversed(first_and_last(path)):
            if record["t"] in {"run", "end"}:
                try:
                    info = decode(RunInfo, record.get("run"))
                except StoreError:
                    continue  # listed as damaged if no other record is readable
                if info.run_id == path.parent.name:
                    yield info
