"""The line format of a journal: checksum, space, JSON, newline; and a reader that survives a torn tail."""

from __future__ import annotations

import errno
import json
import os
import re
import stat
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalkit.errors import StoreError, Where
from evalkit.store.journal.codec import dumps

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedReader
    from pathlib import Path

FORMAT = 1
"""Version of the record layout; the first record of every journal carries it."""

MAX_LINE = 256 * 1024 * 1024
_TAIL = 64 * 1024
_PIECE = 2**20
_PREFIX = 9  # eight hex digits and a space
_HEAD = re.compile(rb"[0-9a-f]{8} ")


def frame(record: dict[str, Any]) -> bytes:
    """Return one journal line: crc32 of the JSON in eight hex digits, a space, the JSON in ASCII, a newline."""
    return frame_text(dumps(record))


def frame_text(text: str) -> bytes:
    """Return the journal line of a record that is JSON in ASCII already."""
    body = text.encode("ascii")
    return b"%08x %b\n" % (zlib.crc32(body), body)


def unframe(line: bytes) -> bytes | None:
    """Return the JSON of a line, or None if the line is torn, changed or not a journal line."""
    if line[-1:] != b"\n" or line[:_PREFIX] != b"%08x " % zlib.crc32(memoryview(line)[_PREFIX:-1]):
        return None
    return line[_PREFIX:-1]


def parse(body: bytes) -> dict[str, Any] | None:
    """Return the record that a sound line holds, or None if it is no record (a line that was made by hand)."""
    try:
        record = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) and isinstance(record.get("t"), str) else None


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a journal: its ``number`` from 1, the byte it starts and ends at, and its JSON (None if damaged).

    ``last`` is True for the last line of the file, where damage means a write that was cut short.
    """

    number: int
    start: int
    end: int
    body: bytes | None
    last: bool

    @property
    def record(self) -> dict[str, Any] | None:
        """The record, parsed each time it is asked for; None if the line is damaged."""
        return None if self.body is None else parse(self.body)


def scan(path: Path, *, offset: int = 0) -> Iterator[Line]:
    """Yield the lines of a journal from byte ``offset`` (a line start) on. Raises StoreError if the file cannot be read."""
    try:
        with _opened(path) as file:
            file.seek(offset)
            yield from _lines(file, offset)
    except OSError as error:
        raise _unreadable(path, error) from error


def _lines(file: BufferedReader, offset: int) -> Iterator[Line]:
    number = 0
    while file.peek(1):
        number += 1
        body, length = _next(file)
        yield Line(number, offset, offset + length, body, last=not file.peek(1))
        offset += length


def _next(file: BufferedReader) -> tuple[bytes | None, int]:
    """The JSON of the next line and the line's length. What is no line, a tail of zeros as long as a disk, is passed over piece by piece."""
    piece = file.readline(_PREFIX)
    pieces, length, sound = [piece], len(piece), _HEAD.fullmatch(piece) is not None
    while piece and piece[-1:] != b"\n":
        piece = file.readline(_PIECE)
        length += len(piece)
        sound = sound and b"\0" not in piece and length <= MAX_LINE  # no record holds a zero
        pieces = [*pieces, piece] if sound else []
    return unframe(b"".join(pieces)) if sound else None, length


def first_and_last(path: Path) -> list[dict[str, Any]]:
    """Return the first and the last sound record of a journal without reading what is between. Raises StoreError."""
    try:
        with _opened(path) as file:
            first, length = _next(file)
            size = file.seek(0, os.SEEK_END)
            file.seek(max(length, size - _TAIL))
            tail = file.read(_TAIL).splitlines(keepends=True)
    except OSError as error:
        raise _unreadable(path, error) from error
    sound = filter(None, [first, *map(unframe, tail[-2:])])
    return [record for record in map(parse, sound) if record is not None]


def _opened(path: Path) -> BufferedReader:
    """Open a regular file for reading: a pipe would wait for ever for somebody to write."""
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "it is not a regular file")
    return os.fdopen(handle, "rb")


def _unreadable(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"cannot read the journal: {error.strerror or error}",
        hint="check its permissions, and that it is a file",
        where=Where(str(path)),
    )
