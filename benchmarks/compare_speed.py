"""``python -m benchmarks.compare_speed``: how long a comparison of two stored runs takes, beyond the start of Python and its imports.

Two runs of N cases, one trial each; every trial has verdicts of eight checks in seven families, which makes 20 metrics. Promise: 100,000 cases in
2 s, 500 in 0.1 s. The database is made by SQL, with the tables of evalkit. Beside it, the time for trials that are in memory already.
The time is that of the processor, of all threads: other programs on the machine do not count.
"""

from __future__ import annotations

import gc
import sys
import tempfile
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from evalkit.compare.compare import Wanted
from evalkit.harness.comparing.runs import compare_counted
from evalkit.harness.comparing.sides import Chosen, Named, compare_sides
from evalkit.model.results import Family, Measurement
from evalkit.store.counting.paired import paired_runs
from evalkit.store.database.connection import opened
from evalkit.store.database.ingest import DATABASE_FILE, ingest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from duckdb import DuckDBPyConnection

    from evalkit.harness.comparing.sides import Compared

PROMISED = {500: 0.1, 100_000: 2.0}
FAMILIES: tuple[Family, ...] = get_args(Family)
CHECKS = (*((f"check {family}", family) for family in FAMILIES), ("a second check", FAMILIES[0]))
RUNS = {"before": 1, "after": 2}

_VERDICTS = """
insert into verdicts select
  '{run}/suites/speed.yaml::case-' || lpad(i::varchar, 6, '0') || '[m]#0', '{run}', position, check_name, family,
  case when (case when hash(i, {seed}) % 20 = 0 then hash(i, position, {seed}) else hash(i, position) end) % 1000 < 970
    then 'pass' else 'fail' end, 'fail', 'as expected', null, '[]', 1
from range({cases}) numbers(i), checks
"""
_TRIALS = """
insert into trials select
  trial_id, '{run}', 'speed', 'suites/speed.yaml', split_part(split_part(trial_id, '::', 2), '[', 1) as case_id, sha256(case_id),
  'm', '', 'm', 0, 'suites/speed.yaml::' || case_id || '[m]', case when bool_and(status = 'pass') then 'pass' else 'fail' end,
  '{run}/main#' || case_id, sha256('{run}' || case_id), 'primary', [], null
from verdicts where run_id = '{run}' group by trial_id order by trial_id
"""
_RESPONSES = """
insert into responses (call_id, run_id, request_key, source, cost_usd, text, finish, latency_s, input_tokens, output_tokens) select
  call_id, '{run}', request_key, 'live', exp(-6 + hash(case_id, {seed}, 1) % 1000 / 500.0), 'an answer', 'stop',
  exp(hash(case_id, {seed}, 2) % 1000 / 500.0), 100 + hash(case_id, {seed}, 3) % 900, 10 + hash(case_id, {seed}, 4) % 490
from trials where run_id = '{run}'
"""
_ROWS = """
select t.case_id, t.case_digest, t.status, r.cost_usd, r.latency_s, r.input_tokens, r.output_tokens,
  (select list((check_name, family, status, severity) order by position) from verdicts v where v.trial_id = t.trial_id)
from trials t join responses r using (call_id) where t.run_id = '{run}'
"""


def main() -> int:
    """Print the time of each size, the best of three; exits with 1 above the promise."""
    late = False
    for cases, promised in PROMISED.items():
        with tempfile.TemporaryDirectory() as folder:
            database = stored_runs(Path(folder), cases)
            found = compare_stored(database)
            stored, memory = _best(partial(compare_stored, database)), _best(_in_memory(database))
        late |= stored > promised
        metrics = len(found.comparisons[0].metrics)
        print(
            f"{cases:>7,} cases × {metrics} metrics: {stored:.3f} s from the database (promised {promised} s), {memory:.3f} s in memory",
            flush=True,
        )
    return int(late)


def stored_runs(reports: Path, cases: int) -> Path:
    """A database with both runs."""
    database = reports / DATABASE_FILE
    ingest(reports / "journal", database)
    values = ", ".join(f"({place}, '{name}', '{family}')" for place, (name, family) in enumerate(CHECKS))
    with opened(database, read_only=False) as connection:
        connection.execute(
            f"create temp table checks as select * from (values {values}) t(position, check_name, family)"
        )
        for run, seed in RUNS.items():
            for sql in (_VERDICTS, _TRIALS, _RESPONSES):
                connection.execute(sql.format(run=run, seed=seed, cases=cases))
        connection.checkpoint()
    return database


def compare_stored(database: Path) -> Compared:
    """What ``evalkit compare before after --checks`` does once it knows which runs are meant."""
    with paired_runs(database, database.parent / "journal", *RUNS) as runs:
        if runs is None or runs.doubtful:
            raise AssertionError("the runs were just stored")
        return compare_counted(runs, *(Named(run, None, complete=True) for run in RUNS), Wanted(checks=True))


def _in_memory(database: Path) -> Callable[[], Compared]:
    with opened(database, read_only=True) as connection:
        sides = [Chosen(run, None, tuple(_measurements(connection, run))) for run in RUNS]
    return lambda: compare_sides(*sides, wanted=Wanted(checks=True))


def _measurements(connection: DuckDBPyConnection, run: str) -> Iterator[Measurement]:
    common = {
        "suite": "speed",
        "suite_path": "suites/speed.yaml",
        "variant": "m",
        "cell": "",
        "label": "m",
        "model": "m",
    }
    names = ("case_id", "case_digest", "status", "cost_usd", "latency_s", "input_tokens", "output_tokens")
    for *values, checks in connection.execute(_ROWS.format(run=run)).fetchall():
        yield Measurement(**common, **dict(zip(names, values, strict=True)), repeat=0, checks=tuple(checks))


def _best(work: Callable[[], object]) -> float:
    return min(_timed(work) for _ in range(3))


def _timed(work: Callable[[], object]) -> float:
    with _quiet():
        started = time.process_time()
        work()
        return time.process_time() - started


@contextmanager
def _quiet() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


if __name__ == "__main__":
    sys.exit(main())
