"""What earlier runs asked live, read from their journals: requests by key, newest first, without their answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalkit.errors import StoreError
from evalkit.model.calls import Request
from evalkit.store.journal.codec import decode
from evalkit.store.journal.lines import scan
from evalkit.store.journal.reader import journal_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Asked:
    """One live call of an earlier run. ``failure`` says why it has no answer, None if it has one; ``settled_at`` is Unix time in seconds.

    ``key`` is the one it was asked under: secrets are taken out of ``request``, so its own key may be another one.
    """

    key: str
    request: Request
    run_id: str
    settled_at: float
    failure: str | None


def asked_before(journal_root: Path, *, most: int) -> list[Asked]:
    """Return the live calls of all runs, the newest run first, at most ``most``. Damaged records are left out. Raises StoreError."""
    found: list[Asked] = []
    for one in _all(journal_root):
        if len(found) == most:
            break
        found.append(one)
    return found


def _all(journal_root: Path) -> Iterator[Asked]:
    folders = [path for path in journal_root.iterdir() if path.is_dir()] if journal_root.is_dir() else []
    for folder in sorted(folders, reverse=True):  # a run's id begins with its time
        if not any(folder.glob("*.jsonl")):
            continue
        for path in journal_files(folder):
            for line in scan(path):
                record = line.record if line.body is not None and b'"call"' in line.body else None
                if record is not None and record["t"] == "call":
                    yield from _live(record, folder.name)


def _live(record: dict[str, Any], run_id: str) -> Iterator[Asked]:
    try:
        call = record["call"]
        if call["source"] != "live":
            return
        reply = call["reply"]
        failure = None if "text" in reply else f"{reply['kind']}: {reply['message']}"
        yield Asked(str(record["key"]), decode(Request, call["request"]), run_id, float(call["settled_at"]), failure)
    except (KeyError, TypeError, ValueError, StoreError):
        return  # what cannot be read is nothing to compare with
