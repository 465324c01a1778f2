"""``schema.sql`` as data: statements to execute, and the documentation that its comments are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import files
from typing import Literal

VERSION = 1
"""Version of the tables; bump it with every change of ``schema.sql``."""

_HEAD = re.compile(r"create (table|view) (\w+) .*?-- (.*)")
_COLUMN = re.compile(r"  (\w+) ([a-z]+(?:\[\])?),?  -- (.*)")


@dataclass(frozen=True, slots=True)
class Relation:
    """A table or view with its documentation; ``columns`` are ``(name, type, comment)``, empty for a view."""

    kind: Literal["table", "view"]
    name: str
    comment: str
    columns: tuple[tuple[str, str, str], ...]
    sql: str


def relations() -> tuple[Relation, ...]:
    """Every table and view, in the order they are created."""
    text = files("evalkit.store").joinpath("schema.sql").read_text(encoding="utf-8")
    return tuple(_relation("create " + part) for part in re.split(r"^create ", text, flags=re.MULTILINE)[1:])


def statements() -> list[str]:
    """The SQL that makes an empty database ours, comments included."""
    made: list[str] = []
    for relation in relations():
        made += [relation.sql, f"comment on {relation.kind} {relation.name} is {quoted(relation.comment)}"]
        made += [
            f"comment on column {relation.name}.{name} is {quoted(comment)}" for name, _, comment in relation.columns
        ]
    return made


def quoted(text: str) -> str:
    """``text`` as an SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def _relation(sql: str) -> Relation:
    head = _HEAD.match(sql)
    if head is None:
        raise AssertionError(f"schema.sql: no comment behind {sql[:40]!r}")
    columns = tuple((m[1], m[2], m[3]) for m in map(_COLUMN.match, sql.splitlines()) if m)
    kind: Literal["table", "view"] = "table" if head[1] == "table" else "view"
    return Relation(kind, head[2], head[3], columns, sql.rstrip())
