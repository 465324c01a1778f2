"""The part of the examination that looks at what earlier runs left behind: journals, the database, leftovers, who may read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalkit.errors import StoreError, StoreLockedError
from evalkit.harness.doctor.finding import Finding
from evalkit.store.cache import CACHE_FILE
from evalkit.store.database.connection import opened
from evalkit.store.database.ingest import DATABASE_FILE, check_tables, unread_runs
from evalkit.store.journal.lines import scan
from evalkit.store.journal.reader import list_runs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from evalkit.config import Config

_SHOWN = 3
_READABLE_BY_OTHERS = 0o077
_LEFT = ("*.tmp", "*.damaged-*", f"{DATABASE_FILE}.old", f"{DATABASE_FILE}.wal")


def stored(config: Config) -> Iterator[Finding]:
    """Yield what is found below the reports folder; nothing, if no run has been made."""
    reports = config.folder("reports")
    if not reports.is_dir():
        yield Finding("store", "ok", f"no runs yet: {config.reports}/ is made by the first one")
        return
    yield from _journals(reports)
    yield from _database(config.journals, reports / DATABASE_FILE)
    yield from _batches(config)
    yield from _leftovers(reports)
    yield from _modes(reports)


def _journals(reports: Path) -> Iterator[Finding]:
    runs = list_runs(reports)
    cut = [run.run_id for run in runs if run.status == "incomplete"]
    yield Finding("store", "ok", f"{len(runs)} journaled runs" + (f", {len(cut)} of them cut short" if cut else ""))
    for run in runs:
        for path in sorted(run.folder.glob("*.jsonl")):
            try:
                damaged = sum(line.body is None and not line.last for line in scan(path))
            except StoreError as error:
                yield Finding("store", "problem", f"{error.where}: {error.message}", error.hint or "bring it back")
                continue
            if damaged:
                yield Finding(
                    "store",
                    "problem",
                    f"{path.relative_to(reports)} has {damaged} damaged records",
                    "bring it back from a copy; what can be read of the run is in the database",
                )


def _database(journals: Path, path: Path) -> Iterator[Finding]:
    try:
        with opened(path, read_only=True, wait_s=0.0) as connection:
            check_tables(connection, path)
            missing = [news.folder.name for news in unread_runs(connection, journals)]
    except StoreLockedError as error:
        yield Finding(
            "store", "note", f"{path.name}: {error.message}", "wait for it to end; runs wait 30 s, then say so"
        )
        return
    except StoreError as error:
        absent = not path.exists()
        yield Finding(
            "store", "note" if absent else "problem", f"{path.name}: {error.message}", error.hint or "evalkit ingest"
        )
        return
    yield Finding("store", "ok", f"{path.name} can be read, {path.stat().st_size / 1e6:,.1f} MB")
    if missing:
        names = ", ".join(missing[:_SHOWN]) + (" …" if len(missing) > _SHOWN else "")
        yield Finding("store", "note", f"{len(missing)} runs are not in the database yet: {names}", "evalkit ingest")


def _batches(config: Config) -> Iterator[Finding]:
    from evalkit.harness.batch.waiting import open_batches

    try:
        waiting = open_batches(config)
    except StoreError as error:
        yield Finding("store", "note", f"batches: {error.message}", error.hint or "wait for it to end")
        return
    if waiting:
        yield Finding(
            "store", "note", f"{len(waiting)} batches were handed in and not taken in yet", "evalkit run --resume"
        )


def _leftovers(reports: Path) -> Iterator[Finding]:
    left = sorted(path.name for pattern in _LEFT for path in reports.glob(pattern))
    if left:
        yield Finding(
            "store",
            "note",
            f"left behind by a run that was killed, or by a repair: {', '.join(left[:_SHOWN])}{' …' if len(left) > _SHOWN else ''}",
            f"nothing needs them once 'evalkit ingest' went well; delete them in {reports.name}/",
        )


def _modes(reports: Path) -> Iterator[Finding]:
    held = [reports / CACHE_FILE, reports / DATABASE_FILE, *(reports / "journal").glob("*/*.jsonl")]
    open_to_others = [path for path in held if path.is_file() and path.stat().st_mode & _READABLE_BY_OTHERS]
    if open_to_others:
        first = open_to_others[0].relative_to(reports)
        yield Finding(
            "store",
            "problem",
            f"{len(open_to_others)} files with answers can be read by other users of this machine, such as {first}",
            f"chmod -R go= {reports.name}",
        )
