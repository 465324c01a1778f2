"""``python -m benchmarks.speed``: evalkit against a hand-written loop over the official client, and against itself from the cache.

Needs the rig (``--bench``): its fake server and its loop (L1) run here unchanged. Runs are interleaved, and medians of ratios
within one round are printed, because a machine's mood changes from minute to minute.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.speed.rig import MockServer, Sample, measure
from benchmarks.speed.workload import write_plain, write_project

BENCH = Path(os.environ.get("EVALKIT_BENCH", "../shared/bench"))
ROUNDS = 5
EMPTY = "import pytest\n\n@pytest.mark.parametrize('n', range(SIZE))\ndef test_nothing(n): pass\n"
"""A module of pytest items that do nothing."""
STORE = """
import duckdb, os
if os.path.exists("floor.duckdb"): os.remove("floor.duckdb")
with duckdb.connect("floor.duckdb") as to:
    to.execute("create table trials as select i, 'case-' || i as id, 'pass' as status from range(SIZE) t(i)")
print("SIZE passed")
"""
"""A program that writes one row per case into a new DuckDB file."""


class Runs:
    """The commands that are compared, in one folder of their own each."""

    def __init__(self, folder: Path, server: MockServer, options: argparse.Namespace) -> None:
        self._folder = folder
        self._server = server
        self._options = options
        self._environment = {"OPENAI_API_KEY": "sk-mock"}

    def loop(self, n: int, *, concurrency: int = 32) -> Sample:
        """L1: the official asynchronous client, a semaphore and the three checks."""
        return self.peer("l1_openai.py", n=n, concurrency=concurrency)

    def peer(self, *words: str, n: int, concurrency: int = 32) -> Sample:
        """A script of the rig and its arguments."""
        home = self._folder / f"peer-{n}"
        write_plain(home, n)
        for file in (self._options.bench / "peers").glob("*.py"):
            shutil.copy(file, home)
        place = {"OPENAI_BASE_URL": f"{self._server.url}/v1", "BENCH_DIR": str(home), "BENCH_C": str(concurrency)}
        return self._counted([self._options.python, *words], home, n, **place)

    def bare(self, *words: str, n: int, folder: Path) -> Sample:
        """Python with some arguments, in a folder."""
        return self._counted([self._options.python, *words], folder, n)

    def evalkit(self, n: int, *, concurrency: int = 32, mode: str = "live", transport: str = "sdk") -> Sample:
        """``pytest suites`` on the same cases, stored and summarised."""
        home = self._folder / f"{mode}-{transport}-{n}"
        if mode == "live":
            shutil.rmtree(home, ignore_errors=True)
        write_project(home, n, url=self._server.url, concurrency=concurrency, mode=mode, transport=transport)
        return self._counted([self._options.python, "-m", "pytest", "-q", "suites"], home, n)

    def _counted(self, words: list[str], home: Path, n: int, **more: str) -> Sample:
        sample = measure(words, home, core=self._options.core, **self._environment, **more)
        if sample.passed != n:
            raise SystemExit(f"{' '.join(words)}: {sample.passed} of {n} passed\n{sample.said[-3000:]}")
        return sample


def live(runs: Runs, options: argparse.Namespace) -> None:
    """CPU of a live run at zero latency as a share of the loop's."""
    n = options.n or 1000
    shares: dict[str, list[float]] = {"sdk": [], "http": []}
    for _ in range(options.rounds):
        loop = runs.loop(n)
        print(row("loop over the official client", n, loop))
        for transport, found in shares.items():
            sample = runs.evalkit(n, transport=transport)
            found.append(sample.cpu_s / loop.cpu_s)
            print(row(f"evalkit, transport {transport}", n, sample), f"{found[-1]:.2f} of the loop's CPU")
    for transport, found in shares.items():
        print(f"median: evalkit with {transport} takes {statistics.median(found):.2f} of the loop's CPU ({n} cases)")


def floor(runs: Runs, options: argparse.Namespace) -> None:
    """What evalkit cannot do without, each part alone and doing nothing else: pytest's empty items, the calls, a DuckDB file."""
    n = options.n or 1000
    shares: dict[str, list[float]] = {"raw aiohttp": [], "the official client on aiohttp": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "test_items.py").write_text(EMPTY.replace("SIZE", str(n)))
        for _ in range(options.rounds):
            loop = runs.loop(n).cpu_s
            start = runs.bare("-c", f"print('{n} passed')", n=n, folder=folder).cpu_s
            items = runs.bare(
                "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:evalkit", n=n, folder=folder
            ).cpu_s
            stored = runs.bare("-c", STORE.replace("SIZE", str(n)), n=n, folder=folder).cpu_s
            raw, client = (
                runs.peer(*words, n=n).cpu_s for words in (("l2_raw.py", "aiohttp"), ("l1_openai.py", "aiohttp"))
            )
            parts = {"raw aiohttp": raw, "the official client on aiohttp": client}
            print(
                f"loop {loop:.2f} s, {n} empty items {items:.2f}, raw {raw:.2f}, client {client:.2f}, DuckDB {stored:.2f}, Python {start:.2f}"
            )
            for call, taken in parts.items():
                shares[call].append((taken + items + stored - 2 * start) / loop)
    for call, found in shares.items():
        print(
            f"median: pytest, {call} and DuckDB, one start of Python: {statistics.median(found):.2f} of the loop's CPU ({n} cases)"
        )


def latency(runs: Runs, options: argparse.Namespace) -> None:
    """Wall time against an ideal of N / concurrency x latency."""
    n, concurrency = options.n or 5000, options.concurrency
    ideal = n / concurrency * options.latency_ms / 1000
    for transport in ("sdk", "http"):
        walls = []
        for _ in range(min(options.rounds, 3)):
            sample = runs.evalkit(n, concurrency=concurrency, transport=transport)
            walls.append(sample.wall_s)
            print(
                row(f"evalkit, transport {transport}", n, sample), f"{walls[-1] / ideal:.2f} of the ideal {ideal:.2f} s"
            )
        print(f"median: {statistics.median(walls) / ideal:.2f} of the ideal with {transport}")


def warm(runs: Runs, options: argparse.Namespace) -> None:
    """The same cases again, from the response cache."""
    for n in [options.n] if options.n else [1, 1000, 10_000]:
        runs.evalkit(n, mode="cache", transport="http")
        samples = []
        for _ in range(options.rounds if n <= 1000 else 3):
            samples.append(runs.evalkit(n, mode="cache", transport="http"))
            print(row("evalkit from the cache", n, samples[-1]))
        print(f"median: {statistics.median(s.wall_s for s in samples):.2f} s wall, {n} cases")


def start(runs: Runs, options: argparse.Namespace) -> None:
    """What the plugin adds to a pytest session without suites."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "test_one.py").write_text("def test_one(): pass\n")
        added = []
        for _ in range(options.rounds * 3):
            words = [options.python, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
            without = measure([*words, "-p", "no:evalkit"], home, core=options.core)
            added.append(measure(words, home, core=options.core).wall_s - without.wall_s)
        print(f"median: the plugin adds {1000 * statistics.median(added):.0f} ms to a session without suites")
    warm(runs, argparse.Namespace(**{**vars(options), "n": 1}))


def items(runs: Runs, options: argparse.Namespace) -> None:
    """CPU per case from the cache, everything included, beside that of pytest's own items that do nothing."""
    n = options.n or 5000
    few = 10
    with tempfile.TemporaryDirectory() as folder:
        costs: dict[str, list[float]] = {"pytest's own item": [], "a case of evalkit": []}
        runs.evalkit(n, mode="cache", transport="http")
        runs.evalkit(few, mode="cache", transport="http")
        for _ in range(options.rounds):
            own = []
            for size in (few, n):
                (Path(folder) / "test_items.py").write_text(EMPTY.replace("SIZE", str(size)))
                words = [options.python, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
                own.append(measure(words, Path(folder), core=options.core).cpu_s)
            costs["pytest's own item"].append((own[1] - own[0]) / (n - few))
            cases = [runs.evalkit(size, mode="cache", transport="http").cpu_s for size in (few, n)]
            costs["a case of evalkit"].append((cases[1] - cases[0]) / (n - few))
    for name, found in costs.items():
        print(f"median: {name} costs {1000 * statistics.median(found):.2f} ms of CPU")


def row(what: str, n: int, sample: Sample) -> str:
    """One line of the table."""
    each = 1000 * sample.cpu_s / n
    return f"{what:32} N={n:<6} wall {sample.wall_s:6.2f} s  CPU {sample.cpu_s:6.2f} s ({each:.2f} ms a case)  peak {sample.rss_mb:4.0f} MB"


WHAT = {"live": live, "floor": floor, "latency": latency, "warm": warm, "start": start, "items": items}


def main() -> None:
    """Run one of the measurements, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__)
    parser.add_argument(
        "what", nargs="*", choices=[*WHAT, []], default=[], help="; ".join(f"{k}: {v.__doc__}" for k, v in WHAT.items())
    )
    parser.add_argument(
        "--bench", type=Path, default=BENCH, help=f"the rig's folder (default: $EVALKIT_BENCH or {BENCH})"
    )
    parser.add_argument(
        "--python", default=sys.executable, help="the interpreter that is measured (evalkit is installed there)"
    )
    parser.add_argument("--server-python", default=sys.executable, help="one with uvloop, httptools and orjson")
    parser.add_argument("--n", type=int, help="how many cases")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"interleaved rounds (default: {ROUNDS})")
    parser.add_argument("--latency-ms", type=float, default=200, help="for latency (default: 200)")
    parser.add_argument("--concurrency", type=int, default=128, help="for latency (default: 128)")
    parser.add_argument("--core", type=int, default=1, help="the core that is measured on; the server has core 0")
    options = parser.parse_args()
    for name in options.what or WHAT:
        print(f"\n{name}: {WHAT[name].__doc__}")
        flags = f"--latency-ms {options.latency_ms}" if name == "latency" else ""
        server = MockServer(options.bench.resolve(), flags=flags, python=options.server_python)
        with tempfile.TemporaryDirectory(prefix="evalkit-speed-") as folder, server:
            WHAT[name](Runs(Path(folder), server, options), options)


if __name__ == "__main__":
    main()
