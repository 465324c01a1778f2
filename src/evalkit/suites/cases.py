"""Cases, inline and from dataset files: strict, identified by their id or content, never by their position."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from evalkit.canon import digest
from evalkit.errors import EvalkitError, Where
from evalkit.files import shown
from evalkit.model.cases import Case
from evalkit.suites.checkspecs import identity
from evalkit.suites.columns import Columns
from evalkit.suites.dataset import SUFFIXES, find_files, read_rows

if TYPE_CHECKING:
    from pathlib import Path

    from evalkit.model.cases import CheckSpec
    from evalkit.model.nodes import Node
    from evalkit.suites.checkspecs import CheckReader
    from evalkit.suites.dataset import ReadParquet
    from evalkit.suites.reading import Reader

CASE_KEYS = ("id", "vars", "expect", "tags", "checks", "cluster")
FILE_KEYS = ("file", "map", "tags")
MAX_CASES = 200_000
_ID = re.compile(r"[A-Za-z0-9_.+/-]+\Z")
_TAG = re.compile(r"[\w.:+/-]{1,100}\Z")


@dataclass(slots=True)
class CaseReader:
    """Reads the cases of one suite. ``tags``, ``checks`` and ``require`` are the suite's; ``folder`` is where it lies, ``reach`` the folder
    that no dataset may lie outside of.
    """

    root: Path
    folder: Path
    reach: Path
    check_reader: CheckReader
    checks: tuple[CheckSpec, ...] = ()
    require: int = 1
    tags: frozenset[str] = frozenset()
    read_parquet: ReadParquet | None = None
    _seen: dict[str, Where] = field(default_factory=dict)

    def read_all(self, node: Node | None, reader: Reader, line: int) -> tuple[Case, ...]:
        """Every case under ``cases:``, in order. No case at all is a mistake, noted at ``line``."""
        suite_part = [identity(spec) for spec in self.checks]
        cases: list[Case] = []
        if node is None or node.value in (None, []):
            reader.complain("the suite has no cases", node.line if node else line, "list them under cases:")
            return ()
        if isinstance(node.value, str):
            reader.complain("cases is text, not a list", node.line, f"write cases: [{{file: {node.value[:80]}}}]")
            return ()
        for item in reader.items(node, "cases"):
            if isinstance(item.value, dict) and "file" in item.value:
                cases += self._from_files(item, reader, suite_part)
            elif (case := self._case(item, reader, suite_part, self.tags)) is not None:
                cases.append(case)
        if len(cases) > MAX_CASES:
            reader.complain(f"{len(cases):,} cases; the limit is {MAX_CASES:,}", line, "split the suite")
        return tuple(cases)

    def _from_files(self, item: Node, reader: Reader, suite_part: list[Any]) -> list[Case]:
        entries = reader.fields(item, "a dataset entry", FILE_KEYS)
        text = reader.text(entries.get("file"), "file")
        columns = Columns(entries.get("map"), reader)
        tags = self.tags | read_tags(entries.get("tags"), reader)
        if text is None:
            return []
        line = entries["file"].line
        cases: list[Case] = []
        try:
            paths = find_files(text, root=self.reach, folder=self.folder, where=reader.where(line))
        except EvalkitError as error:
            reader.absorb(error, line)
            return []
        for path in paths:
            data = reader.beside(shown(path, self.root))
            before = reader.complaints.count
            rows = read_rows(path, root=self.root, reader=data, read_parquet=self.read_parquet)
            if not rows and reader.complaints.count == before:
                reader.complain(f"{data.path} has no rows", line, "a dataset that measures nothing is a mistake")
            shaped = (node for row in rows if (node := columns.case(row, data)) is not None)
            cases += [case for node in shaped if (case := self._case(node, data, suite_part, tags)) is not None]
        return cases

    def _case(self, node: Node, reader: Reader, suite_part: list[Any], tags: frozenset[str]) -> Case | None:
        if not isinstance(node.value, dict):
            named = isinstance(node.value, str) and node.value.lower().endswith(SUFFIXES)
            hint = f"write `- file: {node.value}`" if named else "write `- id: …` and `vars: {…}`"
            reader.complain(f"a case is {node.kind}, not a mapping", node.line, hint)
            return None
        entries = reader.fields(node, "a case", CASE_KEYS)
        own_tags = read_tags(entries.get("tags"), reader)
        checks = self.check_reader.read_all(entries.get("checks"), reader)
        case = Case(
            id="",
            vars=_variables(entries.get("vars"), reader),
            where=reader.where(node.line),
            expect={key: value.plain() for key, value in reader.mapping(entries.get("expect"), "expect").items()},
            tags=tags | own_tags if own_tags else tags,
            cluster=reader.label(entries.get("cluster"), "cluster"),
            checks=checks,
        )
        content = [case.vars, case.expect, [identity(spec) for spec in checks]]
        case_id = _case_id(entries.get("id"), content, reader)
        self._note_twin(case_id, case.where, reader, written="id" in entries)
        return replace(case, id=case_id, digest=digest([*content, suite_part, self.require]))

    def _note_twin(self, case_id: str, where: Where, reader: Reader, *, written: bool) -> None:
        first = self._seen.setdefault(case_id, where)
        if first is where:
            return
        what = f"the case id {case_id!r} is there twice" if written else "this case is there twice, word for word"
        place = f"line {first.line}" if first.path == where.path else str(first)
        hint = "give each case its own id" if written else "remove one, or give each an id"
        reader.complain(f"{what} (first in {place})", where.line or 1, hint)


def _case_id(node: Node | None, content: list[Any], reader: Reader) -> str:
    text = reader.label(node, "a case id")
    if node is None or text is None:
        return f"c-{digest(content)[:10]}"
    if len(text) > 100:
        reader.complain(f"a case id has {len(text)} characters; the limit is 100", node.line, "shorten it")
    elif not _ID.match(text):
        bad = dict.fromkeys(char for char in text if not _ID.match(char))
        listed = " ".join("a blank" if char.isspace() else repr(char) for char in bad)
        hint = "an id is made of letters, digits and _ . + - / because it becomes part of a test id"
        reader.complain(f"the case id {text!r} holds characters that it may not: {listed}", node.line, hint)
    return text


def _variables(node: Node | None, reader: Reader) -> dict[str, Any]:
    entries = reader.mapping(node, "vars")
    for name in ("vars", "expect"):
        if name in entries:
            hint = f"rename it; in expressions, {name!r} means all the {name} of the case"
            reader.complain(f"a variable may not be called {name!r}", entries[name].line, hint)
    return {key: value.plain() for key, value in entries.items()}


def read_tags(node: Node | None, reader: Reader) -> frozenset[str]:
    """The tags of a list or of a text with commas, each one word."""
    if node is None:
        return frozenset()
    tags = reader.words(node, "tags")
    for tag in tags:
        if not _TAG.match(tag.value):
            hint = "a tag is one word of letters, digits and _ . : + - /"
            reader.complain(f"{tag.value[:100]!r} is not a tag", tag.line, hint)
    return frozenset(tag.value for tag in tags)
