"""Recordings: exchanges with a model as JSON lines that a person can read, write and review.

One line holds one exchange::

    {"model": "openai/gpt-5-mini", "request": {"messages": [{"role": "user", "content": "…"}]}, "response": {"text": "…"}}

``key``, when present, is the :func:`replay_key` of the request and is verified; a person who writes a recording leaves it
out. Of several lines with the same request the last one counts. In place of ``response`` a line may hold the ``failure`` after which a
fallback answered, with ``kind`` and ``message``.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from evalkit.canon import digest
from evalkit.errors import EvalkitError, RecordingError, Where
from evalkit.files import read_text, shown
from evalkit.model.calls import CallFailure
from evalkit.providers.recordings.format import Line, plain_reply, plain_request, to_reply, to_request
from evalkit.providers.transport.body import Mender

if TYPE_CHECKING:
    from pathlib import Path

    from evalkit.model.calls import Reply, Request
    from evalkit.providers.redact import Redactor

MAX_BYTES = 512 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its recorded reply. ``key`` is what replay looks up; ``where`` the line it stands in."""

    key: str
    request: Request
    reply: Reply
    where: Where
    recorded_at: str | None = None
    note: str | None = None


def replay_key(request: Request) -> str:
    """Return the sha256 (64 hex) of the request's identity without its ``endpoint``.

    A recording made through a gateway must replay on a machine that has no gateway.
    """
    identity = request.identity()
    del identity["endpoint"]
    return digest(identity)


def read_recordings(path: Path, *, root: Path | None = None) -> list[Exchange]:
    """Return the exchanges of a recording, in file order. ``root`` shortens the path in messages.

    Raises RecordingError with file and line for JSON that is damaged, a field that is unknown or of the wrong type, and a key that
    is not the request's (unless the line says ``"redacted": true``: then the text that the key stands for is gone).
    """
    name = shown(path, root) if root else path.as_posix()
    try:
        text = read_text(path, where=Where(name), limit=MAX_BYTES)
    except EvalkitError as error:
        raise RecordingError(error.message, hint=error.hint, where=error.where) from error
    lines = enumerate(text.split("\n"), start=1)
    return [_exchange(line, Where(name, number)) for number, line in lines if line.strip()]


def _exchange(text: str, where: Where) -> Exchange:
    try:
        line = Line.model_validate_json(text)
    except ValidationError as error:
        raise _unreadable(error, where) from None
    if line.request.model not in {None, line.model}:
        raise RecordingError(
            f"two models: {line.model!r} and {line.request.model!r}", hint="keep one of the two", where=where
        )
    request = to_request(line)
    try:
        key = replay_key(request)
    except ValueError as error:
        hint = "write a finite number, or take it out"
        raise RecordingError("the request holds NaN or a number that is too large", hint=hint, where=where) from error
    if line.key is not None and line.key != key and not line.redacted:
        raise RecordingError(
            "the request was edited by hand: its key no longer belongs to it",
            hint="leave 'key' out of a line that is written or edited by hand; it is then computed",
            where=where,
        )
    return Exchange(line.key or key, request, to_reply(line), where, line.recorded_at, line.note)


def _unreadable(error: ValidationError, where: Where) -> RecordingError:
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"]) or "the line"
    if first["type"] == "json_invalid":
        return RecordingError(
            f"damaged line: {first['msg']}", hint="delete the line, or record it again with --record", where=where
        )
    valid = ", ".join(Line.model_fields)
    return RecordingError(f"{place}: {first['msg']}", hint=f"a line holds {valid}; see docs/providers.md", where=where)


class Recorder:
    """Appends exchanges to the recording at ``path``, secrets taken out by ``redactor``. Thread-safe.

    An answer that the file already holds is left as it is, unless ``replace``: then the new one is appended, and counts. An answer takes the
    place of a failure, never the other way round. Raises
    RecordingError when the file that is there cannot be read: appending to a damaged recording would hide the damage.
    """

    def __init__(self, path: Path, *, redactor: Redactor, replace: bool = False) -> None:
        self._path = path
        self._redactor = redactor
        self._lock = Lock()
        existing = read_recordings(path) if path.exists() else []
        self._failed = {exchange.key for exchange in existing if isinstance(exchange.reply, CallFailure)}
        answered = {exchange.key for exchange in existing} - self._failed
        self._known = set() if replace else answered

    def add(self, request: Request, reply: Reply, *, at: float, note: str | None = None) -> bool:
        """Append an exchange that happened ``at`` (Unix seconds). Returns whether it was new. Raises RecordingError."""
        key = replay_key(request)
        with self._lock:
            failed = isinstance(reply, CallFailure)
            if key in self._known or (failed and key in self._failed):
                return False
            self._append(self._line(key, request, reply, at=at, note=note))
            (self._failed if failed else self._known).add(key)
        return True

    def _line(self, key: str, request: Request, reply: Reply, *, at: float, note: str | None) -> str:
        asked = json.loads(json.dumps(plain_request(request)))
        clean = Mender().json(self._redactor.json(asked))
        line: dict[str, Any] = {"key": key, "model": request.model, "request": clean}
        line |= Mender().json(self._redactor.json(plain_reply(reply)))
        line["recorded_at"] = datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
        optional = {"note": note, "redacted": clean != asked or None}
        line |= {name: value for name, value in optional.items() if value is not None}
        return json.dumps(line, ensure_ascii=False, allow_nan=False)

    def _append(self, line: str) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
            handle = os.open(self._path, flags, 0o600)
            try:
                _write(handle, f"{line}\n".encode())
            finally:
                os.close(handle)
        except OSError as error:
            raise RecordingError(
                f"cannot write {self._path}: {error.strerror or error}", hint="the recordings folder must be writable"
            ) from error


def _write(handle: int, data: bytes) -> None:
    """Append ``data`` in one write, on a line of its own even if the last line was cut off. On a full disk nothing of it stays."""
    size = os.fstat(handle).st_size
    if size and os.pread(handle, 1, size - 1) != b"\n":
        data = b"\n" + data
    try:
        while data:
            data = data[os.write(handle, data) :]
    except OSError:
        os.ftruncate(handle, size)  # half a line would make the whole recording unreadable
        raise
