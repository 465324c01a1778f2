"""What a project may not do that belongs to somebody else, as the checkout of a fork does: its suites are data, and nothing of it runs."""

from __future__ import annotations

import os
from importlib import import_module
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from evalkit.errors import ConfigError, Where
from evalkit.files import shown
from evalkit.harness.facts import git_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evalkit.config import Config

_FOLDERS: tuple[Literal["prompts", "suites", "recordings", "baselines"], ...] = (
    "prompts",
    "suites",
    "recordings",
    "baselines",
)
_PYTESTS_OWN = ("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini", "tox.ini", "setup.cfg")
_MOST_NAMED = 5


def require_safe(config: Config) -> None:
    """Raise ConfigError unless nothing outside its folders is read of this untrusted project, and no answer that came with it."""
    for name in _FOLDERS:
        _require_no_way_out(config.folder(name), config.root)
        _require_own_folder(config, name)
    _require_own_reports(config)


def require_ceiling(config: Config) -> None:
    """Raise ConfigError if a run of this untrusted project could spend without end."""
    if config.mode != "replay" and config.max_cost_usd is None and config.max_calls is None:
        raise ConfigError(
            "a run of a project that is not trusted needs a ceiling, for its suites decide how much is asked",
            hint="add --max-cost or --max-calls, or ask nobody: --mode replay",
        )


def left_out(config: Config) -> list[str]:
    """What of this untrusted project is not used, one sentence for each kind of thing; empty if there is none of it."""
    sentences = []
    if config.ignored:
        sentences.append(f"not read from its pyproject.toml: {', '.join(config.ignored)}")
    code = [shown(path, config.root) for path in islice(_code(config), _MOST_NAMED + 1)]
    if code:
        more = ", …" if len(code) > _MOST_NAMED else ""
        sentences.append(f"not loaded: {', '.join(code[:_MOST_NAMED])}{more}")
    return sentences


def import_installed(module: str, root: Path) -> Any:  # noqa: ANN401 - a module
    """Import a module that is installed outside of ``root``. Raises ConfigError for any other."""
    top = module.partition(".")[0]
    try:
        found = find_spec(top)
    except (ImportError, ValueError):
        found = None
    places: Sequence[str] = () if found is None else [*(found.submodule_search_locations or ()), found.origin or ""]
    if not any(places) or any(_is_inside(place, root) for place in places):
        raise ConfigError(
            f"the module {module!r} is not installed outside of the checkout, which is not trusted",
            hint="nothing is imported from there: a case that needs it cannot be judged in an untrusted run",
        )
    try:
        return import_module(module)
    except ImportError as error:
        raise ConfigError(
            f"cannot import {module!r}: {error}", hint="install it, or take it out of the settings"
        ) from error


def _code(config: Config) -> Iterator[Path]:
    """What pytest would have run or obeyed, had it been started in the project."""
    for name in _PYTESTS_OWN:
        if (config.root / name).is_file():
            yield config.root / name
    if (config.root / "conftest.py").is_file():
        yield config.root / "conftest.py"
    yield from (path for path in _entries(config.folder("suites")) if path.suffix == ".py")


def _entries(folder: Path) -> Iterator[Path]:
    """Everything in ``folder``, links named and not followed."""
    for home, folders, files in os.walk(folder):
        yield from (Path(home) / name for name in sorted((*folders, *files)))


def _require_own_folder(config: Config, name: Literal["prompts", "suites", "recordings", "baselines"]) -> None:
    """The checkout says which folders are read: not all of it, and not what is hidden, where git and other tools keep credentials."""
    parts = config.folder(name).resolve().relative_to(config.root).parts
    if not parts or any(part.startswith(".") for part in parts):
        raise ConfigError(
            f"{name} = {getattr(config, name)!r} is not read in a project that is not trusted",
            hint="name a folder inside the project, one that is not hidden",
            where=Where("pyproject.toml"),
        )


def _require_no_way_out(folder: Path, root: Path) -> None:
    if not _is_inside(folder, root):
        raise _leads_out(folder, root)
    for path in _entries(folder):
        if path.is_symlink() and not _is_inside(path, folder):
            raise _leads_out(path, root)


def _leads_out(path: Path, root: Path) -> ConfigError:
    return ConfigError(
        "a link that leads out of its folder, in a project that is not trusted",
        hint="replace it by the file itself",
        where=Where(path.relative_to(root).as_posix()),
    )


def _is_inside(path: Path | str, folder: Path) -> bool:
    try:
        return Path(path).resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # a loop of links leads nowhere
        return False


def _require_own_reports(config: Config) -> None:
    """What is kept in ``reports/`` is believed: it must come from runs of this machine, and not with the checkout."""
    reports = config.folder("reports")
    if not reports.is_symlink() and (not reports.is_dir() or not any(reports.iterdir())):
        return
    tracked = git_line(config.root, "ls-files", "--", config.reports)
    if reports.is_symlink() or tracked != "":
        raise ConfigError(
            f"{config.reports}/ came with the checkout, or nobody can say: answers in it may be made up",
            hint=f"delete {config.reports}/, then run again",
            where=Where(config.reports),
        )
