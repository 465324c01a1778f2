"""Faults injected by the fake server: every recoverable case passes, a dead provider costs little. ``python -m benchmarks.faults``.

Each row is one ``pytest suites`` against the fake server of the rig (``--bench`` or ``EVALKIT_BENCH`` names its folder). ``longest``
is how often one case was sent at most, ``early`` counts retries that came before the wait that a 429 told.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.speed.rig import MockServer, measure, rig_options
from benchmarks.speed.workload import write_project

if TYPE_CHECKING:
    import argparse

PORT = 8951
MIX = "--rate-500 0.2 --rate-drop 0.2 --rate-malformed 0.1 --rate-529 0.05"


@dataclass(frozen=True)
class Scenario:
    """One kind of trouble: the server's flags, the number of cases, and what the provider's table gets besides."""

    name: str
    flags: str
    cases: int = 200
    provider: str = ""


SCENARIOS = (
    Scenario("20% 500, 20% dropped, 10% malformed, 5% 529", MIX),
    Scenario("the same, 200 ms latency, 1000 cases", f"{MIX} --latency-ms 200", 1000),
    Scenario("the same, streamed (cut mid-way)", MIX, provider="stream = true"),
    Scenario("10% bodies that drip for 8 s, deadline of a try 1 s", "--rate-slow 0.1", provider="timeout_s = 1"),
    Scenario("20% 429, Retry-After 1 s, no other header", "--rate-429 0.2 --retry-style s"),
    Scenario("20% 429, retry-after-ms 300", "--rate-429 0.2 --retry-after-s 0.3 --retry-style ms"),
    Scenario("a dead provider: every try is a 500", "--rate-500 1.0", 1000),
)


def row(scenario: Scenario, number: int, options: argparse.Namespace) -> str:
    """Run one scenario and say what came of it."""
    folder = Path(tempfile.mkdtemp(prefix="evalkit-faults-"))
    with MockServer(options.bench, flags=scenario.flags, python=options.mock_python, port=PORT + number) as server:
        write_project(folder, scenario.cases, url=server.url, concurrency=32, transport=options.transport)
        if scenario.provider:
            config = folder / "pyproject.toml"
            table = "[tool.evalkit.providers.openai]\n"
            config.write_text(config.read_text().replace(table, f"{table}{scenario.provider}\n"))
        ran = measure([sys.executable, "-m", "pytest", "-q", "suites"], folder, core=None, OPENAI_API_KEY="x")
        seen = server.get("/stats")
    shutil.rmtree(folder)
    return (
        f"| {scenario.name} | {scenario.cases} | {max(0, ran.passed)} | {seen['requests']} | {seen['max_attempts_of_one_body']} "
        f"| {seen['retries_earlier_than_told']} | {ran.wall_s:.1f} |"
    )


def main() -> None:
    """Run every scenario whose name holds ``--only``."""
    options = rig_options(__doc__)
    print("| fault | cases | passed | requests | longest | early | wall s |\n|---|--:|--:|--:|--:|--:|--:|")
    for number, scenario in enumerate(SCENARIOS):
        if options.only in scenario.name:
            print(row(scenario, number, options), flush=True)


if __name__ == "__main__":
    main()
