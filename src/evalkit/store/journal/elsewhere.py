"""The journals of a run read while other processes write them: what they measured since one last looked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalkit.errors import StoreError
from evalkit.store.journal.lines import scan
from evalkit.store.journal.records import Gathered, take

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from evalkit.model.results import Result
    from evalkit.store.journal.lines import Line


class Elsewhere:
    """The journals in ``folder``, but those whose names begin with ``own``. What cannot be read is left out: the run's end tells of it."""

    def __init__(self, folder: Path, *, own: str) -> None:
        self._folder = folder
        self._own = own
        self._got = Gathered()
        self._read: dict[Path, tuple[int, int]] = {}

    def news(self) -> list[Result]:
        """The results that were written since the last call, whole lines only."""
        before = len(self._got.results)
        for path in sorted(self._folder.glob("*.jsonl")):
            if not path.name.startswith(self._own):
                self._follow(path)
        return [stored.result for stored in list(self._got.results.values())[before:]]

    def _follow(self, path: Path) -> None:
        offset, number = self._read.get(path, (0, 0))
        try:
            if path.stat().st_size == offset:
                return
            for line in self._lines(path, offset):
                number += 1
                self._read[path] = (line.end, number)
                self._take(line, f"{path.stem}#{number}")
        except (OSError, StoreError):
            return

    @staticmethod
    def _lines(path: Path, offset: int) -> Iterator[Line]:
        """The lines that are whole; the last one may still be in the making."""
        for line in scan(path, offset=offset):
            if line.body is None and line.last:
                return
            yield line

    def _take(self, line: Line, place: str) -> None:
        if line.body is None:
            return
        try:
            take(self._got, line.body, place)
        except StoreError:
            return
