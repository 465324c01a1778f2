"""``pyproject.toml`` with the lines its keys stand in, which the standard library's reader does not tell."""

from __future__ import annotations

import re
import tomllib
from codecs import BOM_UTF8
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from evalkit.errors import ConfigError, EvalkitError, Where
from evalkit.files import read_bytes, read_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = "pyproject.toml"
_ABOVE = ("tool", "evalkit")
_AT = re.compile(r" \(at line (\d+), column \d+\)\Z")
_KEY = re.compile(r"\s*((?:[^=#\"'\[]|\"[^\"]*\"|'[^']*')+)=")


@dataclass(frozen=True, slots=True)
class TomlFile:
    """A TOML file with ``[tool.evalkit]`` in it. ``name`` is its path as shown to the user."""

    path: Path
    name: str

    def text(self, *, must_exist: bool = False) -> str | None:
        """The file's text, None if there is no file. Raises ConfigError for what is no regular UTF-8 file."""
        if not must_exist and not self.path.exists() and not self.path.is_symlink():
            return None
        try:
            data = read_bytes(self.path, where=Where(self.name))
            if data.startswith(BOM_UTF8):  # evalkit could read on, but neither pytest nor pip can
                hint = "save it as UTF-8 without one"
                raise ConfigError("a byte-order mark, which TOML has not", hint=hint, where=Where(self.name, 1))
            return read_text(self.path, where=Where(self.name))
        except EvalkitError as error:
            raise ConfigError(error.message, hint=error.hint, where=error.where) from error

    def table(self, *, must_exist: bool = False) -> dict[str, Any]:
        """``[tool.evalkit]``, empty without one. Raises ConfigError with the line."""
        text = self.text(must_exist=must_exist) or ""
        found: Any = self._parsed(text)
        self._refuse_misspelt(found, text)
        for depth, key in enumerate(_ABOVE, 1):
            found = found.get(key, {})
            if not isinstance(found, dict):
                name = ".".join(_ABOVE[:depth])
                hint = f"write [{name}], then key = value"
                raise ConfigError(f"[{name}] is not a table", hint=hint, where=self.where_of(text, _ABOVE[:depth]))
        return dict(found)

    def _refuse_misspelt(self, found: dict[str, Any], text: str) -> None:
        """A table that nobody reads would leave its ceiling and its mode unsaid."""
        tools = found.get("tool", {})
        names = [("tool", name) for name in tools] if isinstance(tools, dict) else []
        for keys in (*names, *((name,) for name in found)):
            if keys != _ABOVE and _is_nearly(keys[-1]):
                hint = "evalkit's table is [tool.evalkit]"
                raise ConfigError(f"nobody reads [{'.'.join(keys)}]", hint=hint, where=self.where_of(text, keys))

    def where(self, *keys: str) -> Where:
        """Where ``tool.evalkit.<keys>`` stands: its line, or that of the table it belongs to; no line if there is neither."""
        try:
            text = self.text()
        except ConfigError:
            text = None
        return self.where_of(text or "", (*_ABOVE, *keys))

    def where_of(self, text: str, keys: tuple[str, ...]) -> Where:
        """The same in the file's ``text``, for any key of it."""
        return Where(self.name, line_of(text, keys))

    def _parsed(self, text: str) -> dict[str, Any]:
        try:
            return tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            found = _AT.search(str(error))
            line = int(found[1]) if found else text.count("\n") + 1
            hint = "TOML wants key = value lines, text in quotes, and each key once"
            problem = f"not valid TOML: {_AT.sub('', str(error))}"
            raise ConfigError(problem, hint=hint, where=Where(self.name, line)) from error
        except (RecursionError, ValueError) as error:
            problem = "nested too deep" if isinstance(error, RecursionError) else "a number has too many digits"
            raise ConfigError(f"not valid TOML: {problem}", hint="shorten it", where=Where(self.name)) from error


def _is_nearly(name: str) -> bool:
    """Whether ``name`` is evalkit, perhaps misspelt, or the name of its package."""
    return bool(get_close_matches(name.lower().removeprefix("pytest-"), ["evalkit"], cutoff=0.9))


def project_file(root: Path) -> TomlFile:
    """The ``pyproject.toml`` of the project ``root``."""
    return TomlFile(root / NAME, NAME)


def line_of(text: str, keys: tuple[str, ...]) -> int | None:
    """The line (from 1) of the key or table that ``keys`` lead to, or of the table that should hold it; None if there is neither."""
    best, depth = None, 0
    for number, found in _places(text):
        shared = len(found)
        if depth < shared <= len(keys) and found == keys[:shared]:
            best, depth = number, shared
        elif depth < len(keys) and found[: len(keys)] == keys:
            best, depth = number, len(keys)  # the table is there only as part of a longer name
    return best if depth >= len(keys) - 1 else None


def _places(text: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Each line that begins a table or a key, with its full name."""
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.split("\n"), 1):
        if line.lstrip().startswith("["):
            table = _names(line) or table
            yield number, table
        elif match := _KEY.match(line):
            yield number, (*table, *_names(f"{match[1]}=0"))


def _names(line: str) -> tuple[str, ...]:
    """The keys that one line of TOML leads through; empty if it is not a line of its own."""
    try:
        value: Any = tomllib.loads(line)
    except (tomllib.TOMLDecodeError, RecursionError):
        return ()
    names: list[str] = []
    while isinstance(value, dict) and len(value) == 1:
        ((name, value),) = value.items()
        names.append(name)
        if isinstance(value, list):
            value = value[0] if len(value) == 1 else None
    return tuple(names)
