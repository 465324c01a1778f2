"""Deleting runs for good: from the journals, the cache, the database and the pages, so that no byte of theirs is left in a file.

Nothing but the journals says what must go, so they go last: killed at any point, the same purge is simply run again.
"""

from __future__ import annotations

import shutil
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from evalkit.errors import StoreError, StoreLockedError, Where
from evalkit.store.batches import BATCHES_FOLDER, BatchLog
from evalkit.store.cache import CACHE_FILE, Cache
from evalkit.store.database.ingest import DATABASE_FILE
from evalkit.store.database.shrink import stored_runs, without_runs
from evalkit.store.journal.lines import scan
from evalkit.store.journal.reader import list_runs
from evalkit.store.journal.writer import is_run_id, is_written
from evalkit.store.mirror import FOLDER, sweep

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from evalkit.store.journal.reader import RunEntry

_FOLDERS = frozenset({"journal", BATCHES_FOLDER})
"""Folders of the reports folder that are no run's."""
_GONE = ".purged"
"""Where the journals of runs lie while they are deleted, inside the reports folder."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A stored run. ``started_at`` is in UTC, None if nobody knows; ``prompts`` are references; ``size`` is that of its journals and pages in bytes.

    ``copies`` names the runs that it was judged again or merged from: it holds the same answers.
    """

    run_id: str
    started_at: datetime | None
    prompts: frozenset[str]
    size: int
    copies: frozenset[str] = frozenset()


def candidates(reports: Path) -> list[Candidate]:
    """Every run that is stored below ``reports``, in journals or only in the database, the oldest first. Raises StoreError."""
    found = {entry.run_id: _of_journal(entry, reports) for entry in list_runs(reports)}
    for run_id, started_at, prompts in stored_runs(reports / DATABASE_FILE):
        if run_id not in found:
            size = _size(_page(reports, run_id))
            found[run_id] = Candidate(run_id, started_at, prompts, size)
    return sorted(found.values(), key=lambda run: (str(run.started_at or ""), run.run_id))


def purge(reports: Path, runs: Iterable[str]) -> list[str]:
    """Delete ``runs``, and leftovers of databases and batches that may hold the same. Returns what was left where it is, for the user.

    Raises StoreLockedError while a run, a server or another process works here, StoreError for what cannot be read or deleted.
    """
    gone = frozenset(runs)
    journals = reports / "journal"
    require_quiet(reports)
    try:
        _forget(reports, journals, gone)
        without_runs(reports / DATABASE_FILE, gone, prompts=_prompts_of(journals, gone))
        for path in leftovers(reports):
            path.unlink(missing_ok=True)
        notes = _purge_batches(reports / BATCHES_FOLDER)
        for page in filter(None, (_page(reports, run_id) for run_id in gone)):
            _delete(page)
        _delete_journals(reports, journals, gone)
    except OSError as error:
        raise StoreError(
            f"cannot delete {error.filename or reports}: {error.strerror or error}",
            hint="mend it and run the purge again",
        ) from error
    return notes


def require_quiet(reports: Path) -> None:
    """Raise StoreLockedError if a run or a server is at work in ``reports``."""
    for path in (reports / "journal").glob("*/*.jsonl"):
        if is_written(path):
            raise StoreLockedError(
                f"the run {path.parent.name} is in progress", hint="purge when it has ended", where=Where(str(path))
            )
    home = reports / FOLDER
    sweep(home)
    if home.is_dir() and any(home.iterdir()):
        raise StoreLockedError("evalkit serve is running here", hint="stop it first", where=Where(str(home)))


def leftovers(reports: Path) -> list[Path]:
    """Files beside the database and the cache that hold copies of answers: earlier databases, damaged caches, half-made ones."""
    names = (f"{DATABASE_FILE}.old*", f"{DATABASE_FILE}.tmp*", f"{CACHE_FILE}.damaged-*")
    return sorted(path for name in names for path in reports.glob(name))


def _of_journal(entry: RunEntry, reports: Path) -> Candidate:
    extra = entry.info.extra if entry.info else {}
    merged = extra.get("merged")
    sources = [extra.get("rescored"), *(merged if isinstance(merged, (list, tuple)) else ())]
    return Candidate(
        run_id=entry.run_id,
        started_at=_moment(entry.info.started_at) if entry.info else None,
        prompts=frozenset(ref for ref, _ in _prompts(entry.folder)),
        size=_size(entry.folder) + _size(_page(reports, entry.run_id)),
        copies=frozenset(one for one in sources if isinstance(one, str)),
    )


def _moment(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at


def _page(reports: Path, run_id: str) -> Path | None:
    """The folder of a run's page; None where an id is no name of one: a database may come from anybody, and what is named is deleted."""
    return reports / run_id if is_run_id(run_id) and run_id.casefold() not in _FOLDERS else None


def _size(folder: Path | None) -> int:
    if folder is None or not folder.is_dir():
        return 0
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())


def _prompts(folder: Path) -> Iterator[tuple[str, str]]:
    """Reference and digest of every prompt whose text a run's journals hold."""
    for path in sorted(folder.glob("*.jsonl")):
        for line in scan(path):
            record = line.record if line.body is not None and line.body.startswith(b'{"t":"prompt"') else None
            prompt = record.get("prompt") if record else None
            if isinstance(prompt, dict):
                yield str(prompt.get("ref")), str(prompt.get("digest"))


def _prompts_of(journals: Path, gone: frozenset[str]) -> set[tuple[str, str]]:
    kept = (folder for folder in _folders(journals) if folder.name not in gone)
    return {prompt for folder in kept for prompt in _prompts(folder)}


def _folders(journals: Path) -> list[Path]:
    return sorted(path for path in journals.iterdir() if path.is_dir()) if journals.is_dir() else []


def _forget(reports: Path, journals: Path, gone: frozenset[str]) -> None:
    if not (reports / CACHE_FILE).is_file():
        return
    keys = {key for folder in _folders(journals) if folder.name in gone for key in _keys(folder)}
    with closing(Cache(reports / CACHE_FILE)) as cache:
        cache.forget(keys, runs=gone)


def _keys(folder: Path) -> Iterator[str]:
    for path in folder.glob("*.jsonl"):
        for line in scan(path):
            record = line.record if line.body is not None and line.body.startswith(b'{"t":"call"') else None
            if record is not None:
                yield str(record.get("key"))


def _purge_batches(folder: Path) -> list[str]:
    """Delete what was handed in and is not waited for; the log knows failures, which may quote. Returns what is still open."""
    if not folder.is_dir():
        return []
    with closing(BatchLog(folder)) as log:
        if log.open:
            return [f"{len(log.open)} batches are open and were left: take them in with 'evalkit run --resume'"]
    _delete(folder)
    return []


def _delete_journals(reports: Path, journals: Path, gone: frozenset[str]) -> None:
    """Each run disappears at once, then its files are deleted: half a run would be taken for a damaged one."""
    aside = reports / _GONE
    aside.mkdir(mode=0o700, exist_ok=True)
    for folder in _folders(journals):
        if folder.name in gone:
            _delete(aside / folder.name)
            folder.rename(aside / folder.name)
    _delete(aside)


def _delete(folder: Path) -> None:
    if folder.is_symlink():
        folder.unlink()
    elif folder.is_dir():
        shutil.rmtree(folder)
