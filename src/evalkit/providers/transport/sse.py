"""Server-sent events: bytes in, wherever they are cut, the data of each event out.

Written from the WHATWG HTML standard, section "Server-sent events". The names of events are not told: every API in use repeats
them in the data.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_LINE_END = re.compile(rb"\r\n|\n|\r")
_BOM = b"\xef\xbb\xbf"


class EventParser:
    """Reads one stream. Work and memory are linear in its bytes; who feeds it bounds them."""

    def __init__(self) -> None:
        self._line: list[bytes] = []  # the pieces of a line whose end has not come
        self._data: list[bytes] = []  # the data lines of an event whose end has not come
        self._after_cr = False
        self._first = True

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """Yield the data of every event that ``piece`` completes. An event that nothing completes is never told."""
        if self._after_cr and piece:
            self._after_cr = False
            piece = piece.removeprefix(b"\n")
        self._after_cr = piece.endswith(b"\r") or self._after_cr
        *ended, rest = _LINE_END.split(piece)
        for last in ended:
            self._line.append(last)
            line = b"".join(self._line)
            self._line.clear()
            yield from self._read(line)
        self._line.append(rest)

    def _read(self, line: bytes) -> Iterator[bytes]:
        if self._first:
            self._first = False
            line = line.removeprefix(_BOM)
        if not line:
            if self._data:
                yield b"\n".join(self._data)
                self._data.clear()
            return
        name, _, value = line.partition(b":")
        if name == b"data":
            self._data.append(value.removeprefix(b" "))
