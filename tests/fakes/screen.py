"""A terminal in a few lines: what a person sees after a program wrote letters, line ends and cursor movements."""

from __future__ import annotations

import re

_PIECES = re.compile(r"\x1b\[(\d*)(?:;\d+)*([A-Za-z])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|(.)", re.DOTALL)


class Screen:
    """Rows of text that grow downwards without end."""

    def __init__(self, width: int = 80) -> None:
        self._width = width
        self._cells: list[list[str]] = [[]]
        self._row = self._column = 0

    @property
    def rows(self) -> list[str]:
        """The rows, without the blanks at their ends."""
        return ["".join(row).rstrip() for row in self._cells]

    def feed(self, text: str) -> Screen:
        """Take what a program wrote."""
        for number, command, letter in _PIECES.findall(text):
            if command:
                self._command(command, int(number or 1))
            elif letter:
                self._letter(letter)
        return self

    def _letter(self, letter: str) -> None:
        if letter == "\r":
            self._column = 0
        elif letter == "\n":
            self._row += 1
            self._cells += [[] for _ in range(self._row + 1 - len(self._cells))]
        else:
            if self._column == self._width:
                self._letter("\r")
                self._letter("\n")
            row = self._cells[self._row]
            row += " " * (self._column + 1 - len(row))
            row[self._column] = letter
            self._column += 1

    def _command(self, command: str, number: int) -> None:
        if command == "A":
            self._row = max(0, self._row - number)
        elif command == "C":
            self._column = min(self._width - 1, self._column + number)
        elif command in "KJ":
            del self._cells[self._row][self._column :]
            if command == "J":
                del self._cells[self._row + 1 :]
        else:
            assert command == "m", f"a terminal may not know {command!r}"
