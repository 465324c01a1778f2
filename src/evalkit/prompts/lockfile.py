"""The file ``prompts.lock``: one line ``refund-reply:v2 sha256:…`` per released version, sorted, fit for review and merging."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from evalkit.errors import EvalkitError, PromptError, Where
from evalkit.files import read_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_HEADER = "# Released prompt versions, written by `evalkit prompts release`. A released version does not change.\n"
_LINE = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]{0,99}):(v\d{1,6}) sha256:([0-9a-f]{64})\Z", re.ASCII)


class LockFile:
    """The released versions and their digests. ``shown`` is the path as the user reads it."""

    def __init__(self, path: Path, *, shown: str) -> None:
        self._path = path
        self._shown = shown

    def read(self) -> dict[str, str]:
        """Return reference → sha256 hex; empty without a file. Raises PromptError with the line if it was damaged."""
        if not self._path.exists():
            return {}
        try:
            text = read_text(self._path, where=Where(self._shown))
        except EvalkitError as error:
            raise PromptError(error.message, hint=error.hint, where=error.where) from error
        released: dict[str, str] = {}
        for number, line in enumerate(text.split("\n"), start=1):
            if line.strip() and not line.startswith("#"):
                self._add(released, line.rstrip(), number)
        return released

    def _add(self, released: dict[str, str], line: str, number: int) -> None:
        match = _LINE.match(line)
        ref = f"{match.group(1)}:{match.group(2)}" if match else ""
        if match is None or ref in released:
            problem = f"{ref} is there twice" if match else f"not a line of a lock file: {line[:80]!r}"
            raise PromptError(
                problem,
                hint="restore the file from git; only `evalkit prompts release` writes it",
                where=Where(self._shown, number),
            )
        released[ref] = match.group(3)

    def write(self, released: Mapping[str, str]) -> None:
        """Replace the file in one step. Raises PromptError if it cannot be written."""
        lines = [f"{ref} sha256:{released[ref]}\n" for ref in sorted(released, key=_order)]
        fresh = self._path.with_name(f"{self._path.name}.new")
        try:
            fresh.write_text(_HEADER + "".join(lines), encoding="utf-8", newline="\n")
            fresh.replace(self._path)
        except OSError as error:
            raise PromptError(
                f"cannot write: {error.strerror or error}",
                hint="the prompts folder must be writable",
                where=Where(self._shown),
            ) from error


def _order(ref: str) -> tuple[str, int]:
    name, _, version = ref.partition(":")
    return name, int(version[1:])
