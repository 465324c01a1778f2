"""Checks as written in a suite, turned into :class:`CheckSpec`: short and long forms, combinations, select and severity."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from evalkit.errors import did_you_mean
from evalkit.model.cases import CheckSpec

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from evalkit.model.calls import JSON
    from evalkit.model.cases import Severity
    from evalkit.model.nodes import Node
    from evalkit.prompts.expressions import Expressions
    from evalkit.suites.reading import Reader

COMBINATIONS = ("not", "any_of", "all_of")
_ASIDE = ("select", "severity")


class CheckReader:
    """Reads the checks of a suite. ``names`` are the valid check names; None leaves them unchecked."""

    def __init__(self, names: Collection[str] | None = None) -> None:
        self._names = None if names is None else frozenset(names)

    def read_all(self, node: Node | None, reader: Reader) -> tuple[CheckSpec, ...]:
        """The checks of a list; mistakes are noted and left out."""
        specs = (self._read(item, reader) for item in reader.items(node, "checks"))
        return tuple(spec for spec in specs if spec is not None)

    def _read(self, item: Node, reader: Reader, *, inner: bool = False) -> CheckSpec | None:
        if isinstance(item.value, str):
            valid = self._known(item.value, item.line, reader)
            return CheckSpec(item.value, None, reader.where(item.line)) if valid else None
        name = self._name(item, reader)
        if name is None:
            return None
        entries = item.value
        body: Node = entries[name]
        aside = {key: entries[key] for key in _ASIDE if key in entries}
        if name in COMBINATIONS:
            return self._combination(name, body, aside, reader, inner=inner)
        params, inside = _split(body)
        for key in aside.keys() & inside.keys():
            reader.complain(f"{key!r} is there twice for {name}", inside[key].line, "keep one of the two")
        select, severity = self._aside({**inside, **aside}, reader, inner=inner)
        return CheckSpec(name, params, reader.where(body.line), select=select, severity=severity)

    def _name(self, item: Node, reader: Reader) -> str | None:
        if not isinstance(item.value, dict):
            reader.complain(f"a check is {item.kind}", item.line, "write `- name`, `- name: value` or `- name: {…}`")
            return None
        names = [key for key in item.value if key not in _ASIDE]
        if len(names) != 1:
            found = " and ".join(repr(name[:40]) for name in names[:5]) or "none"
            hint = "write one check per list item: `- name: value`"
            if "type" in names:
                hint = f"the type is the key: `- {str(item.value['type'].plain())[:40]}: …`"
            reader.complain(f"a check has one name, and here is {found}", item.line, hint)
            return None
        return names[0] if self._known(names[0], item.value[names[0]].line, reader) else None

    def _known(self, name: str, line: int, reader: Reader) -> bool:
        if self._names is None or name in self._names or name in COMBINATIONS:
            return True
        head, colon, rest = name.partition(":")
        hint = did_you_mean(name, {*self._names, *COMBINATIONS})
        if colon and head in {*self._names, *COMBINATIONS}:
            hint = f"write a blank after the colon: `{head}: {rest[:40]}`"
        reader.complain(f"no check named {name[:80]!r}", line, hint)
        return False

    def _combination(
        self, name: str, body: Node, aside: dict[str, Node], reader: Reader, *, inner: bool
    ) -> CheckSpec | None:
        if name == "not":
            if isinstance(body.value, list):
                reader.complain("not takes one check, and here is a list", body.line, "write not: {any_of: [...]}")
                return None
            children = [self._read(body, reader, inner=True)]
        else:
            children = [self._read(item, reader, inner=True) for item in reader.items(body, name)]
            if body.value == []:
                reader.complain(f"{name} has no checks in it", body.line, f"write {name}: [contains: a, contains: b]")
        select, severity = self._aside(aside, reader, inner=inner)
        specs = tuple(child for child in children if child is not None)
        where = reader.where(body.line)
        return CheckSpec(name, None, where, children=specs, select=select, severity=severity) if specs else None

    def _aside(self, aside: dict[str, Node], reader: Reader, *, inner: bool) -> tuple[str | None, Severity]:
        select = reader.text(aside.get("select"), "select")
        if select is not None and not select.startswith("$"):
            reader.complain(
                f"select: {select[:80]!r} is not a JSONPath", aside["select"].line, "begin with $, as in $.amount"
            )
        severity = aside.get("severity")
        if severity is None:
            return select, "fail"
        if inner:
            hint = "put it beside the outermost not, any_of or all_of"
            reader.complain("severity belongs to the whole check, not to a part of it", severity.line, hint)
        elif severity.value not in ("fail", "warn"):
            reader.complain(f"severity is {str(severity.plain())[:40]!r}", severity.line, "valid: fail, warn")
        return select, "warn" if severity.value == "warn" else "fail"


def _split(body: Node) -> tuple[Any, dict[str, Node]]:
    if not isinstance(body.value, dict):
        return body.plain(), {}
    params = {key: value.plain() for key, value in body.value.items() if key not in _ASIDE}
    return params, {key: body.value[key] for key in _ASIDE if key in body.value}


def identity(spec: CheckSpec) -> list[Any]:
    """What makes a check this check, as plain JSON: everything but where it is written."""
    children = [identity(child) for child in spec.children]
    return [spec.name, spec.params, spec.select, spec.severity, children]


def resolved(spec: CheckSpec, expressions: Expressions, scope: Mapping[str, JSON]) -> CheckSpec:
    """The check with every ``{{ expression }}`` in its parameters replaced. Raises SuiteError at the check's line."""
    children = tuple(resolved(child, expressions, scope) for child in spec.children)
    params = expressions.resolve(spec.params, scope, where=spec.where)
    return replace(spec, params=params, children=children)


def scope_of(vars: Mapping[str, JSON], expect: Mapping[str, JSON]) -> dict[str, JSON]:  # noqa: A002 - the suite's word
    """The names that an expression may use: each variable, and all of them as ``vars`` and ``expect``."""
    return {**vars, "vars": vars, "expect": expect}


def shown_name(spec: CheckSpec) -> str:
    """The check as verdicts and gates name it: ``contains``, ``not contains``, ``any_of(contains, regex)``."""
    if not spec.children:
        return spec.name
    inner = ", ".join(shown_name(child) for child in spec.children)
    return f"not {inner}" if spec.name == "not" else f"{spec.name}({inner})"


def leaf_names(spec: CheckSpec) -> Iterator[str]:
    """The names of the checks in ``spec`` that are not combinations."""
    if not spec.children:
        yield spec.name
    for child in spec.children:
        yield from leaf_names(child)


def family_of(spec: CheckSpec, families: Mapping[str, str]) -> str:
    """The family that counts for a check: its own, or that of the first check in a combination."""
    return families.get(next(leaf_names(spec)), "custom")
