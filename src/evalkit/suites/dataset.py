"""Rows of a dataset file (CSV, JSON Lines, JSON, YAML, Parquet) as nodes with lines; every damaged row is named."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import date, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

from evalkit.errors import EvalkitError, SuiteError, Where
from evalkit.files import inside, read_text, shown
from evalkit.model.nodes import LONE_SURROGATE, MAX_DEPTH, Node
from evalkit.yamlfile import load_yaml

if TYPE_CHECKING:
    from pathlib import Path

    from evalkit.suites.reading import Reader

ReadParquet: TypeAlias = "Callable[[Path], list[dict[str, Any]]]"
SUFFIXES = (".csv", ".jsonl", ".ndjson", ".json", ".yaml", ".yml", ".parquet")
MAX_FILES = 1000
_BLANKS = re.compile(r"[ \t\n\r]*")


def find_files(text: str, *, root: Path, folder: Path, where: Where) -> list[Path]:
    """The dataset files that ``text`` names: a path, or a glob with ``*``, ``?`` or ``[``, sorted.

    Looked up from ``folder`` (the suite's), then from the project's ``root``. Raises SuiteError if there is none.
    """
    bases = (folder, root)
    if not any(char in text for char in "*?["):
        return [_dataset(inside(text, root=root, bases=bases, where=where), text, where)]
    if text.startswith("/") or ".." in text.split("/") or "\\" in text or "\0" in text:
        hint = "use a relative path with forward slashes and without '..'"
        raise SuiteError(f"{text[:200]!r} is not a path inside the project", hint=hint, where=where)
    for base in bases:
        names = _matches(text, base, where)
        if len(names) > MAX_FILES:
            raise SuiteError(
                f"{text!r} matches {len(names):,} files; the limit is {MAX_FILES:,}",
                hint="name fewer files, or put the rows together",
                where=where,
            )
        if names:
            return [_dataset(inside(name, root=root, bases=(base,), where=where), name, where) for name in names]
    looked = " or ".join(dict.fromkeys(shown(base, root) for base in bases))
    raise SuiteError(f"no file matches {text!r}", hint=f"looked in {looked}", where=where)


def _matches(pattern: str, base: Path, where: Where) -> list[str]:
    try:
        return sorted(found.relative_to(base).as_posix() for found in base.glob(pattern) if found.is_file())
    except (ValueError, OSError) as error:
        raise SuiteError(
            f"{pattern[:200]!r} is not a pattern for files: {error}",
            hint="write a pattern such as data/*.csv",
            where=where,
        ) from error


def _dataset(path: Path, text: str, where: Where) -> Path:
    if path.is_dir():
        raise SuiteError(
            f"{text!r} is a directory", hint=f"to read all its files: {text.rstrip('/')}/*.csv", where=where
        )
    if not path.is_file():
        raise SuiteError(f"{text!r} is not a regular file", hint="a FIFO, socket or device is no dataset", where=where)
    if path.suffix.lower() not in SUFFIXES:
        hint = f"a dataset ends in one of {', '.join(SUFFIXES)}"
        raise SuiteError(f"{text!r} is no dataset that evalkit can read", hint=hint, where=where)
    return path


def read_rows(path: Path, *, root: Path, reader: Reader, read_parquet: ReadParquet | None) -> list[Node]:
    """The rows of one file: nodes that hold mappings. ``reader`` is the file's own; mistakes are noted in it."""
    suffix = path.suffix.lower()
    try:
        if suffix == ".parquet":
            return list(_parquet(path, reader, read_parquet))
        if suffix in {".yaml", ".yml"}:
            return list(_yaml(path, root, reader))
        text = read_text(path, where=reader.where(1))
    except EvalkitError as error:
        reader.absorb(error, 1)
        return []
    read = {".csv": _csv, ".json": _json}.get(suffix, _jsonl)
    return list(read(text, reader))


def _csv(text: str, reader: Reader) -> Iterator[Node]:
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        reader.complain("a NUL character in the file", line, "save the table again as CSV in UTF-8")
        return
    rows = _csv_rows(text, reader)
    header = next(rows, None)
    if header is None or not _header_ok(header, reader):
        return
    names = [cell.value for cell in header.value]
    for row in rows:
        if len(row.value) == len(names):
            yield Node(dict(zip(names, row.value, strict=True)), row.line)
        else:
            hint = "quote cells that hold a comma or a line break, and double the quotes inside them"
            reader.complain(f"this row has {len(row.value)} cells, the header has {len(names)}", row.line, hint)


def _csv_rows(text: str, reader: Reader) -> Iterator[Node]:
    table = csv.reader(io.StringIO(text), strict=True)
    line = 1
    try:
        for cells in table:
            if cells:
                yield Node([Node(cell, line) for cell in cells], line)
            line = table.line_num + 1
    except csv.Error as error:
        hint = "check the quotes from this line on"
        if "field limit" in str(error):
            hint += "; a cell of this length belongs into a JSONL file"
        reader.complain(f"not valid CSV: {error}", line, hint)


def _header_ok(header: Node, reader: Reader) -> bool:
    names = [cell.value for cell in header.value]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        listed = ", ".join(map(repr, twice[:5]))
        reader.complain(f"the header names {listed} more than once", header.line, "each column has a name of its own")
    if not all(name.strip() for name in names):
        reader.complain("a column of the header has no name", header.line, "name it, or remove the column")
    if len(names) == 1 and any(char in names[0] for char in ";\t"):
        reader.complain("the cells are not separated by commas", header.line, "save the file as CSV with commas")
        return False
    return not twice


def _jsonl(text: str, reader: Reader) -> Iterator[Node]:
    lines = text.split("\n")
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield _row(json.loads(line, object_pairs_hook=_unique, parse_constant=_no_constant), number)
        except (ValueError, RecursionError) as error:
            reader.complain(
                f"not valid JSON: {_json_problem(error)}", number, _json_hint(line, last=number == len(lines))
            )
            if line.strip() in {"[", "{"}:
                return  # one document over many lines: each of them would be told


def _json(text: str, reader: Reader) -> Iterator[Node]:
    """The objects of one list, each with the line in which it begins."""
    decoder = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)
    place, line = _after_blanks(text, 0), 1
    if text[place : place + 1] != "[":
        hint = 'write [{"question": "…"}, …], or one object per line in a file that ends in .jsonl'
        reader.complain("the file holds no list", 1, hint)
        return
    done, place = 0, _after_blanks(text, place + 1)
    while text[place : place + 1] != "]":
        line, done = line + text.count("\n", done, place), place
        try:
            value, place = decoder.raw_decode(text, place)
            yield _row(value, line)
            place = _next_item(text, place)
        except (ValueError, RecursionError) as error:
            at = error.lineno if isinstance(error, json.JSONDecodeError) else line
            reader.complain(f"not valid JSON: {_json_problem(error)}", at, "the file holds one list of objects")
            return


def _after_blanks(text: str, place: int) -> int:
    blanks = _BLANKS.match(text, place)
    return blanks.end() if blanks else place


def _next_item(text: str, place: int) -> int:
    """Where the next item of a list begins, or its end is. Raises JSONDecodeError, as the decoder would."""
    place = _after_blanks(text, place)
    if text[place : place + 1] == "]":
        return place
    if text[place : place + 1] != ",":
        raise json.JSONDecodeError("Expecting ',' delimiter", text, place)
    place = _after_blanks(text, place + 1)
    if text[place : place + 1] == "]":
        raise json.JSONDecodeError("Illegal trailing comma", text, place)
    return place


def _json_problem(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return f"nested more than {MAX_DEPTH} levels deep"
    if "integer string conversion" in str(error):
        return "a number of thousands of digits"
    return str(error)[:200]


def _json_hint(line: str, *, last: bool) -> str:
    if line.strip() in {"[", "{"}:
        return "JSON Lines holds one object per line: write each without line breaks, and no list around them"
    return "the last line may be cut off" if last else "every line holds one JSON object"


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries = dict(pairs)
    if len(entries) != len(pairs):
        twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise ValueError(f"the key {twice[:80]!r} is there twice")
    return entries


def _no_constant(name: str) -> Any:  # noqa: ANN401 - the signature json asks for
    raise ValueError(f"{name} is not a JSON number")


def _yaml(path: Path, root: Path, reader: Reader) -> Iterator[Node]:
    document = load_yaml(path, root=root)
    for item in reader.items(document, "a dataset in YAML"):
        if isinstance(item.value, dict):
            yield item
        else:
            reader.complain(f"a row is {item.kind}, not a mapping", item.line, "write each row as {name: value, …}")


def _parquet(path: Path, reader: Reader, read_parquet: ReadParquet | None) -> Iterator[Node]:
    if read_parquet is None:
        raise SuiteError("Parquet cannot be read here", hint="save the data as CSV or JSONL", where=reader.where(1))
    try:
        rows = read_parquet(path)
    except EvalkitError as error:
        raise SuiteError(error.message, hint=error.hint, where=Where(reader.path)) from error
    for number, row in enumerate(rows, 1):
        try:
            yield _row(row, number)
        except ValueError as error:
            reader.complain(
                f"row {number}: {error}", number, "change the column in the file, or save the data as JSONL"
            )


def _row(value: object, line: int) -> Node:
    node = _node(value, line, 1)
    if not isinstance(node.value, dict):
        raise ValueError(f"a row is {node.kind}, not an object")  # noqa: TRY004 - one kind of error for a bad row
    return node


def _node(value: Any, line: int, depth: int) -> Node:  # noqa: ANN401 - whatever a file holds
    if depth > MAX_DEPTH:
        raise ValueError(f"nested more than {MAX_DEPTH} levels deep")
    if isinstance(value, Mapping):
        return Node({_clean(str(key)): _node(item, line, depth + 1) for key, item in value.items()}, line)
    if isinstance(value, (list, tuple)):
        return Node([_node(item, line, depth + 1) for item in value], line)
    return Node(_scalar(value), line)


def _scalar(value: Any) -> Any:  # noqa: ANN401 - as above
    if isinstance(value, str):
        return _clean(value)
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, (float, Decimal)):
        number = float(value)
        if not math.isfinite(number):
            raise ValueError(f"{number} is not a JSON number")
        return int(value) if isinstance(value, Decimal) and value == int(value) else number
    if isinstance(value, (date, time)):
        return value.isoformat()
    raise ValueError(
        f"a value of type {type(value).__name__} has no place in JSON; cast the column to text or a number"
    )


def _clean(text: str) -> str:
    if LONE_SURROGATE.search(text):
        raise ValueError("a text holds half of a character (a lone surrogate)")
    return text
