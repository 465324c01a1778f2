"""How a run from a warm cache grows: ``python -m benchmarks.scale --n 1000,10000,50000`` prints one line per size.

Each size is a fresh project of N cases with three checks whose answers are in the response cache already. One line is one whole
``pytest suites`` in a process of its own: wall and CPU seconds (children included), CPU per case, peak memory.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

PYPROJECT = """\
[tool.evalkit]
[tool.evalkit.providers.openai]
base_url = "http://127.0.0.1:9/v1"
[tool.pytest.ini_options]
"""
PROMPT = """\
---
inputs: {order_id: string, city: string}
defaults: {model: openai/gpt-4o-mini}
---
{% system %}You are a support agent of an online shop. Answer with one JSON object and nothing else.{% endsystem %}
{% user %}Where is order {{ order_id }}, bound for {{ city }}?{% enduser %}
"""
SUITE = """\
suite: orders
prompt: orders:v1
cases:
  - file: orders.jsonl
checks:
  - contains: "{{ order_id }}"
  - regex: '"eta": "\\d{4}-\\d{2}-\\d{2}"'
  - length: {chars: {max: 500}}
"""
CITIES = ("Oslo", "Paris", "Lagos", "Lima", "Quito", "Turin", "Kyoto", "Dakar", "Sofia", "Perth")


def write_project(root: Path, n: int) -> None:
    """Write a project of ``n`` cases with three checks."""
    rows = (
        {"id": f"c{i:06d}", "vars": {"order_id": f"ORD-{i:06d}", "city": CITIES[i % len(CITIES)]}} for i in range(n)
    )
    files = {
        "pyproject.toml": PYPROJECT,
        "prompts/orders/v1.j2": PROMPT,
        "suites/orders.yaml": SUITE,
        "suites/orders.jsonl": "".join(json.dumps(row) + "\n" for row in rows),
    }
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def answer(vars_: dict[str, str]) -> str:
    """What the model said to a case."""
    return json.dumps({
        "order_id": vars_["order_id"],
        "city": vars_["city"],
        "status": "shipped",
        "eta": "2026-12-24",
        "summary": "It left the warehouse on Monday and is on its way.",
    })


def warm(root: Path) -> None:
    """Leave the project as a live run did that was killed before its end: answers in a journal, the cache has read them."""
    from evalkit.config import load_config
    from evalkit.harness.before.planning import Planner
    from evalkit.harness.facts import describe_run
    from evalkit.model.calls import Call, Response, Usage
    from evalkit.store.cache import CACHE_FILE, Cache
    from evalkit.store.database.ingest import DATABASE_FILE, ingest
    from evalkit.store.journal.writer import Journal

    config = load_config(root)
    journals = config.journals
    journal = Journal(journals, describe_run(run_id="warm", mode="live", root=root))
    for test in Planner(config).plan(root / "suites" / "orders.yaml").tests:
        for trial in test.trials:
            reply = Response(
                answer(dict(trial.case.vars)),
                usage=Usage(60, 50),
                latency_s=0.4,
                served_model="gpt-4o-mini-2024-07-18",
                request_id=f"chatcmpl-{trial.case.id}",
            )
            journal.settle(Call(trial.request, reply, "live", cost_usd=0.00004, settled_at=time.time()))
    journal.close()
    cache = Cache(config.folder("reports") / CACHE_FILE)
    cache.absorb(journals)
    cache.close()
    ingest(journals, config.folder("reports") / DATABASE_FILE)


@dataclass(frozen=True)
class Cost:
    """What one process cost, its children included."""

    wall_s: float
    cpu_s: float
    peak_mb: float
    code: int


def measured(command: list[str], *, cwd: Path, log: Path) -> Cost:
    """Run a command to its end, its output to ``log``."""
    started = time.monotonic()
    with log.open("wb") as out:
        child = subprocess.Popen(command, cwd=cwd, stdout=out, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    wall = time.monotonic() - started
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, child.returncode)


def prepare(root: Path, n: int) -> None:
    """Write and warm a project, in a process of its own so that this one stays small."""
    code = f"from pathlib import Path; from benchmarks.scale import warm, write_project; r = Path({str(root)!r}); write_project(r, {n}); warm(r)"
    subprocess.run([sys.executable, "-c", code], check=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Whole runs from a warm cache, by number of cases.")
    parser.add_argument("--n", default="1000,10000", help="numbers of cases, with commas (default: %(default)s)")
    parser.add_argument("--times", type=int, default=1, help="runs per size, interleaved; the median counts")
    parser.add_argument("--keep", type=Path, help="keep the projects in this folder")
    options = parser.parse_args()
    print(f"{'cases':>7} {'wall s':>8} {'CPU s':>8} {'CPU ms/case':>12} {'peak MB':>8}")
    with tempfile.TemporaryDirectory() as folder:
        for n in map(int, options.n.split(",")):
            root = (options.keep or Path(folder)) / str(n)
            if not root.exists():
                prepare(root, n)
            command = [sys.executable, "-m", "pytest", "suites", "-q", "-p", "no:cacheprovider"]
            runs = [measured(command, cwd=root, log=root / "out.txt") for _ in range(options.times)]
            cost = sorted(runs, key=lambda run: run.cpu_s)[len(runs) // 2]
            if any(run.code for run in runs):
                sys.exit((root / "out.txt").read_text(encoding="utf-8")[-3000:])
            line = f"{n:7,} {cost.wall_s:8.2f} {cost.cpu_s:8.2f} {1000 * cost.cpu_s / n:12.3f} {cost.peak_mb:8.0f}"
            print(line, flush=True)


if __name__ == "__main__":
    main()
