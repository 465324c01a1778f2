"""The workload of the peers' benchmark as an evalkit project: N cases, one prompt with two variables, three checks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

MODEL = "gpt-4o-mini"
TEMPLATE = """\
You are a support agent of an online shop. Answer with one JSON object and nothing else.
Where is order {{ order_id }}, bound for {{ city }}?
REPLY: {"order_id": "{{ order_id }}", "city": "{{ city }}", "status": "shipped", "eta": "2026-12-24", \
"summary": "It left the warehouse on Monday and is on its way."}
"""
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["order_id", "city", "status", "eta", "summary"],
    "additionalProperties": False,
    "properties": {
        "order_id": {"type": "string"},
        "city": {"type": "string"},
        "status": {"type": "string", "enum": ["shipped", "pending"]},
        "eta": {"type": "string"},
        "summary": {"type": "string", "minLength": 1},
    },
}
PATTERN = r'"eta": "\d{4}-\d{2}-\d{2}"'
CITIES = ("Oslo", "Paris", "Lagos", "Lima", "Quito", "Turin", "Kyoto", "Dakar", "Sofia", "Perth")

PROMPT = f"""---
description: Where is my order?
inputs: {{order_id: string, city: string}}
---
{TEMPLATE}"""
SUITE = """suite: orders
prompt: order:v1
models: [openai/{model}]
cases:
  - file: cases.jsonl
checks:
  - contains: "{{{{ order_id }}}}"
  - json_schema: schema.json
  - regex: '{pattern}'
"""
CONFIG = """[tool.evalkit]
mode = "{mode}"
concurrency = {concurrency}

[tool.evalkit.providers.openai]
base_url = "{url}/v1"
transport = "{transport}"

[tool.pytest.ini_options]
addopts = "-p no:cacheprovider"
"""


def cases(n: int) -> list[dict[str, str]]:
    """The variables of ``n`` cases."""
    return [{"order_id": f"ORD-{i:06d}", "city": CITIES[i % len(CITIES)]} for i in range(n)]


def write_project(
    folder: Path, n: int, *, url: str, concurrency: int, mode: str = "live", transport: str = "sdk"
) -> None:
    """Write the project with ``n`` cases into ``folder``; what earlier runs left in its reports stays."""
    for name in ("prompts/order", "suites"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    settings = {"url": url, "concurrency": concurrency, "mode": mode, "transport": transport}
    (folder / "pyproject.toml").write_text(CONFIG.format(**settings))
    (folder / "prompts/order/v1.j2").write_text(PROMPT)
    (folder / "suites/orders.yaml").write_text(SUITE.format(model=MODEL, pattern=PATTERN))
    (folder / "suites/schema.json").write_text(json.dumps(SCHEMA))
    rows = ({"id": case["order_id"], "vars": case} for case in cases(n))
    (folder / "suites/cases.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_plain(folder: Path, n: int) -> None:
    """Write what the hand-written loop over the official client reads (``peers/l1_openai.py`` of the rig)."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cases.jsonl").write_text("".join(json.dumps(case) + "\n" for case in cases(n)))
    (folder / "prompt.txt").write_text(TEMPLATE)
    (folder / "schema.json").write_text(json.dumps(SCHEMA))
    (folder / "pattern.txt").write_text(PATTERN)
