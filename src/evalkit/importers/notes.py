"""What an import changed or had to leave out: every one of them is said, with its place in the file that it was read from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from evalkit.errors import Where

NoteKind = Literal["changed", "left out"]


@dataclass(frozen=True, slots=True)
class Note:
    """One thing that is not as it was. ``changed`` means something near it is there; ``left out`` that nothing is."""

    kind: NoteKind
    where: Where
    what: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.where}: {self.what}"


class UnportableError(Exception):
    """Something cannot be said in evalkit's words. The message says what, and what to write by hand. It never leaves an importer."""


@dataclass(slots=True)
class Notes:
    """The notes of one import, in the order in which they were made, each once."""

    _kept: dict[Note, None] = field(default_factory=dict)

    def changed(self, where: Where, what: str) -> None:
        """Note that ``what`` is only nearly what it was."""
        self._kept[Note("changed", where, what)] = None

    def left_out(self, where: Where, what: str) -> None:
        """Note that ``what`` was not imported."""
        self._kept[Note("left out", where, what)] = None

    @property
    def all(self) -> tuple[Note, ...]:
        """Every note."""
        return tuple(self._kept)
