"""A bad input: the files that make it, the command that meets it, and what its user must read."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

Maker: TypeAlias = "Callable[[Path], Any]"
Content: TypeAlias = "str | bytes | Maker | None"

SUITE = "suites/s.yaml"
PROMPT = "prompts/p/v1.j2"
PROJECT = "pyproject.toml"
HEAD = "suite: s\nprompt: p:v1\n"
CASE = "cases:\n  - {id: a, vars: {q: hi}, checks: [contains: hi]}\n"
FRONT = "---\ninputs: {q: string}\ndefaults: {model: scripted/m}\n---\n"
SCRIPTED = '[tool.evalkit.providers.scripted]\nanswers = {default = "hi"}\n'

GOOD: Mapping[str, str] = {
    PROJECT: f"[tool.evalkit]\n{SCRIPTED}",
    PROMPT: f"{FRONT}{{{{ q }}}}\n",
    SUITE: HEAD + CASE,
}
"""A project that is sound; an entry changes some of its files."""


@dataclass(frozen=True)
class BadInput:
    """``files`` change a sound project (a function makes what is no file; None removes one).

    ``says`` are words that the message must hold, in any case; ``at`` is the file and line it must name (None: there is no such place).
    ``code`` is the exit code of ``command``. ``mistakes`` is how many are told.
    """

    id: str
    files: Mapping[str, Content]
    says: tuple[str, ...]
    at: str | None = None
    code: int = 2
    command: tuple[str, ...] = ("estimate",)
    environment: Mapping[str, str] = field(default_factory=dict)
    hint: bool = True


def write(root: Path, files: Mapping[str, Content]) -> None:
    """Make the ``files`` of a project."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_file() and not isinstance(content, (str, bytes)):
            path.unlink()
        if isinstance(content, str):
            path.write_text(content, encoding="utf-8", newline="")
        elif isinstance(content, bytes):
            path.write_bytes(content)
        elif content is not None:
            content(path)


def link(target: str) -> Maker:
    """A symlink to ``target``."""
    return lambda path: path.symlink_to(target)


def fifo(path: Path) -> None:
    """A pipe: reading it would wait for ever."""
    os.mkfifo(path)


def folder(path: Path) -> None:
    """A directory."""
    path.mkdir()


def unix_socket(path: Path) -> None:
    """A socket; its name may be too long to bind where it belongs."""
    here = os.open(path.parent, os.O_RDONLY)
    server = socket.socket(socket.AF_UNIX)
    try:
        server.bind(f"/proc/self/fd/{here}/{path.name}")
    finally:
        server.close()
        os.close(here)


def sparse(size: int) -> Maker:
    """A file of ``size`` zero bytes that takes no room."""

    def make(path: Path) -> None:
        with path.open("wb") as file:
            file.truncate(size)

    return make


def parquet(query: str) -> Maker:
    """A Parquet file with the rows of ``query``."""

    def make(path: Path) -> None:
        import duckdb

        duckdb.sql(query).write_parquet(str(path))

    return make
