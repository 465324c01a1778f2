"""How long each page of ``evalkit serve`` takes with a big store: ``python -m benchmarks.serve`` prints p50 and p95 by page.

The store is made with SQL in the real tables: runs of 10,000 trials of 5,000 cases and two variants, three checks each; one trial in 400 has a label.
Every request is about a run chosen by chance, one after the other from one client; what the server keeps between requests counts as it does in use.
"""

from __future__ import annotations

import argparse
import http.client
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from evalkit.store.database.connection import opened
from evalkit.store.database.ingest import DATABASE_FILE, prepare
from evalkit.store.labels.secret import veil_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalkit.store.labels.secret import Veil

PER_RUN = 10_000
SUITE = "suites/refunds.yaml"
MODEL = "openai/gpt-5-mini"
_TRIALS = f"""
create temp table g as
select i, i // {PER_RUN} as run, (i % {PER_RUN}) // 2 as n, if(i % 2 = 0, 'baseline', 'candidate') as variant, hash(i, 7) % 100 as luck,
  strftime(timestamp '2026-01-01' + to_hours((i // {PER_RUN})::int), '%Y%m%dT%H%M%S') || '-' || printf('%08x', (i // {PER_RUN})::int) as run_id
from range($trials) t(i)
"""
_TEST = f"'{SUITE}::case-' || n || '[' || variant || '-{MODEL}]'"
_FILL = (
    (
        "insert into runs select distinct run_id, timestamp '2026-01-01' + to_hours(run::int), timestamp '2026-01-01' + to_hours(run::int) + to_minutes(5), "
        f"'live', true, false, {PER_RUN}, 0, '0.1.0', '3.11', 'abc123', 'main', false, 'pytest suites', '{{}}', [] from g order by run_id"
    ),
    (f"insert into suites select distinct run_id, 'refunds', '{SUITE}' from g order by run_id"),
    (
        f"insert into variants select distinct run_id, '{SUITE}', variant || '-{MODEL}', variant, '{MODEL}', 'refund:' || variant, repeat('d', 64), "
        f"'{MODEL}', '{{}}', null from g order by run_id"
    ),
    (
        f"insert into cases select '{SUITE}', 'case-' || n, sha256('c' || n), '{{\"customer\": \"Ana\"}}', '{{}}', if(n % 10 = 0, ['smoke'], []), null, "
        f"'{SUITE}', 12, '[]' from range({PER_RUN // 2}) t(n)"
    ),
    (
        f"insert into requests select sha256(variant || n), 'chat', '{MODEL}', 'openai', '[{{\"role\": \"user\", \"content\": \"Hello\"}}]', '{{}}', '[]', null, 0 "
        "from (select distinct variant, n from g)"
    ),
    (
        "insert into responses select run_id || '/main-1-ab#' || (i % 10000), run_id, sha256(variant || n), 'live', timestamp '2026-01-01', 0.001, 0.001, null, null, "
        "'Answer ' || i || ': ' || repeat('and so on ', 30), 'stop', 0.2 + luck / 100, 100, 50, 0, 0, 'm', 'r', '[]', null, false, [], null from g order by i"
    ),
    (
        f"insert into trials select run_id || '/' || {_TEST} || '#0', run_id, 'refunds', '{SUITE}', 'case-' || n, sha256('c' || n), variant, '{MODEL}', "
        f"variant || '-{MODEL}', 0, {_TEST}, if(luck < 10, 'fail', if(luck = 11, 'error', 'pass')), run_id || '/main-1-ab#' || (i % 10000), sha256(variant || n), "
        "'primary', if(n % 10 = 0, ['smoke'], []), null from g order by i"
    ),
    (
        f"insert into verdicts select run_id || '/' || {_TEST} || '#0', run_id, k, ['contains', 'json', 'rubric'][k + 1], ['content', 'shape', 'judge'][k + 1], "
        "if(k = 0 and luck < 10, 'fail', if(k = 2 and luck = 11, 'error', 'pass')), 'fail', 'expected this, found that', 1.0, '[]', 3 "
        "from g, range(3) t(k) order by i, k"
    ),
    (
        "insert into labels by name select trial_id, run_id, 'rubric' as check_name, hash(trial_id) % 5 > 0 as passed, 'ben' as labelled_by, "
        "timestamp '2026-02-01' as labelled_at, '' as comment from trials where hash(trial_id) % 400 = 1"
    ),
    (
        "insert into gates select distinct run_id, 'refunds', "
        f"'{SUITE}', 'candidate', 'pass_rate >= 0.85', 'passed', 'shown to be above', '{{}}', 9 from g order by run_id"
    ),
)


def make_store(project: Path, trials: int) -> list[str]:
    """Write the database of a project; the ids of its runs."""
    (project / "reports").mkdir(parents=True)
    (project / "pyproject.toml").write_text("[tool.evalkit]\n", encoding="utf-8")
    path = project / "reports" / DATABASE_FILE
    with opened(path, read_only=False) as connection:
        prepare(connection, path)
        connection.execute(_TRIALS, {"trials": trials})
        for statement in _FILL:
            connection.execute(statement)
        connection.checkpoint()
        return [row[0] for row in connection.execute("select run_id from runs order by run_id").fetchall()]


class Client:
    """One client of the server, which keeps its connection."""

    def __init__(self, url: str) -> None:
        found = re.fullmatch(r"http://([^:]+):(\d+)/\?token=(\S+)", url)
        assert found, url
        self._link = http.client.HTTPConnection(found[1], int(found[2]), timeout=60)
        self._headers = {"Authorization": f"Bearer {found[3]}"}

    def ask(self, path: str, **query: object) -> tuple[int, float, int]:
        """Status, seconds and bytes of one answer."""
        started = time.perf_counter()
        self._link.request("GET", path + (f"?{urlencode(query)}" if query else ""), headers=self._headers)
        reply = self._link.getresponse()
        size = len(reply.read())
        return reply.status, time.perf_counter() - started, size


def pages(runs: list[str], rng: random.Random, *, veil: Veil) -> dict[str, tuple[str, dict[str, object]]]:
    """One request of each page, about runs chosen by chance; ``veil`` names the pairs of their variants."""
    run, other, n = rng.choice(runs), rng.choice(runs), rng.randrange(PER_RUN // 2)
    label = f"{rng.choice(['baseline', 'candidate'])}-{MODEL}"
    return {
        "history": (
            "/history",
            {"suite": "refunds"},
        ),  # first: that it is being made is an answer, until what is made ahead is there
        "runs": ("/", {}),
        "older runs": ("/", {"before": run}),
        "suites": ("/history", {}),
        "run": (f"/runs/{run}", {}),
        "run, failed trials": (f"/runs/{run}", {"status": "fail", "check": "contains"}),
        "run, text": (f"/runs/{run}", {"text": f"answer {rng.randrange(1000)}"}),
        "run, tag, a later page": (f"/runs/{run}", {"tag": "smoke", "after": f"{SUITE}::case-{n}[{label}]"}),
        "trial": (f"/runs/{run}/trial", {"test": f"{SUITE}::case-{n}[{label}]"}),
        "page to label on": (f"/runs/{run}/label", {}),
        "answers to label": (f"/api/runs/{run}/answers", {"check": "rubric", "by": "ann"}),
        "pairs to label": (
            f"/api/runs/{run}/pairs",
            {"pair": veil.name("pair", run, f"baseline-{MODEL}", f"candidate-{MODEL}"), "by": "ann"},
        ),
        "agreement with people": (f"/runs/{run}/agreement", {}),
        "a case beside itself": (
            "/compare/case",
            {
                "run_a": run,
                "run_b": other,
                "label_a": label,
                "label_b": label,
                "suite_path": SUITE,
                "case": f"case-{n}",
            },
        ),
        "comparison, any two runs": ("/compare", {"a": run, "b": other}),
        "comparison, every flip": ("/compare", {"a": run, "b": other, "flips": "all"}),
        "comparison, seen before": ("/compare", {"a": f"{runs[-1]}:baseline", "b": f"{runs[-1]}:candidate"}),
    }


@dataclass(frozen=True)
class Taken:
    """One page: seconds of each request, and the server's mean CPU seconds for one, all its threads together."""

    seconds: list[float]
    cpu_s: float


def measure(client: Client, runs: list[str], veil: Veil, *, rounds: int, process: int) -> Iterator[tuple[str, Taken]]:
    """Every page ``rounds`` times."""
    rng = random.Random(1)
    for name in pages(runs, rng, veil=veil):
        seconds, before = [], cpu_s(process)
        for _ in range(rounds):
            path, query = pages(runs, rng, veil=veil)[name]
            status, took, _ = client.ask(path, **query)
            seconds.append(took)
            while status == 202:
                time.sleep(0.1)
                status, took, _ = client.ask(path, **query)
                seconds.append(took)
            assert status == 200, (name, status)
        yield name, Taken(seconds, (cpu_s(process) - before) / len(seconds))


def settle(client: Client, process: int) -> None:
    """Return when the server has nothing left to make ahead: it took less than a tenth of a core for a second."""
    while client.ask("/readyz")[0] != 200:
        time.sleep(0.1)
    before, now = -1.0, cpu_s(process)
    while now - before > 0.1:
        time.sleep(1.0)
        before, now = now, cpu_s(process)


def cpu_s(process: int) -> float:
    """CPU seconds of a process so far, its threads included."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="p50 and p95 of each page of evalkit serve with a big store.")
    parser.add_argument("--trials", type=int, default=1_000_000, help="trials in the store (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=50, help="requests per page (default: %(default)s)")
    parser.add_argument("--at-once", action="store_true", help="do not wait until everything is made ahead")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "project"
        started = time.monotonic()
        runs = make_store(project, options.trials)
        size = (project / "reports" / DATABASE_FILE).stat().st_size / 1e6
        print(
            f"{options.trials:,} trials in {len(runs)} runs, {size:.0f} MB, made in {time.monotonic() - started:.0f} s"
        )
        command = [sys.executable, "-c", "from evalkit.cli.main import main; main()", "serve", "--port", "0"]
        server = subprocess.Popen(command, cwd=project, stdout=subprocess.PIPE, text=True)
        try:
            assert server.stdout
            started = time.monotonic()
            url = re.search(r"http\S+", server.stdout.readline())
            assert url
            print(f"the server answers after {time.monotonic() - started:.1f} s")
            if not options.at_once:
                settle(Client(url[0]), server.pid)
                print(f"it has made everything ahead after {time.monotonic() - started:.0f} s")
            print(f"{'page':28} {'n':>4} {'p50 ms':>8} {'p95 ms':>8} {'first ms':>9} {'CPU ms':>8}")
            veil = veil_of(project / "reports")
            for name, taken in measure(Client(url[0]), runs, veil, rounds=options.rounds, process=server.pid):
                ms = sorted(1000 * one for one in taken.seconds)
                p95, first = ms[min(len(ms) - 1, int(0.95 * len(ms)))], 1000 * taken.seconds[0]
                print(
                    f"{name:28} {len(ms):4} {ms[len(ms) // 2]:8.0f} {p95:8.0f} {first:9.0f} {1000 * taken.cpu_s:8.0f}",
                    flush=True,
                )
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()
