"""The fake model server of the rig, and one command measured as a whole process tree."""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import TracebackType

PORT = 8917


@dataclass(frozen=True)
class Sample:
    """One run: seconds of wall and CPU (user and system, children included), peak memory in MB, and what it said."""

    wall_s: float
    cpu_s: float
    rss_mb: float
    code: int
    said: str

    @property
    def passed(self) -> int:
        """How many cases passed, by the command's own last word on it; -1 if it said none."""
        found = re.findall(r"(\d+) passed|passed=(\d+)", self.said)
        return int(found[-1][0] or found[-1][1]) if found else -1


class MockServer:
    """``mock_llm`` of the rig in ``bench``, pinned to the first core while the ``with`` block runs."""

    def __init__(self, bench: Path, *, flags: str = "", python: str = sys.executable, port: int = PORT) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._words = [python, "-m", "mock_llm", "--port", str(port), "--cpu", "0", *shlex.split(flags)]
        self._bench = bench

    def __enter__(self) -> MockServer:
        self._process = subprocess.Popen(self._words, cwd=self._bench, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        if not self._process.stdout.readline().startswith(b"ready"):
            raise SystemExit(
                "the fake server did not start: is its port taken, are uvloop, httptools and orjson installed?"
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def get(self, path: str) -> dict[str, Any]:
        """The JSON at ``path``: ``/stats`` or ``/reset``."""
        with urllib.request.urlopen(self.url + path, timeout=30) as reply:
            return dict(json.load(reply))


def rig_options(description: str | None) -> argparse.Namespace:
    """The command line of a benchmark that runs ``pytest suites`` against the fake server, scenario by scenario."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--bench", type=Path, default=os.environ.get("EVALKIT_BENCH"), help="folder of mock_llm")
    parser.add_argument("--mock-python", default=sys.executable, help="Python with uvloop, httptools and orjson")
    parser.add_argument("--transport", default="sdk", choices=("sdk", "http"))
    parser.add_argument("--only", default="", help="only the scenarios whose name holds this")
    options = parser.parse_args()
    if options.bench is None:
        parser.error("say where the fake server is: --bench, or EVALKIT_BENCH")
    return options


def measure(words: list[str], folder: Path, *, core: int | None = 1, **environment: str) -> Sample:
    """Run a command in ``folder`` on one core (None: any) and account for its process tree."""
    env = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    env |= {"PYTHONDONTWRITEBYTECODE": "", **environment}
    command = words if core is None else ["taskset", "-c", str(core), *words]
    out = folder / "said.txt"
    with out.open("wb") as sink:
        start = time.monotonic()
        child = subprocess.Popen(command, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.monotonic() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    return Sample(
        wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, child.returncode, out.read_text(errors="replace")
    )
