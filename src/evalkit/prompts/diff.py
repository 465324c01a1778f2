"""The difference between two prompt versions as a unified diff."""

from __future__ import annotations

from difflib import unified_diff
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalkit.prompts.version import PromptVersion


def diff(a: PromptVersion, b: PromptVersion) -> str:
    """Return the unified diff of the two templates and of every file they use; empty if nothing differs."""
    return "".join(_parts(a, b))


def _parts(a: PromptVersion, b: PromptVersion) -> Iterator[str]:
    yield from _one(a.sources[a.path], b.sources[b.path], _label(a.path, a), _label(b.path, b))
    for path in sorted((a.sources.keys() | b.sources.keys()) - {a.path, b.path}):
        yield from _one(a.sources.get(path, ""), b.sources.get(path, ""), _label(path, a), _label(path, b))


def _label(path: str, version: PromptVersion) -> str:
    if path not in version.sources:
        return "/dev/null"
    return f"{path} ({version.at})" if version.at else path


def _one(old: str, new: str, old_label: str, new_label: str) -> Iterator[str]:
    if old == new:
        return
    for line in unified_diff(old.splitlines(keepends=True), new.splitlines(keepends=True), old_label, new_label):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
