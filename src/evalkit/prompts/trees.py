"""Where prompt files are read from: a project's files on disk, or (see :mod:`evalkit.prompts.git`) at a git revision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from evalkit.errors import EvalkitError, PromptError, Where
from evalkit.files import read_text, why_unresolved

if TYPE_CHECKING:
    from pathlib import Path

MAX_FILE_BYTES = 2_000_000


class Tree(Protocol):
    """Files of a project by their path relative to its root, with forward slashes."""

    def text(self, path: str, *, within: str = "") -> str | None:
        """Return a file's text without byte-order mark and with ``\\n`` line ends, or None if there is no such file.

        Raises PromptError if it is not UTF-8 text, too large, or a link that leads out of the folder ``within``.
        """
        ...

    def entries(self, folder: str) -> list[str]:
        """The names of files and folders directly in ``folder``, sorted; empty if there is no such folder."""
        ...


class DiskTree:
    """The files as they are on disk now; those outside of the folder ``reach`` (default: the project) may not be read."""

    def __init__(self, root: Path, *, reach: Path | None = None) -> None:
        self._root = root.resolve()
        self._reach = (reach or root).resolve()

    def text(self, path: str, *, within: str = "") -> str | None:
        """See :meth:`Tree.text`."""
        try:
            real = (self._root / path).resolve(strict=True)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, RuntimeError, ValueError) as error:
            problem, hint = f"cannot open: {why_unresolved(error)}", "put a file there"
            raise PromptError(problem, hint=hint, where=Where(path[:200])) from error
        if not real.is_relative_to(self._reach) and (self._root / path).absolute() == real:
            hint = f"move it into {self._reach.name}/"
            problem = f"outside of {self._reach.name}/, and the project is not trusted"
            raise PromptError(problem, hint=hint, where=Where(path))
        if not (real.is_relative_to((self._root / within).resolve()) and real.is_relative_to(self._reach)):
            problem = f"a symlink that leads out of {within or 'the project'}"
            raise PromptError(problem, hint="copy the file to where the link is", where=Where(path))
        try:
            return read_text(real, where=Where(path), limit=MAX_FILE_BYTES)
        except EvalkitError as error:
            raise PromptError(error.message, hint=error.hint, where=error.where) from error

    def entries(self, folder: str) -> list[str]:
        """See :meth:`Tree.entries`."""
        path = self._root / folder
        if not path.is_dir() or not path.resolve().is_relative_to(path.parent.resolve()):
            return []  # what a link elsewhere leads to is nobody's business
        return sorted(entry.name for entry in path.iterdir())


def check_path(text: str, *, where: Where) -> None:
    """Raise PromptError unless ``text`` is a relative path with forward slashes and without ``..``."""
    if (
        not text
        or text.startswith("/")
        or ".." in text.split("/")
        or any(char in text for char in "\\\0\n:")
        or any(part in {"", "."} for part in text.removeprefix("./").split("/"))
    ):
        raise PromptError(
            f"{text[:100]!r} is not a path that a prompt may name",
            hint="use a relative path with forward slashes and without '..'",
            where=where,
        )
