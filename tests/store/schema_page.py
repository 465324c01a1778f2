"""Writes the tables and views of ``schema.sql`` into ``docs/store.md``, between its two marks: ``python tests/store/schema_page.py``."""

from __future__ import annotations

from pathlib import Path

from evalkit.store.database.schema import described

PAGE = Path(__file__).parents[2] / "docs" / "store.md"
BEGIN, END = "<!-- tables: begin -->\n", "<!-- tables: end -->\n"


def tables():
    """The documentation of every table and view, as Markdown."""
    parts = []
    for relation in described():
        parts.append(f"### {relation.name}{' (view)' if relation.kind == 'view' else ''}\n\n{relation.comment}\n\n")
        if relation.kind == "view":
            parts.append(", ".join(f"`{name}`" for name, _, _ in relation.columns) + "\n\n")
        else:
            rows = "".join(
                f"| `{name}` | {kind} | {comment.replace('|', chr(92) + '|')} |\n"
                for name, kind, comment in relation.columns
            )
            parts.append(f"| column | type | |\n|---|---|---|\n{rows}\n")
    return "".join(parts)


def page(text):
    """The page ``text`` with its section of tables made new."""
    head, _, rest = text.partition(BEGIN)
    return f"{head}{BEGIN}\n{tables()}{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
