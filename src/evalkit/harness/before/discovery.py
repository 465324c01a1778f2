"""Which files of a folder are suites."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from evalkit.errors import ConfigError, SuiteError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from evalkit.config import Config

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
    return sorted(path for path in folder.rglob("*") if not path.is_dir() and is_suite(path, folder))


def suite_files(names: Sequence[str | Path], config: Config) -> list[Path]:
    """The suites that ``names`` are: files, and folders for all suites in them, relative to the project; none means the suites folder.

    Raises ConfigError if there are none, SuiteError for a name that is not there.
    """
    found: dict[Path, None] = {}
    for name in names or (config.suites,):
        path = config.root / name
        there = [] if path.exists() else [str(s.relative_to(config.root)) for s in suites_in(config.folder("suites"))]
        if there:
            raise SuiteError(f"there is no {name}", hint=file_meant(str(name), there))
        inside = suites_in(path) if path.is_dir() else [path]
        if not inside or not (names or path.is_dir()):
            raise ConfigError(f"there are no suites in {name}", hint="name the suite files, or write one: evalkit init")
        found.update(dict.fromkeys(inside))
    return list(found)


def file_meant(name: str, there: Sequence[str]) -> str:
    """A hint: which of the suites that are ``there`` to name instead of ``name``, which may be that of a suite or a prompt."""
    stem = name.partition(":")[0].rpartition("/")[2].partition(".")[0]
    same = [path for path in there if PurePath(path).name.partition(".")[0] == stem]
    return f"a suite is named by its file: {' or '.join(same[:3])}" if same else did_you_mean(name, there)
