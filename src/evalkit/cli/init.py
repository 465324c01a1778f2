"""``evalkit init``: a small project that runs at once, without a key."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import click

from evalkit.errors import ConfigError
from evalkit.files import read_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable

_NAMES = {"gitignore": ".gitignore"}
"""Files that are kept under another name in the package: a real ``.gitignore`` would hide files from its build."""
_HINTS = {
    "pyproject.toml": ("tool.evalkit", "to settle which folder is the project, add to pyproject.toml: [tool.evalkit]"),
    ".gitignore": ("reports/", "to keep reports out of git, add to .gitignore: reports/"),
}
"""Files that a folder may already have: what they should hold, and what to do if they do not. They are never changed."""


@click.command("init")
@click.argument("folder", default=".", type=click.Path(path_type=Path))
def init_command(folder: Path) -> None:
    """Write a small example into FOLDER (default: here): a prompt in two versions, a suite, recorded answers.

    Nothing that is already there is overwritten.

    \b
    Examples:
      evalkit init
      evalkit init my-prompts
    """
    written, hints = write_starter(folder)
    for name in written:
        click.echo(f"wrote {(folder / name).as_posix()}")
    for hint in hints:
        click.echo(hint)
    enter = "" if folder.resolve() == Path.cwd() else f"cd {folder.as_posix()} && "
    click.echo(
        f"\nnext:\n"
        f"  {enter}pytest suites --evalkit-mode replay   runs the suite from recorded answers: no key, no cost\n"
        f"  {enter}pytest suites                         asks the model, 8 short answers; needs OPENAI_API_KEY"
    )


def write_starter(folder: Path) -> tuple[list[str], list[str]]:
    """Write the example into ``folder``, which is made if need be. Return the files written, and hints about those left alone.

    Raises ConfigError, before anything is written, if a file of the example is already there (``pyproject.toml`` and ``.gitignore``
    aside), and if the folder cannot be written to.
    """
    starter = dict(_starter_files())
    present = [name for name in starter if os.path.lexists(folder / name)]
    clashes = [name for name in present if name not in _HINTS]
    if clashes:
        raise ConfigError(
            f"{', '.join(clashes)} already there; nothing was written", hint="name another folder: evalkit init FOLDER"
        )
    wanted = [name for name in starter if name not in present]
    try:
        for name in wanted:
            _write(folder / name, starter[name])
    except OSError as error:
        raise ConfigError(
            f"cannot write {error.filename}: {error.strerror}", hint="choose a folder that you may write to"
        ) from error
    return wanted, [_HINTS[name][1] for name in present if _HINTS[name][0] not in read_text(folder / name)]


def _starter_files() -> Iterator[tuple[str, bytes]]:
    """Every file of the example: its path in the new project and its content."""
    yield from _walk(files("evalkit.cli") / "starter", "")


def _walk(folder: Traversable, prefix: str) -> Iterator[tuple[str, bytes]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _walk(entry, f"{prefix}{entry.name}/")
        else:
            yield prefix + _NAMES.get(entry.name, entry.name), entry.read_bytes()


def _write(path: Path, content: bytes) -> None:
    """Write a new file; one that appeared in the meantime is an error, not overwritten."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as handle:
        handle.write(content)
