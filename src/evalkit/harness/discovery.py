"""Which files of a folder are suites."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_SUFFIXES = frozenset({".yaml", ".yml"})
_NOT_SUITES = frozenset({"data", "recordings"})


def is_suite(path: Path, folder: Path) -> bool:
    """Whether the file ``path`` is a suite: YAML somewhere inside ``folder`` that is neither data, nor a recording, nor hidden."""
    if not path.is_relative_to(folder):
        return False
    inner = path.relative_to(folder).parts[:-1]
    return path.suffix in _SUFFIXES and not any(part in _NOT_SUITES or part.startswith(".") for part in inner)


def suites_in(folder: Path) -> list[Path]:
    """Every suite inside ``folder``, sorted."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and is_suite(path, folder))
