"""A suite file to a :class:`SuiteSpec`: the whole file is read, and every mistake in it is reported at once."""

from __future__ import annotations

import re
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from evalkit.errors import EvalkitError, SuiteError, Where, did_you_mean
from evalkit.files import shown
from evalkit.model.cases import PERSONAL_KINDS
from evalkit.suites.attacks import AttackReader
from evalkit.suites.cases import CaseReader, read_tags
from evalkit.suites.checkspecs import CheckReader, family_of, shown_name
from evalkit.suites.gates import FAMILIES, GateReader
from evalkit.suites.models import ModelReader
from evalkit.suites.reading import Reader
from evalkit.suites.spec import FallbackSpec, SuiteSpec
from evalkit.suites.variants import VariantReader
from evalkit.yamlfile import load_yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from evalkit.model.cases import Case, CheckSpec, PersonalKind
    from evalkit.model.nodes import Node
    from evalkit.suites.dataset import ReadParquet
    from evalkit.suites.spec import ModelSpec, VariantSpec

TOP_KEYS = (
    "suite",
    "description",
    "prompt",
    "variants",
    "baseline",
    "models",
    "params",
    "stream",
    "transport",
    "fallbacks",
    "grid",
    "repeats",
    "require",
    "tags",
    "priority",
    "redact",
    "cases",
    "attacks",
    "checks",
    "gates",
)
MAX_REPEATS = 1000
_SUITE_NAME = re.compile(r"[\w.+-]{1,100}\Z", re.ASCII)


def load_suite(
    path: Path,
    *,
    root: Path,
    reach: Path | None = None,
    read_parquet: ReadParquet | None = None,
    check_names: Iterable[str] | None = None,
    families: Mapping[str, str] | None = None,
) -> SuiteSpec:
    """Read the suite at ``path`` in the project ``root``, with the datasets it names, which must lie in ``reach`` (default: the project).

    ``read_parquet`` returns a Parquet file's rows (None: Parquet is refused). ``check_names`` are the valid check names (None:
    not verified here), ``families`` maps a check's name to its family, for gates over a family. Raises one SuiteError that
    carries every mistake found, each with file, line and hint.
    """
    reader = Reader(shown(path, root))
    document, top = _read(path, root, reader)
    checks = CheckReader(None if check_names is None else frozenset(check_names))
    suite_checks = checks.read_all(top.get("checks"), reader)
    repeats, require = _repeats(top, reader)
    cases = CaseReader(
        root=root,
        folder=path.resolve().parent,
        reach=reach or root,
        check_reader=checks,
        checks=suite_checks,
        require=require or repeats,
        tags=read_tags(top.get("tags"), reader),
        read_parquet=read_parquet,
    ).read_all(top.get("cases"), reader, document.line)
    attacks = AttackReader(reader, checks, suite_checks=suite_checks, require=require or repeats)
    cases += attacks.read_all(top.get("attacks"), cases)
    models = ModelReader(reader)
    crossing = VariantReader(reader, models)
    variants = crossing.variants(top.get("variants"), top.get("prompt"), document.line)
    baseline = _baseline(top.get("baseline"), variants, reader)
    parts = _Parts(variants, cases, suite_checks, models.many(top.get("models")), baseline)
    spec = SuiteSpec(
        name=_suite_name(top.get("suite"), reader, document.line),
        path=reader.path,
        where=reader.where(document.line),
        cases=cases,
        variants=variants,
        models=parts.models,
        params=models.params(top.get("params")),
        grid=crossing.grid(top.get("grid")),
        repeats=repeats,
        require=require,
        checks=suite_checks,
        gates=_gate_reader(reader, parts, families).read_all(top.get("gates")),
        lines={key: node.line for key, node in top.items()},
        description=reader.text(top.get("description"), "description") or "",
        delivery=models.delivery(top),
        fallbacks=models.fallbacks(top.get("fallbacks")) or FallbackSpec(),
        priority=_priority(top.get("priority"), cases, reader),
        baseline=baseline,
        redact=_redact(top.get("redact"), reader),
    )
    reader.complaints.raise_any()
    return spec


def _stays_inside(path: Path, root: Path) -> bool:
    try:
        return path.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError):  # a link that leads back to itself: reading it says so
        return True


def _read(path: Path, root: Path, reader: Reader) -> tuple[Node, Mapping[str, Node]]:
    if path.is_relative_to(root) and not _stays_inside(path, root):
        where = Where(path.relative_to(root).as_posix())
        hint = "copy the file into the project"
        raise SuiteError("the suite is a symlink that leads out of the project", hint=hint, where=where)
    try:
        document = load_yaml(path, root=root)
    except EvalkitError as error:
        raise SuiteError(error.message, hint=error.hint, where=error.where) from error
    top = reader.fields(document, "a suite", TOP_KEYS)
    if not isinstance(document.value, dict):
        reader.complaints.raise_any()
    return document, top


class _Parts(NamedTuple):
    variants: tuple[VariantSpec, ...]
    cases: tuple[Case, ...]
    checks: tuple[CheckSpec, ...]
    models: tuple[ModelSpec, ...]
    baseline: str | None


def _suite_name(node: Node | None, reader: Reader, line: int) -> str:
    name = reader.text(node, "suite")
    if node is None:
        reader.complain("the suite has no name", line, "begin the file with suite: my-suite")
    elif name is not None and not _SUITE_NAME.match(name):
        reader.complain(f"{name[:100]!r} is not a name for a suite", node.line, "letters, digits and _ . + -")
    return name or ""


def _repeats(top: Mapping[str, Node], reader: Reader) -> tuple[int, int | None]:
    repeats = reader.positive(top.get("repeats"), "repeats", most=MAX_REPEATS) or 1
    require = reader.positive(top.get("require"), "require", most=MAX_REPEATS)
    if require is not None and require > repeats:
        hint = "require says how many of the repeats must pass"
        reader.complain(f"require is {require}, and repeats is {repeats}", top["require"].line, hint)
    return repeats, require


def _priority(node: Node | None, cases: Iterable[Case], reader: Reader) -> frozenset[str]:
    """The tags that go first, each of which must be the tag of some case."""
    tags = {tag for case in cases for tag in case.tags}
    wanted = reader.words(node, "priority")
    for word in wanted:
        if word.value not in tags:
            reader.complain(f"no case has the tag {word.value[:60]!r}", word.line, did_you_mean(word.value, tags))
    if node is not None and not wanted:
        reader.complain("priority: names no tag", node.line, "name one, or remove the key")
    return frozenset(word.value for word in wanted)


def _redact(node: Node | None, reader: Reader) -> frozenset[PersonalKind]:
    """Kinds of personal data; ``all`` is every one."""
    wanted = reader.words(node, "redact")
    for word in wanted:
        if word.value != "all" and word.value not in PERSONAL_KINDS:
            hint = did_you_mean(word.value, [*PERSONAL_KINDS, "all"])
            reader.complain(f"{word.value[:60]!r} is no kind of personal data", word.line, hint)
    names = {word.value for word in wanted}
    return frozenset(kind for kind in PERSONAL_KINDS if kind in names or "all" in names)


def _baseline(node: Node | None, variants: Iterable[VariantSpec], reader: Reader) -> str | None:
    name, names = reader.text(node, "baseline"), [variant.name for variant in variants if variant.name]
    if node is not None and name is not None and name not in names:
        hint = f"{did_you_mean(name, names)}; an earlier run is named where the suite is run: --baseline"
        reader.complain(f"baseline: no variant {name[:60]!r} in this suite", node.line, hint)
        return None
    return name


def _gate_reader(reader: Reader, parts: _Parts, families: Mapping[str, str] | None) -> GateReader:
    # A prompt's output schema adds this check later, so a gate may name it.
    names = {"json_schema"}
    known_families = {"shape"} if families is not None else set(FAMILIES)
    for spec in chain(parts.checks, *(case.checks for case in parts.cases)):
        names.add(shown_name(spec))
        known_families.add(family_of(spec, families or {}))
    return GateReader(
        reader=reader,
        variants=tuple(variant.name or variant.prompt.partition(":")[2] for variant in parts.variants),
        tags=frozenset(tag for case in parts.cases for tag in case.tags),
        checks=frozenset(names),
        families=frozenset(known_families),
        baseline=parts.baseline,
        models=frozenset({model.name for model in parts.models} | {one.model for one in parts.variants if one.model}),
    )
