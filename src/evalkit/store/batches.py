"""What was handed in to batch APIs: an append-only log that knows a batch before it exists and until its answers are journaled.

``reports/batches/log.jsonl`` holds one framed record per event, each synced before anybody acts on it; ``<marker>.jsonl`` beside it holds the
requests of a batch until it is closed. One process at a time holds the log.
"""

from __future__ import annotations

import fcntl
import os
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, get_args

from evalkit.errors import FailureKind, StoreError, StoreLockedError, Where
from evalkit.files import private_folder
from evalkit.model.calls import CallFailure, Request
from evalkit.store.journal.codec import decode, encode
from evalkit.store.journal.lines import frame, scan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from evalkit.store.journal.lines import Line

BATCHES_FOLDER = "batches"
"""The log's folder inside the reports folder."""

_LOG = "log.jsonl"
_FORMAT = 1
_FRESH = os.O_CREAT | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0)


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch. ``marker`` is evalkit's name for it (32 hex), ``id`` the vendor's; None: it is not known whether it exists.

    ``group`` is what its requests have in common, ``size`` how many they are, ``at`` Unix time in seconds just before it was handed in,
    ``worst_usd`` what it may cost at most (None: unknown), ``tokens`` how many it may use. ``found`` says that its id was looked up instead
    of being returned.
    """

    marker: str
    provider: str
    group: str
    size: int
    at: float
    worst_usd: float | None = None
    tokens: int = 0
    id: str | None = None
    found: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """The pytest words that started batches, and the ``folder`` (relative to the project) they were given in."""

    words: tuple[str, ...]
    folder: str


@dataclass(slots=True)
class _Known:
    """What the log says so far."""

    open: dict[str, Batch] = field(default_factory=dict)
    ids: set[str] = field(default_factory=set)
    failures: dict[str, list[CallFailure]] = field(default_factory=dict)
    command: Command | None = None


class BatchLog:
    """The log in ``folder``, made if need be and held until :meth:`close`.

    ``redact`` takes secrets out of requests before they are written, ``hide`` personal data (it is told the request's key). Raises StoreLockedError if another process holds it, StoreError if it
    cannot be read or written, or is damaged anywhere but in a last record that a kill cut short.
    """

    def __init__(
        self,
        folder: Path,
        *,
        redact: Callable[[Any], Any] = lambda value: value,
        hide: Callable[[str, dict[str, Any]], dict[str, Any]] = lambda _, record: record,
    ) -> None:
        self._hide = hide
        self._folder = folder
        self._path = folder / _LOG
        self._redact = redact
        self._known = _Known()
        self._broken = False
        self._fd = _open(folder, self._path)
        try:
            self._read()
        except BaseException:
            os.close(self._fd)
            raise

    @property
    def open(self) -> tuple[Batch, ...]:
        """Batches whose answers are not journaled yet, oldest first."""
        return tuple(self._known.open.values())

    @property
    def ids(self) -> frozenset[str]:
        """Every batch id that was ever known."""
        return frozenset(self._known.ids)

    @property
    def command(self) -> Command | None:
        """The last command that worked in batch mode."""
        return self._known.command

    def failures(self, key: str) -> Sequence[CallFailure]:
        """How a request failed in the batches that held it, oldest first."""
        return self._known.failures.get(key, [])

    def requests(self, batch: Batch) -> dict[str, Request]:
        """The requests of an open batch by key, in the order they were handed in. Raises StoreError if they cannot be read."""
        path = self._requests(batch.marker)
        found: dict[str, Request] = {}
        for line in scan(path):
            record = line.record
            if record is None:
                raise self._damaged(path, line)
            request = decode(Request, record["request"]).asked_as(str(record["key"]))
            found[request.key] = request
        if len(found) != batch.size:
            raise StoreError(
                f"the requests of a batch are incomplete: {len(found)} of {batch.size}",
                hint="run again: what has no answer is handed in once more",
                where=Where(str(path)),
            )
        return found

    def note_command(self, command: Command) -> None:
        """Remember the words that the next ``--resume`` repeats."""
        self._append({"t": "command", "words": list(command.words), "folder": command.folder})

    def intend(self, batch: Batch, requests: Iterable[Request]) -> None:
        """Note that ``batch`` is about to be handed in, with its requests. On disk when this returns."""
        self._write_requests(batch.marker, requests)
        self._append({"t": "intent", **encode(replace(batch, id=None, found=False))})

    def submitted(self, marker: str, batch_id: str, *, found: bool = False) -> None:
        """Note the vendor's id of a batch, returned or found. On disk when this returns."""
        self._append({"t": "submitted", "marker": marker, "id": batch_id, "found": found, "at": time.time()})

    def dropped(self, marker: str, reason: str) -> None:
        """Note that a batch does not exist: the vendor refused it, or knows none with its marker."""
        self._append({"t": "dropped", "marker": marker, "reason": reason, "at": time.time()})
        self._requests(marker).unlink(missing_ok=True)

    def closed(self, marker: str, *, answered: int, failures: Mapping[str, CallFailure]) -> None:
        """Note that a batch is over: its answers are journaled, and these requests of it failed."""
        told = {key: [failure.kind, failure.message] for key, failure in failures.items()}
        self._append({"t": "closed", "marker": marker, "answered": answered, "failures": told, "at": time.time()})
        self._requests(marker).unlink(missing_ok=True)

    def close(self) -> None:
        """Let the log go. Closing twice is fine."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    # -- how ----------------------------------------------------------------------------------------------------

    def _requests(self, marker: str) -> Path:
        return self._folder / f"{marker}.jsonl"

    def _write_requests(self, marker: str, requests: Iterable[Request]) -> None:
        path = self._requests(marker)
        try:
            fd = os.open(path, _FRESH | os.O_WRONLY | os.O_EXCL, 0o600)
            with os.fdopen(fd, "wb") as file:
                for request in requests:
                    shown = self._hide(request.key, {"request": encode(request)})
                    record = {"t": "request", **self._redact(shown), "key": request.key}
                    file.write(frame(record))
                file.flush()
                os.fsync(file.fileno())
            _sync_folder(self._folder)
        except OSError as error:
            raise _unwritable(path, error) from error

    def _append(self, record: dict[str, Any]) -> None:
        if self._broken:
            raise StoreError(
                "a write failed before, so nothing more is noted",
                hint="make room, and run again",
                where=Where(str(self._path)),
            )
        self._broken = True  # until it is done: a record behind half a record could not be read
        try:
            data = memoryview(frame(record))
            while data:
                data = data[os.write(self._fd, data) :]
            os.fsync(self._fd)
        except OSError as error:
            raise _unwritable(self._path, error) from error
        self._broken = False
        _take(self._known, record)

    def _read(self) -> None:
        end = 0
        for line in scan(self._path):
            record = line.record
            if record is None and line.last:
                os.truncate(self._path, end)  # a kill cut it short: nobody has acted on it
                break
            try:
                if record is None:
                    raise self._damaged(self._path, line)
                _take(self._known, record)
            except (KeyError, TypeError, ValueError) as error:
                raise self._damaged(self._path, line) from error
            end = line.end
        if not end:
            self._append({"t": "batches", "format": _FORMAT})

    def _damaged(self, path: Path, line: Line) -> StoreError:
        return StoreError(
            f"record {line.number} at byte {line.start} is damaged, so it is not known which batches are open",
            hint=f"restore the file from a copy; or delete the folder {self._folder.name}: what was handed in is then lost",
            where=Where(str(path), line.number),
        )


def _take(known: _Known, record: Mapping[str, Any]) -> None:
    """Add one record of the log. Raises KeyError, TypeError or ValueError if it makes no sense."""
    kind = record["t"]
    if kind == "batches":
        if record["format"] != _FORMAT:
            raise ValueError(record["format"])
    elif kind == "command":
        known.command = Command(tuple(map(str, record["words"])), str(record["folder"]))
    elif kind == "intent":
        batch = decode(Batch, {name: value for name, value in record.items() if name != "t"})
        known.open[batch.marker] = batch
    elif kind == "submitted":
        marker, batch_id = record["marker"], str(record["id"])
        known.open[marker] = replace(known.open[marker], id=batch_id, found=bool(record["found"]))
        known.ids.add(batch_id)
    elif kind in {"dropped", "closed"}:
        del known.open[record["marker"]]
        for key, (name, message) in record.get("failures", {}).items():
            known.failures.setdefault(key, []).append(CallFailure(_kind(name), str(message), 1))
    else:
        raise ValueError(kind)


def _kind(name: object) -> FailureKind:
    found: FailureKind | None = next((kind for kind in get_args(FailureKind) if kind == name), None)
    if found is None:
        raise ValueError(name)
    return found


def _open(folder: Path, path: Path) -> int:
    try:
        private_folder(folder)
        fd = os.open(path, _FRESH | os.O_RDWR | os.O_APPEND, 0o600)
        _sync_folder(folder)
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(fd)
        if not isinstance(error, BlockingIOError):
            raise _unwritable(path, error) from error
        raise StoreLockedError(
            "another process works with the batches of this project", hint="wait for it to end", where=Where(str(path))
        ) from error
    return fd


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _unwritable(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"cannot write what is handed in to a batch API: {error.strerror or error}",
        hint="the reports folder must be writable and have space; nothing more is handed in",
        where=Where(str(path)),
    )
