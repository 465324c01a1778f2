"""The tests of a configuration as cases: defaults, scenarios and files resolved, lists of texts spread out, every case with a name that stays."""

from __future__ import annotations

import hashlib
import json
import math
import re
from dataclasses import dataclass, field, replace
from itertools import product
from typing import TYPE_CHECKING

from evalkit.importers.names import slug, unique
from evalkit.importers.notes import UnportableError
from evalkit.importers.promptfoo.assertions import Graders, graders_of, of_part, read_checks
from evalkit.importers.promptfoo.config import as_text, entries, items
from evalkit.importers.promptfoo.expressions import select_of
from evalkit.importers.promptfoo.rows import rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from evalkit.errors import Where
    from evalkit.importers.promptfoo.config import Source
    from evalkit.model.calls import JSON
    from evalkit.model.nodes import Node

_KEYS = {"description", "vars", "assert", "options", "metadata", "threshold"}
_SILENT_OPTIONS = {
    "provider",
    "transform",
    "disableVarExpansion",
    "disableDefaultAsserts",
    "runSerially",
    "disableConversationVar",
}
_TABLES = {".csv"}
_SHORT = 60
"""Characters of a value that can be part of a name."""
MOST = 10_000
"""Cases that one test may make of its lists."""


@dataclass(frozen=True, slots=True)
class Case:
    """One case: its ``id`` (of its description; empty until all are known), what the prompt is rendered with, its own checks, where it was
    read, and its tags.
    """

    id: str
    vars: Mapping[str, JSON]
    checks: tuple[JSON, ...]
    where: Where
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Written:
    """One test as written, with its defaults."""

    node: Node
    where: Where
    description: str = ""
    vars: Mapping[str, Node] = field(default_factory=dict)
    asserts: tuple[Node, ...] = ()
    options: Mapping[str, Node] = field(default_factory=dict)
    metadata: Mapping[str, Node] = field(default_factory=dict)

    def over(self, base: Written) -> Written:
        """This test with what ``base`` says where it says nothing; assertions of both."""
        return replace(
            self,
            vars={**base.vars, **self.vars},
            asserts=(*base.asserts, *self.asserts),
            options={**base.options, **self.options},
            metadata={**base.metadata, **self.metadata},
            description=self.description or base.description,
        )


@dataclass(frozen=True, slots=True)
class Cases:
    """All cases, and the checks that every one of them has."""

    cases: tuple[Case, ...]
    checks: tuple[JSON, ...]


def read_cases(source: Source, graders: Graders) -> Cases:
    """Every case of the configuration; what cannot be said is noted and left out."""
    default = _default(source)
    tests = [*_tests(source, source.get("tests")), *_scenarios(source)]
    together = not any({"disableDefaultAsserts", "transform"} & test.options.keys() for test in tests)
    shared = _checks(source, default, graders) if together else ()
    found: list[Case] = []
    for test in tests or [Written(source.root, source.where(source.root))]:
        merged = test.over(default if _wants(test) and not together else replace(default, asserts=()))
        found += _cases(source, merged, graders, judged=together and bool(default.asserts))
    names = unique(_names(found))
    cases = tuple(replace(one, id=name) for one, name in zip(found, names, strict=True))
    return Cases(cases, shared)


def _wants(test: Written) -> bool:
    """Whether a test takes the default assertions."""
    flag = test.options.get("disableDefaultAsserts")
    return flag is None or flag.value is not True


def _default(source: Source) -> Written:
    node = source.get("defaultTest")
    if node is None:
        return Written(source.root, source.where(source.root))
    if isinstance(node.value, str):
        try:
            other = source.data(source.files(node.value, node)[0])
        except UnportableError as why:
            source.notes.left_out(source.where(node), f"defaultTest: {why}")
            return Written(source.root, source.where(source.root))
        return _test(other, other.root)
    return _test(source, node)


def _tests(source: Source, node: Node | None, *, inside: tuple[Path, ...] = ()) -> Iterator[Written]:
    """The tests of a list; ``inside`` are the files that led here, none of which is read again."""
    for item in items(node):
        known = entries(item)
        name = item.value if isinstance(item.value, str) else known["path"].value if "path" in known else None
        if name is None:
            yield _test(source, item)
            continue
        try:
            for path in source.files(str(name).partition("#")[0], item):
                yield from _of_file(source, path, inside=inside)
        except UnportableError as why:
            source.notes.left_out(source.where(item), f"the tests of {str(name)[:80]!r}: {why}")


def _of_file(source: Source, path: Path, *, inside: tuple[Path, ...]) -> Iterator[Written]:
    if path in inside:
        raise UnportableError("the file names itself")
    if path.suffix.lower() in _TABLES:
        for node, where in rows_of(source, path):
            yield _test(source, node, where=where)
        return
    if path.suffix.lower() == ".jsonl":
        lines = source.text(path).splitlines()
        data = replace(source, name=path.name)
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield _test(data, _json_line(line, number))
        return
    other = source.data(path)
    yield from _tests(other, other.root, inside=(*inside, path))


def _json_line(line: str, number: int) -> Node:
    from evalkit.errors import EvalkitError
    from evalkit.yamlfile import parse_yaml

    try:
        return parse_yaml(line, name="tests", first_line=number)
    except EvalkitError as error:
        raise UnportableError(f"line {number} is no JSON: {error.message}") from error


def _scenarios(source: Source) -> Iterator[Written]:
    """Every configuration of a scenario with every test of it."""
    for scenario in items(source.get("scenarios")):
        known = entries(scenario)
        configs = [_test(source, one) for one in items(known.get("config"))]
        for config, test in product(configs, list(_tests(source, known.get("tests")))):
            yield test.over(config)


def _test(source: Source, node: Node, *, where: Where | None = None) -> Written:
    known = entries(node)
    place = where or source.where(node)
    if not isinstance(node.value, dict):
        source.notes.left_out(place, "a test that is no mapping")
    for key in known.keys() - _KEYS:
        source.notes.left_out(place, f"{key[:40]} of a test")
    if "threshold" in known:
        source.notes.changed(place, "threshold of a test: every check must pass, there is no score of a case")
    options = entries(known.get("options"))
    for key in options.keys() - _SILENT_OPTIONS:
        source.notes.left_out(place, f"options.{key[:40]}")
    return Written(
        node,
        place,
        str(known["description"].value) if "description" in known else "",
        _variables(source, known.get("vars"), place),
        tuple(_resolved(source, known.get("assert"), place)),
        options,
        entries(known.get("metadata")),
    )


def _variables(source: Source, node: Node | None, where: Where) -> dict[str, Node]:
    """The variables of a test; those that stand in files are read from there."""
    found: dict[str, Node] = {}
    for item in items(node):
        if isinstance(item.value, dict):
            found |= item.value
            continue
        try:
            for path in source.files(str(item.value), item):
                found |= entries(source.data(path).root)
        except UnportableError as why:
            source.notes.left_out(where, f"vars: {why}")
    return found


def _resolved(source: Source, node: Node | None, where: Where) -> Iterator[Node]:
    for item in items(node):
        try:
            yield source.resolved(item)
        except UnportableError as why:
            source.notes.left_out(where, str(why))


def _list(test: Written) -> Node:
    from evalkit.model.nodes import Node

    return Node(list(test.asserts), test.node.line)


def _graders(source: Source, test: Written, graders: Graders) -> Graders:
    node = test.options.get("provider")
    if node is None:
        return graders
    try:
        return graders_of(node, graders)
    except UnportableError as why:
        source.notes.left_out(test.where, f"the grader {as_text(node)[:80]!r}: {why}")
        return graders


def _cases(source: Source, test: Written, graders: Graders, *, judged: bool) -> Iterator[Case]:
    """The cases of a test: one for every combination of its variables that are lists of texts. ``judged``: by the checks of all, too."""
    try:
        axes = {name: _values(source, node) for name, node in test.vars.items()}
    except UnportableError as why:
        source.notes.left_out(test.where, f"the test {test.description[:60]!r}: {why}")
        return
    if "disableVarExpansion" in test.options and test.options["disableVarExpansion"].value is True:
        axes = {name: [node.plain()] for name, node in test.vars.items()}
    checks = _checks(replace(source, name=test.where.path), test, graders)
    if not test.asserts and not judged:
        source.notes.changed(test.where, "no assertion: checked is only that there is an answer, as promptfoo does")
        checks = ({"length": {"chars": {"min": 1}}},)
    if math.prod(map(len, axes.values())) > MOST:
        source.notes.left_out(test.where, f"a test whose lists make more than {MOST:,} cases")
        return
    for name, texts in axes.items():
        if any(isinstance(text, str) and "{{" in text for text in texts):
            source.notes.changed(test.where, f"{name}: the {{{{ }}}} in it is text; a variable is never a template")
    tags = tuple(_tags(source, test))
    for values in product(*axes.values()):
        given = dict(zip(axes, values, strict=True))
        yield Case(_described(test, given), given, checks, test.where, tags)


def _checks(source: Source, test: Written, graders: Graders) -> tuple[JSON, ...]:
    """The checks of a test's assertions, of the part of the answer that its ``options.transform`` takes out."""
    checks = read_checks(source, _list(test), _graders(source, test, graders))
    node = test.options.get("transform")
    path = "$" if node is None or str(node.value).strip() == "output" else select_of(str(node.value))
    if path is None:
        source.notes.left_out(test.where, "options.transform: it is a program; the checks judge the whole answer")
    return tuple(of_part(check, path or "$") for check in checks)


def _tags(source: Source, test: Written) -> Iterator[str]:
    """``metadata`` as tags: ``team.billing``, and the name alone where it is true."""
    for name, node in test.metadata.items():
        for one in items(node):
            if one.value is True:
                yield _tag(name)
            elif isinstance(one.value, (str, int, float)):
                yield _tag(f"{name}.{one.value}")
            else:
                source.notes.left_out(test.where, f"metadata {name[:40]}: it is no text")


def _tag(text: str) -> str:
    return re.sub(r"[^\w.+/-]+", "-", text)[:100]


def _values(source: Source, node: Node) -> list[JSON]:
    """What a variable is in turn. Raises UnportableError."""
    if isinstance(node.value, list) and node.value and all(isinstance(one.value, str) for one in node.value):
        return [value for one in node.value for value in _values(source, one)]
    if not isinstance(node.value, str) or not node.value.startswith("file://"):
        return [node.plain()]
    return [_from_file(source, path) for path in source.files(node.value, node)]


def _from_file(source: Source, path: Path) -> JSON:
    if path.suffix in {".yaml", ".yml"}:
        return json.dumps(source.data(path).root.plain(), ensure_ascii=False)
    if path.suffix in {".txt", ".md", ".json", ".csv", ".html", ".xml"}:
        return source.text(path).strip()
    raise UnportableError(f"{path.name} is no text: evalkit sends no images or files")


def _described(test: Written, given: Mapping[str, JSON]) -> str:
    """The description as a name; a variable in it is what this case gives."""
    said = re.sub(r"\{\{\s*(\w+)\s*\}\}", lambda found: str(given.get(found[1], found[1])), test.description)
    return slug(said, otherwise="")


def _names(cases: Sequence[Case]) -> Iterator[str]:
    """Names that stay when tests are moved: of the description, or else of the short values that not every case has, or of the content."""
    written = [{name: json.dumps(value, sort_keys=True) for name, value in case.vars.items()} for case in cases]
    common = set.intersection(*(set(one.items()) for one in written)) if len(cases) > 1 else set()
    for case, texts in zip(cases, written, strict=True):
        content = json.dumps(case.vars, sort_keys=True, ensure_ascii=False)
        own = [
            str(case.vars[name]) for name, text in texts.items() if (name, text) not in common and len(text) <= _SHORT
        ]
        yield case.id or slug(" ".join(own), otherwise=f"case-{hashlib.sha256(content.encode()).hexdigest()[:8]}")
