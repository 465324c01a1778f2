"""``schema.sql`` as data: statements to execute, and the documentation that its comments are."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import TYPE_CHECKING, Literal

from evalkit.store.database.connection import in_memory, quoted

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

VERSION = 6
"""Version of the tables; bump it with every change of ``schema.sql``."""

_HEAD = re.compile(r"create (table|view) (\w+) .*?-- (.*)")
_COLUMN = re.compile(r"  (\w+) ([a-z]+(?:\[\])?),?  -- (.*)")


@dataclass(frozen=True, slots=True)
class Relation:
    """A table or view with its documentation; ``columns`` are ``(name, type, comment)``, empty for a view. ``sql`` creates it."""

    kind: Literal["table", "view"]
    name: str
    comment: str
    columns: tuple[tuple[str, str, str], ...]
    sql: str

    @property
    def query(self) -> str:
        """The select behind a view, without trusting the view that a received file holds."""
        return self.sql.split("\n", 1)[1].rstrip(";")


def relations() -> tuple[Relation, ...]:
    """Every table and view, in the order they are created."""
    text = files("evalkit.store.database").joinpath("schema.sql").read_text(encoding="utf-8")
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


def described() -> tuple[Relation, ...]:
    """Like :func:`relations`, with the columns of views too (their comments are empty)."""
    with in_memory() as connection:
        for statement in statements():
            connection.execute(statement)
        return tuple(
            relation if relation.columns else replace(relation, columns=_columns(connection, relation.name))
            for relation in relations()
        )


def _columns(connection: DuckDBPyConnection, view: str) -> tuple[tuple[str, str, str], ...]:
    rows = connection.execute(
        "select column_name, lower(data_type) from duckdb_columns() where table_name = ? order by column_index", [view]
    ).fetchall()
    return tuple((name, kind, "") for name, kind in rows)


def _relation(sql: str) -> Relation:
    head = _HEAD.match(sql)
    if head is None:
        raise AssertionError(f"schema.sql: no comment behind {sql[:40]!r}")
    columns = tuple((m[1], m[2], m[3]) for m in map(_COLUMN.match, sql.splitlines()) if m)
    kind: Literal["table", "view"] = "table" if head[1] == "table" else "view"
    return Relation(kind, head[2], head[3], columns, sql.rstrip())
