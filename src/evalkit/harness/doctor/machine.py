"""The part of the examination that looks at the machine, the installed packages and the folders of the project."""

from __future__ import annotations

import os
import platform
import re
import shutil
from importlib.metadata import PackageNotFoundError, requires, version
from typing import TYPE_CHECKING

from evalkit.harness.doctor.finding import Finding
from evalkit.harness.facts import git_line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from evalkit.config import Config

EXTRAS = {
    "language": "the check language",
    "tokens": "exact token counts for OpenAI's models in estimates and checks",
    "safety": "phone numbers of named regions in the check pii",
    "similarity": "the checks bleu and chrf",
    "shape": "the checks sql and html, and json with repair",
    "xdist": "workers, with -n",
    "otel": "spans and metrics, with --evalkit-otel",
    "serve": "the stored runs in a browser, with evalkit serve",
}
"""What each optional part of the package gives."""

_PACKAGE = "pytest-evalkit"
_SHOWN = ("pytest", "duckdb", "pandas", "pydantic", "jinja2", "openai", "anthropic")
_EXTRA = re.compile(r"^([A-Za-z0-9._-]+).*;\s*extra\s*==\s*['\"](\w+)['\"]")
_LITTLE_SPACE = 200_000_000


def machine() -> Iterator[Finding]:
    """Yield the versions of Python, of evalkit, and of what it rests on."""
    yield Finding(
        "machine", "ok", f"Python {platform.python_version()} on {platform.system()}, evalkit {version(_PACKAGE)}"
    )
    yield Finding("machine", "ok", ", ".join(f"{name} {version(name)}" for name in _SHOWN))
    if platform.system() not in {"Linux", "Darwin"}:
        yield Finding("machine", "note", f"evalkit is not tested on {platform.system()}", "use Linux, macOS or WSL")
    git = shutil.which("git")
    if git is None:
        yield Finding(
            "machine", "note", "there is no git", "install it: runs are compared by commit, prompts by revision"
        )


def extras() -> Iterator[Finding]:
    """Yield for each optional part whether its packages are installed, and what it gives."""
    needed: dict[str, list[str]] = {}
    for line in requires(_PACKAGE) or []:
        found = _EXTRA.match(line)
        if found:
            needed.setdefault(found[2], []).append(found[1])
    for extra, packages in needed.items():
        missing = [name for name in packages if not _installed(name)]
        gives = EXTRAS.get(extra, "an optional part")
        if missing:
            todo = f"if you need it: pip install '{_PACKAGE}[{extra}]'"
            yield Finding("extras", "note", f"{extra} is not installed ({', '.join(missing)}): {gives}", todo)
        else:
            yield Finding("extras", "ok", f"{extra}: {gives}")


def _installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True


def project(config: Config) -> Iterator[Finding]:
    """Yield where the project is, and whether its folders are there and may be written."""
    place = "pyproject.toml" if (config.root / "pyproject.toml").is_file() else "no pyproject.toml, so the defaults"
    yield Finding("project", "ok", f"{config.root} ({place}), mode {config.mode}")
    if git_line(config.root, "rev-parse", "HEAD") is None:
        yield Finding(
            "project",
            "note",
            "not in a git repository with a commit",
            "git init: baselines are found by commit, and reports name it",
        )
    for name, folder in ((config.prompts, config.folder("prompts")), (config.suites, config.folder("suites"))):
        if not folder.is_dir():
            yield Finding("project", "problem", f"there is no folder {name}/", "evalkit init")
    yield from _writable(config.reports, config.folder("reports"))
    yield from _writable(config.baselines, config.folder("baselines"))
    yield from _writable(config.recordings, config.folder("recordings"))
    free = shutil.disk_usage(_nearest(config.folder("reports"))).free
    if free < _LITTLE_SPACE:
        yield Finding("project", "problem", f"only {free / 1e6:,.0f} MB are free for reports", "make space on the disk")


def _writable(name: str, folder: Path) -> Iterator[Finding]:
    nearest = _nearest(folder)
    if not nearest.is_dir():
        yield Finding("project", "problem", f"{name}/ cannot be made: {nearest} is a file", "move it away")
    elif not os.access(nearest, os.W_OK | os.X_OK):
        yield Finding("project", "problem", f"{name}/ cannot be written", f"chmod u+rwx {nearest}, or choose another")


def _nearest(folder: Path) -> Path:
    """The folder, or what of the way to it exists."""
    return next(path for path in (folder, *folder.parents) if path.exists())
