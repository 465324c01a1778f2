"""Prompt files at a git revision, read with ``git ls-tree`` and ``git cat-file``: nothing is checked out, no shell, no hooks."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from evalkit.errors import PromptError, Where
from evalkit.prompts.trees import MAX_FILE_BYTES

if TYPE_CHECKING:
    from pathlib import Path

GIT = ("git", "--no-optional-locks", "-c", "core.fsmonitor=false", "-c", "safe.bareRepository=explicit")
"""How every command of git begins: no file monitor that the repository names, and no folder of the checkout is taken for a repository."""

_REVISION = re.compile(r"(?!-)[^\s\x00-\x1f\x7f:?*\[\\]{1,200}\Z")
_ENTRY = re.compile(rb"(\d{6}) (\w+) ([0-9a-f]{40,64}) +(\d+|-)\t(.+)\Z", re.DOTALL)
_TIMEOUT_S = 30
_LINK = "120000"


@dataclass(frozen=True, slots=True)
class _Entry:
    mode: str
    kind: str
    object_id: str
    size: int
    name: str


class GitTree:
    """The files of a project at ``revision``; ``offline``: what a partial clone lacks is not fetched.

    Raises PromptError at ``where`` if that is no revision of the repository.
    """

    def __init__(self, root: Path, revision: str, *, offline: bool = False, where: Where | None = None) -> None:
        self._root = root
        self._environ = offline_environ() if offline else None
        self._revision = revision
        if not _REVISION.match(revision) or ".." in revision:
            raise PromptError(
                f"{revision[:100]!r} is not a git revision",
                hint="name a branch, tag or commit, like origin/main",
                where=where,
            )
        self._commit = self._resolve(where)

    def text(self, path: str, *, within: str = "") -> str | None:
        """See :meth:`evalkit.prompts.trees.Tree.text`. A link is an error, whatever it leads to."""
        del within
        place = Where(path)
        entry = next((found for found in self._list(path) if found.kind == "blob"), None)
        if entry is None:
            return None
        if entry.mode == _LINK:
            raise PromptError("a link cannot be read from git", hint="commit the file itself", where=place)
        if entry.size > MAX_FILE_BYTES:
            raise PromptError(
                f"{entry.size:,} bytes; the limit is {MAX_FILE_BYTES:,}", hint="shorten the file", where=place
            )
        try:
            text = self._git("cat-file", "blob", entry.object_id).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise PromptError("not UTF-8", hint="save the file as UTF-8", where=place) from error
        return text.replace("\r\n", "\n").replace("\r", "\n")

    def entries(self, folder: str) -> list[str]:
        """See :meth:`evalkit.prompts.trees.Tree.entries`."""
        return sorted(PurePosixPath(entry.name).name for entry in self._list(f"{folder}/"))

    def _list(self, path: str) -> list[_Entry]:
        output = self._git("ls-tree", "-z", "-l", self._commit, "--", path)
        return [_entry(match) for line in output.split(b"\0") if (match := _ENTRY.match(line))]

    def _resolve(self, where: Where | None) -> str:
        if not self._run("rev-parse", "--is-inside-work-tree").stdout.startswith(b"true"):
            raise PromptError(
                f"at: {self._revision} needs a git repository, and the project is in none",
                hint="leave out at:, or run inside the repository",
                where=where,
            )
        found = self._run("rev-parse", "--verify", "--quiet", f"{self._revision}^{{commit}}")
        if found.returncode:
            raise PromptError(
                f"no git revision {self._revision!r} in this repository",
                hint="a CI clone may be shallow: fetch the branch first (git fetch origin main)",
                where=where,
            )
        return found.stdout.decode("ascii").strip()

    def _git(self, *args: str) -> bytes:
        done = self._run(*args)
        if done.returncode:
            raise PromptError(
                f"git {args[0]} failed: {_first_line(done.stderr)}",
                hint="name a branch, a tag or a commit that this repository has; in CI fetch the whole history",
                where=Where(self._revision),
            )
        return done.stdout

    def _run(self, *args: str) -> subprocess.CompletedProcess[bytes]:
        command = [*GIT, "--literal-pathspecs", "-C", str(self._root), *args]
        try:
            return subprocess.run(  # noqa: S603 - fixed command, no shell, the revision is checked
                command,
                capture_output=True,
                timeout=_TIMEOUT_S,
                check=False,
                stdin=subprocess.DEVNULL,
                env=self._environ,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise PromptError(f"git cannot be run: {error}", hint="install git, or leave out at:") from error


def offline_environ() -> dict[str, str]:
    """The environment for a git that fetches nothing: in a partial clone it would start whatever program the repository names for that."""
    return {**os.environ, "GIT_ALLOW_PROTOCOL": "", "GIT_NO_LAZY_FETCH": "1"}


def _entry(match: re.Match[bytes]) -> _Entry:
    mode, kind, object_id, size = (match.group(part).decode("ascii") for part in (1, 2, 3, 4))
    name = match.group(5).decode("utf-8", "surrogateescape")
    return _Entry(mode, kind, object_id, int(size) if size.isdigit() else 0, name)


def _first_line(output: bytes) -> str:
    return output.decode("utf-8", "replace").strip().partition("\n")[0][:300]
