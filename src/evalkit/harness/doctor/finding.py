"""What an examination says: one line per finding, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "note", "problem"]
"""``note`` is worth knowing and stops nothing; a ``problem`` will stop a run or spoil what it leaves behind."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the examination: its ``area``, what was found, and what to do about it (None if it is fine)."""

    area: str
    status: Status
    text: str
    todo: str | None = None
