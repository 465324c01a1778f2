"""Releasing prompt versions, and checking that what was released is unchanged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalkit.errors import PromptChangedError, PromptError, Where
from evalkit.prompts.library import changed

if TYPE_CHECKING:
    from evalkit.prompts.library import PromptLibrary
    from evalkit.prompts.version import PromptVersion


def release(library: PromptLibrary, ref: str) -> PromptVersion:
    """Record the digest of ``ref`` (``latest`` is the newest version) in ``prompts.lock`` and return the version.

    Releasing an unchanged version again does nothing. Raises PromptChangedError if it was released with other text.
    """
    version = library.get(ref)
    released = library.lock_file.read()
    if version.ref not in released:
        library.lock_file.write({**released, version.ref: version.digest})
    return version


def check(library: PromptLibrary) -> list[PromptError]:
    """Load every version of every prompt and compare the released ones; return all problems found.

    A released version that was edited, deleted or no longer loads is a PromptChangedError, any other mistake a PromptError.
    Raises PromptError if the lock file itself is damaged.
    """
    released = library.lock_file.read()
    present = [f"{name}:{version}" for name in library.names() for version in library.versions(name)]
    problems = [_gone(ref) for ref in released if ref not in present]
    return problems + [found for ref in present if (found := _problem(library, ref, released.get(ref))) is not None]


def _problem(library: PromptLibrary, ref: str, released: str | None) -> PromptError | None:
    try:
        version = library.load(ref)
    except PromptError as error:
        if released is None:
            return error
        return PromptChangedError(
            f"{ref} was released and no longer loads: {error.message}", hint=error.hint, where=error.where
        )
    if released is None or released == version.digest:
        return None
    return changed(version, library.versions(version.name), released)


def _gone(ref: str) -> PromptError:
    name, _, version = ref.partition(":")
    return PromptChangedError(
        f"{ref} was released, and its file is gone", hint="restore it from git", where=Where(f"{name}/{version}.j2")
    )
