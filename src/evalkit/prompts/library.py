"""The prompts of a project: find, load and render a version by its reference ``name:v2`` or ``name:latest``."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from evalkit.canon import short
from evalkit.errors import PromptChangedError, PromptError, Where, did_you_mean
from evalkit.files import shown
from evalkit.prompts.git import GitTree
from evalkit.prompts.loading import load_version
from evalkit.prompts.lockfile import LockFile
from evalkit.prompts.template import PromptTemplate
from evalkit.prompts.trees import DiskTree

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from evalkit.model.calls import JSON, Message
    from evalkit.prompts.trees import Tree
    from evalkit.prompts.version import PromptVersion

LATEST = "latest"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}\Z")
_VERSION_FILE = re.compile(r"(v(?:0|[1-9]\d{0,5}))\.j2\Z", re.ASCII)
_AS_A_PATH = re.compile(r"(?:.*/)?([A-Za-z0-9][A-Za-z0-9_.-]{0,99})/(v[0-9]{1,6})\.j2(?::latest)?\Z")


class PromptLibrary:
    """The folder ``folder`` of the project ``root``: one sub-folder per prompt, one file ``v3.j2`` per version.

    Templates are compiled once and kept by digest. :meth:`get` reads the files each time. ``confined``: no file outside of ``folder`` is
    read, also no schema that a prompt names, and nothing is fetched. Every error is a PromptError.
    """

    def __init__(self, root: Path, folder: Path, *, confined: bool = False) -> None:
        self._root = root
        self._folder = shown(folder, root)
        self._disk = DiskTree(root, reach=folder if confined else None)
        self._confined = confined
        self._templates: dict[tuple[str, str], PromptTemplate] = {}
        self._git_trees: dict[str, GitTree] = {}
        self.lock_file = LockFile(folder / "prompts.lock", shown=f"{self._folder}/prompts.lock")

    def names(self) -> list[str]:
        """Every prompt with at least one version, sorted."""
        return self._names(self._disk)

    def versions(self, name: str) -> list[str]:
        """The versions of a prompt in numeric order (v1, v2, … v10); empty for an unknown name."""
        return self._versions(self._disk, name)

    def get(self, ref: str, *, at: str | None = None, where: Where | None = None) -> PromptVersion:
        """Load a version by reference, from disk or from the git revision ``at``. ``where`` is the place that names it.

        Raises PromptError for an unknown name, version or revision (at ``where``) and for a mistake in the prompt (at its file
        and line), and PromptChangedError if a released version on disk differs from its release.
        """
        version = self.load(ref, at=at, where=where)
        if at is None:
            self._check_unchanged(version)
        return version

    def load(self, ref: str, *, at: str | None = None, where: Where | None = None) -> PromptVersion:
        """Like :meth:`get`, without looking whether the version was released and changed since."""
        tree = self._disk if at is None else self._tree_at(at, where)
        name, wanted = self._parsed(ref, tree, where)
        versions = self._versions(tree, name)
        if not versions:
            raise self._no_prompt(name, tree, at, where)
        if wanted != LATEST and wanted not in versions:
            raise PromptError(
                f"the prompt {name!r} has no version {wanted!r}{_at(at)}",
                hint=self._meant(tree, name, wanted, versions),
                where=where,
            )
        version = versions[-1] if wanted == LATEST else wanted
        with _told_at(at):
            return load_version(tree, self._folder, name=name, version=version, at=at)

    def render(self, version: PromptVersion, vars: Mapping[str, JSON]) -> tuple[Message, ...]:  # noqa: A002 - the suite's word
        """Return the messages of ``version`` for one case's variables; variables that the prompt does not use are ignored.

        Raises PromptError for a missing or unfit variable and for whatever goes wrong in the template, with its line.
        """
        key = (version.path, version.digest)
        with _told_at(version.at):
            template = self._templates.get(key)
            if template is None:
                template = self._templates[key] = PromptTemplate(version)
            return template.render(vars)

    def _parsed(self, ref: str, tree: Tree, where: Where | None) -> tuple[str, str]:
        name, colon, version = ref.partition(":")
        if not colon and "@" in ref:
            raise PromptError(
                f"{ref[:100]!r} is not a prompt reference",
                hint=f"use a colon: {ref.replace('@', ':')[:100]}",
                where=where,
            )
        if not colon or not _NAME.match(name):
            known = name in self._names(tree)
            path = _AS_A_PATH.match(ref)
            meant = f"write {path[1]}:{path[2]}" if path else "write name:v2 or name:latest"
            hint = f"name a version, like {name}:{LATEST}" if known else meant
            told = ref.removesuffix(f":{LATEST}") if path else ref
            raise PromptError(f"{told[:100]!r} is not a prompt reference", hint=hint, where=where)
        return name, version

    def _names(self, tree: Tree) -> list[str]:
        return [name for name in tree.entries(self._folder) if self._versions(tree, name)]

    def _versions(self, tree: Tree, name: str) -> list[str]:
        if not _NAME.match(name):
            return []
        files = (_VERSION_FILE.match(entry) for entry in tree.entries(f"{self._folder}/{name}"))
        return sorted((match.group(1) for match in files if match), key=lambda version: int(version[1:]))

    def _tree_at(self, revision: str, where: Where | None) -> GitTree:
        if revision not in self._git_trees:
            self._git_trees[revision] = GitTree(self._root, revision, offline=self._confined, where=where)
        return self._git_trees[revision]

    def _no_prompt(self, name: str, tree: Tree, at: str | None, where: Where | None) -> PromptError:
        entries = tree.entries(f"{self._folder}/{name}")
        if entries:
            hint = f"{self._folder}/{name}/ has {', '.join(entries[:5])}; a version is a file like v1.j2"
        else:
            names = self._names(tree)
            hint = f"{did_you_mean(name, names)} (in {self._folder}/)"
            hint += "" if names else f"; write {self._folder}/{name}/v1.j2"
        return PromptError(f"no prompt {name!r}{_at(at)}", hint=hint, where=where)

    def _meant(self, tree: Tree, name: str, wanted: str, versions: list[str]) -> str:
        almost = [entry for entry in tree.entries(f"{self._folder}/{name}") if entry.partition(".")[0] == wanted]
        if almost:
            return f"{self._folder}/{name}/{almost[0]} is there; rename it to {wanted}.j2"
        return did_you_mean(wanted, [*versions, LATEST])

    def _check_unchanged(self, version: PromptVersion) -> None:
        released = self.lock_file.read().get(version.ref)
        if released is not None and released != version.digest:
            raise changed(version, self.versions(version.name), released)


def changed(version: PromptVersion, versions: list[str], released: str) -> PromptChangedError:
    """The error for a released version that was edited. ``versions`` are all versions of the prompt."""
    copy = f"{version.path.rpartition('/')[0]}/v{int(versions[-1][1:]) + 1}.j2"
    shared = len(version.sources) > 1
    files = f" or one of the {len(version.sources) - 1} files it uses" if shared else ""
    return PromptChangedError(
        f"{version.ref} was released and has changed since, in this file{files}"
        f" (released {short(released)}, now {short(version.digest)})",
        hint=f"restore it, and copy your change to {copy}{' (a shared file needs a new name too)' if shared else ''}",
        where=Where(version.path),
    )


@contextmanager
def _told_at(revision: str | None) -> Iterator[None]:
    """Add the git revision to errors about files that are not those on disk."""
    try:
        yield
    except PromptError as error:
        if revision is None:
            raise
        raise PromptError(f"{error.message}{_at(revision)}", hint=error.hint, where=error.where) from error


def _at(revision: str | None) -> str:
    return f" at {revision}" if revision else ""
