"""What is worth knowing about the place and time of a run: versions, git revision, a run id."""

from __future__ import annotations

import platform
import secrets
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from evalkit import __version__
from evalkit.model.results import RunInfo
from evalkit.prompts.git import GIT, offline_environ

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.model.results import Mode


def new_run_id(now: datetime) -> str:
    """An id that sorts by time: ``20261121T101500-3f9a2c1b04d7e``, the second, then its microsecond and 32 random bits in hex.

    Two runs have different ids also where the clock stands still or was set back.
    """
    return f"{now:%Y%m%dT%H%M%S}-{now.microsecond:05x}{secrets.token_hex(4)}"


def utc_now() -> datetime:
    """The time in UTC."""
    return datetime.now(UTC)


def describe_run(
    *, run_id: str, mode: Mode, root: Path, untrusted: bool = False, command: Sequence[str] | None = None
) -> RunInfo:
    """The facts of a run that is about to start in the project ``root``; see :func:`uncommitted` for one that is not trusted."""
    revision, branch, dirty = _git(root, untrusted=untrusted)
    words = sys.argv if command is None else command
    return RunInfo(
        run_id=run_id,
        started_at=utc_now().isoformat(timespec="seconds"),
        mode=mode,
        evalkit_version=__version__,
        python_version=platform.python_version(),
        git_revision=revision,
        git_branch=branch,
        git_dirty=dirty,
        command=" ".join([Path(words[0]).name, *words[1:]])[:2000] if words else "",
    )


def _git(root: Path, *, untrusted: bool) -> tuple[str | None, str | None, bool | None]:
    """Revision, branch and dirtiness; None for each that cannot be known (no git, no repository, no commit)."""
    revision = git_line(root, "rev-parse", "HEAD")
    if revision is None:
        return None, None, None
    return revision, git_line(root, "rev-parse", "--abbrev-ref", "HEAD"), uncommitted(root, untrusted=untrusted)


def uncommitted(root: Path, *, untrusted: bool) -> bool | None:
    """Whether a file that git tracks was changed; None if that cannot be known.

    Of an untrusted repository it is not asked: to compare files, git runs the filters that the repository's own settings name.
    """
    status = None if untrusted else git_line(root, "status", "--porcelain", "--untracked-files=no")
    return None if status is None else status != ""


def git_line(root: Path, *arguments: str) -> str | None:
    """What git prints for fixed ``arguments`` in the repository of ``root``; None if it cannot, or there is no git."""
    try:
        done = subprocess.run(  # noqa: S603 - fixed arguments, no shell
            [*GIT, "-C", str(root), *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=10,
            env=offline_environ(),
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
