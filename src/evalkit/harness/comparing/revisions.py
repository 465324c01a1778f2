"""Which commits a branch of this repository stands on: where a baseline may come from."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from evalkit.harness.facts import git_line, uncommitted

if TYPE_CHECKING:
    from pathlib import Path

MOST_COMMITS = 500
"""How far back a branch is followed."""

_TARGETS = ("GITHUB_BASE_REF", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME")
"""Where GitHub Actions and GitLab CI say which branch a pull request goes to."""


def branch_commits(root: Path, branch: str) -> tuple[str, ...]:
    """The commits of ``branch`` (the remote's, else the local one), newest first, merged branches left out; none if there is no such branch."""
    return next(filter(None, (_history(root, name) for name in (f"origin/{branch}", branch))), ())


def base_commits(root: Path, *, untrusted: bool = False) -> tuple[str, ...]:
    """The commits that the working tree may be measured against, nearest first: the merge base with the main branch, and those before it.

    On the main branch itself, with nothing uncommitted, its newest commit is what is being measured and is left out. Empty
    without git, without a main branch, or in a clone too shallow to tell.
    """
    head = git_line(root, "rev-parse", "HEAD")
    main = next(filter(None, (_resolved(root, name) for name in _main_names(root))), None)
    base = git_line(root, "merge-base", "HEAD", main) if head and main else None
    if base is None:
        return ()
    commits = _history(root, base)
    return commits[1:] if base == head and uncommitted(root, untrusted=untrusted) is False else commits


def _main_names(root: Path) -> list[str]:
    targets = [f"origin/{os.environ[name]}" for name in _TARGETS if os.environ.get(name)]
    default = git_line(root, "rev-parse", "--abbrev-ref", "origin/HEAD")
    return [*targets, *filter(None, [default]), "origin/main", "origin/master", "main", "master"]


def _resolved(root: Path, name: str) -> str | None:
    if name.startswith("-"):
        return None
    return git_line(root, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")


def _history(root: Path, name: str) -> tuple[str, ...]:
    commit = _resolved(root, name)
    found = commit and git_line(root, "rev-list", "--first-parent", f"--max-count={MOST_COMMITS}", commit)
    return tuple(found.split()) if found else ()
