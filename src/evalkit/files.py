"""Files that a suite or a prompt names, read: inside the project, regular, bounded, UTF-8. Files for others, written whole or not at all."""

from __future__ import annotations

import codecs
import errno
import os
import stat
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from evalkit.errors import EvalkitError, SuiteError, Where

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_BYTES = 64 * 1024 * 1024


def shown(path: Path, root: Path) -> str:
    """Return ``path`` as a user should read it: relative to the project ``root`` with forward slashes, if it is inside."""
    if path.is_relative_to(root) and ".." not in path.parts:
        return path.relative_to(root).as_posix()
    try:
        return path.resolve().relative_to(root.resolve()).as_posix()
    except (ValueError, OSError, RuntimeError):  # it lies elsewhere, or is a link that leads back to itself
        return path.as_posix()


def inside(text: str, *, root: Path, bases: tuple[Path, ...], where: Where | None = None) -> Path:
    """Return the existing file that ``text`` names, looked up in each of ``bases`` in turn.

    Raises SuiteError if the text is absolute, holds ``..``, a backslash or NUL, leaves ``root`` (also through a symlink),
    or names nothing.
    """
    parts = text.split("/")
    if not text or text.startswith("/") or ".." in parts or "\\" in text or "\0" in text or ":" in parts[0]:
        raise SuiteError(
            f"{text[:200]!r} is not a path inside the project",
            hint="use a relative path with forward slashes and without '..'",
            where=where,
        )
    for base in bases:
        found = _existing(base / text, where)
        if found is not None:
            if not found.is_relative_to(root.resolve()):
                raise SuiteError(
                    f"{text[:200]!r} leads out of the project through a symlink",
                    hint=f"files are read only inside {root}: copy it there",
                    where=where,
                )
            return found
    looked = " or ".join(dict.fromkeys(shown(base, root) for base in bases))
    raise SuiteError(f"no file {text[:200]!r}", hint=f"looked in {looked}", where=where)


def private_folder(path: Path) -> None:
    """Make ``path``, and what is missing above it, readable by its owner only. A folder that is there stays as it is. Raises OSError."""
    missing = [path]
    while not missing[-1].parent.exists():
        missing.append(missing[-1].parent)
    for folder in reversed(missing):
        folder.mkdir(mode=0o700, exist_ok=True)


def private_file(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path``, readable by its owner only unless it is there already. Raises OSError."""
    private_folder(path.parent)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)


def _existing(path: Path, where: Where | None) -> Path | None:
    try:
        return path.resolve(strict=True)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, RuntimeError, ValueError) as error:
        raise SuiteError(
            f"cannot open the path {path.name[:200]!r}: {why_unresolved(error)}",
            hint="name a file that exists, with a shorter or simpler path",
            where=where,
        ) from error


def why_unresolved(error: Exception) -> str:
    """Say in words why a path could not be followed."""
    if isinstance(error, RuntimeError) or getattr(error, "errno", None) == errno.ELOOP:
        return "a symlink that leads back to itself"
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def read_bytes(path: Path, *, where: Where | None = None, limit: int = MAX_BYTES) -> bytes:
    """Return the content of a regular file of at most ``limit`` bytes. Raises EvalkitError for anything else."""
    what = "the file" if where else str(path)
    try:
        info = path.stat()
        if not stat.S_ISREG(info.st_mode):
            raise EvalkitError(
                f"{what} is {_kind(info.st_mode)}, not a regular file", hint="put a file there", where=where
            )
        if info.st_size > limit:
            problem = f"{what} has {info.st_size:,} bytes; the limit is {limit:,}"
            raise EvalkitError(problem, hint="split it, or take out what is not needed", where=where)
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        hint = "check that it exists and that you may read it"
        raise EvalkitError(f"cannot read {what}: {reason}", hint=hint, where=where) from error


_KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def _kind(mode: int) -> str:
    return _KINDS.get(stat.S_IFMT(mode), "something else")


_OTHER_ENCODINGS = ((codecs.BOM_UTF32_LE, "UTF-32"), (codecs.BOM_UTF32_BE, "UTF-32"), (codecs.BOM_UTF16_LE, "UTF-16"), (codecs.BOM_UTF16_BE, "UTF-16"))  # fmt: skip


def _encoding(data: bytes) -> str | None:
    """The name of an encoding that gives itself away: by its mark, or by a zero in every other byte."""
    for mark, name in _OTHER_ENCODINGS:
        if data.startswith(mark):
            return name
    first = data[:64]
    return "UTF-16" if len(first) > 3 and (not any(first[::2]) or not any(first[1::2])) and any(first) else None


def read_text(path: Path, *, where: Where | None = None, limit: int = MAX_BYTES) -> str:
    """Return the text of a UTF-8 file, without a byte-order mark and with ``\\n`` line ends.

    Raises EvalkitError that names the line of the first byte that is not UTF-8.
    """
    data = read_bytes(path, where=where, limit=limit)
    name = where.path if where else str(path)
    foreign = _encoding(data)
    if foreign is not None:
        raise EvalkitError(f"not UTF-8 but {foreign}", hint="save the file as UTF-8", where=Where(name, 1))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise EvalkitError(
            f"not UTF-8: byte 0x{data[error.start]:02x} at offset {error.start}",
            hint="save the file as UTF-8",
            where=Where(name, line),
        ) from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


@contextmanager
def fresh_file(target: Path) -> Iterator[Path]:
    """Give an empty file to write, readable by its owner only; at the end of the block it is ``target``.

    ``target`` appears whole or not at all, and a link of that name is replaced, not followed. Raises OSError.
    """
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.stem[:60]}-", suffix=".tmp")
    os.close(handle)
    path = Path(name)
    try:
        yield path
        with path.open("rb") as file:
            os.fsync(file.fileno())
        path.replace(target)
    finally:
        path.unlink(missing_ok=True)
