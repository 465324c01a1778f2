"""The JSON Schemas of exports as files, for programs that read them: ``docs/reference/*.schema.json``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from evalkit.report.export import export_schema
from evalkit.report.json_schema import report_schema
from evalkit.report.tables import EXPORT_TABLES


def write_schemas(folder: Path) -> None:
    """Write ``export.schema.json`` and ``report.schema.json`` to ``folder``. Raises OSError."""
    schemas = {"export": export_schema(EXPORT_TABLES.values()), "report": report_schema()}
    for name, schema in schemas.items():
        text = json.dumps(schema, indent=1, ensure_ascii=False)
        (folder / f"{name}.schema.json").write_text(f"{text}\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    write_schemas(Path(sys.argv[1]))
