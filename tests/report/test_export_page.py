"""The published schemas and the page about exports are what the code writes."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema_rs
import pytest
from sample_report import build_report

from evalkit.report.export import export_schema
from evalkit.report.json_export import report_json
from evalkit.report.json_schema import report_schema
from evalkit.report.tables import EXPORT_TABLES

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize(
    ("name", "schema"), [("export", lambda: export_schema(EXPORT_TABLES.values())), ("report", report_schema)]
)
def test_the_published_schema_is_the_one_that_is_printed(name, schema):
    """docs/reference holds it; write it again with ``python -m evalkit.report.published docs/reference``."""
    assert json.loads((DOCS / "reference" / f"{name}.schema.json").read_text(encoding="utf-8")) == schema()


def test_every_column_is_on_the_page():
    """Name, type and meaning of each column of each table stand on the page about exports, in order."""
    page = (DOCS / "howto" / "exports.md").read_text(encoding="utf-8")
    rows = [
        f"| `{column.name}` | {column.kind} | {column.comment} |"
        for table in EXPORT_TABLES.values()
        for column in table.columns
    ]
    assert [
        line
        for line in page.splitlines()
        if line.startswith("| `") and line.count("|") == 4 and "json`, `jsonl" not in line
    ] == rows


@pytest.mark.parametrize("mode", ["live", "replay"])
def test_a_report_is_what_its_schema_says(mode):
    """Flips, errors, tool calls, unknown numbers: all of it is described, and a property more or less is refused."""
    check = jsonschema_rs.Draft202012Validator(report_schema())
    document = json.loads(json.dumps(report_json(build_report(cases=60, repeats=2, hostile=False, mode=mode))))
    check.validate(document)
    for part in ("run", "calls"):
        more = {**document, part: {**document[part], "more": 1}}
        less = {**document, part: dict(list(document[part].items())[1:])}
        assert not check.is_valid(more)
        assert not check.is_valid(less)
    assert not check.is_valid({**document, "outcome": "fine"})
