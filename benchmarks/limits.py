"""Hard rate limits: every case passes, few requests are 429s, nearly all of the limit is used. ``python -m benchmarks.limits``.

Each row is one ``pytest suites`` against the fake server of the rig (``--bench`` or ``EVALKIT_BENCH`` names its folder), which enforces
its limits by a bucket that holds one second's worth. ``used`` is the limit's own time for that work divided by the time from the first
to the last request; ``wall`` includes the start of the process. Nothing is configured but where it says ``set``: limits are learned.
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

PORT = 8931


@dataclass(frozen=True)
class Scenario:
    """One limit: the server's flags, the number of cases, what the project adds to its configuration, the ``words`` pytest gets."""

    name: str
    flags: str
    cases: int
    per_minute: float
    unit: str
    settings: str = ""
    words: str = ""


SCENARIOS = (
    Scenario("300 rpm", "--rpm 300", 200, 300, "requests"),
    Scenario("300 rpm, 1 s latency", "--rpm 300 --latency-ms 1000", 100, 300, "requests"),
    Scenario("300 rpm, 1 s latency, two workers", "--rpm 300 --latency-ms 1000", 200, 300, "requests", words="-n 2"),
    Scenario("1200 rpm", "--rpm 1200", 400, 1200, "requests"),
    Scenario("1200 rpm, 200 ms", "--rpm 1200 --latency-ms 200 --latency-sigma 0.4", 400, 1200, "requests"),
    Scenario("60,000 tpm", "--tpm 60000", 200, 60_000, "tokens"),
    Scenario(
        "300 rpm, set", "--rpm 300", 50, 300, "requests", "\n[tool.evalkit.limits.openai]\nrequests_per_minute = 300\n"
    ),
)


def row(scenario: Scenario, number: int, options: argparse.Namespace) -> str:
    """Run one scenario and say what came of it."""
    folder = Path(tempfile.mkdtemp(prefix="evalkit-limits-"))
    words = [sys.executable, "-m", "pytest", "-q", "suites", *scenario.words.split()]
    with MockServer(options.bench, flags=scenario.flags, python=options.mock_python, port=PORT + number) as server:
        write_project(folder, scenario.cases, url=server.url, concurrency=32, transport=options.transport)
        with (folder / "pyproject.toml").open("a") as file:
            file.write(scenario.settings)
        ran = measure(words, folder, core=None, OPENAI_API_KEY="x")
        seen = server.get("/stats")
    shutil.rmtree(folder)
    if not seen["first_to_last_s"]:
        raise SystemExit(f"nothing was asked:\n{ran.said}")
    work = seen["tokens_in"] + seen["tokens_out"] if scenario.unit == "tokens" else seen["replies_2xx"]
    ideal = (work - scenario.per_minute / 60) / scenario.per_minute * 60
    share = seen["given_429"] / max(1, seen["requests"])
    return (
        f"| {scenario.name} | {ran.passed} / {scenario.cases} | {seen['requests']} | {seen['given_429']} ({share:.1%}) "
        f"| {ideal:.1f} | {seen['first_to_last_s']:.1f} | {ran.wall_s:.1f} | {ideal / seen['first_to_last_s']:.0%} |"
    )


def main() -> None:
    """Run every scenario whose name holds ``--only``."""
    options = rig_options(__doc__)
    print(
        "| limit | passed | requests | 429s | ideal s | first to last s | wall s | used |\n|---|--:|--:|--:|--:|--:|--:|--:|"
    )
    for number, scenario in enumerate(SCENARIOS):
        if options.only in scenario.name:
            print(row(scenario, number, options), flush=True)


if __name__ == "__main__":
    main()
