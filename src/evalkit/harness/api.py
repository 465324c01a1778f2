"""The Python API: run suites, load what was stored, compare. The same engine, store and statistics as under pytest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from evalkit.compare.compare import Wanted
from evalkit.config import find_root, load_config
from evalkit.harness.after.finish import finish_run
from evalkit.harness.before.discovery import suite_files
from evalkit.harness.before.planning import Planner
from evalkit.harness.comparing.runs import compare_named
from evalkit.harness.during.runner import Runner
from evalkit.harness.during.window import AHEAD, Window
from evalkit.harness.facts import new_run_id, utc_now
from evalkit.harness.options import RunOptions
from evalkit.store.database.frames import load_frames

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future

    from evalkit.compare.values import Comparison
    from evalkit.config import Config
    from evalkit.engine.trial import Answered
    from evalkit.harness.after.finish import Finished
    from evalkit.model.cases import PlannedTest
    from evalkit.model.results import Mode
    from evalkit.store.database.frames import Frames


def run(
    *suites: str | Path,
    root: str | Path | None = None,
    mode: Mode | None = None,
    concurrency: int | None = None,
    max_cost_usd: float | None = None,
) -> Finished:
    """Run suites without pytest and return the report, the exit code and the path of the HTML.

    ``suites`` are files, or folders for all suites in them, relative to the project; none means the project's suites folder. ``root`` is
    the project (default: found from the current folder upwards). ``concurrency`` is calls in flight per provider; no call is made that
    could take the run above ``max_cost_usd``. A failure that every later call would share (a bad key) ends the run: exit code 3.
    Raises SuiteError, PromptError, ConfigError or RecordingError before anything is called or written, StoreError when nothing can be written.
    """
    options = RunOptions(mode=mode, concurrency=concurrency, max_cost_usd=max_cost_usd)
    config = options.apply(project(root))
    planner = Planner(config)
    plans = [planner.plan(path) for path in suite_files(suites, config)]
    tests = [test for plan in plans for test in plan.tests]
    run_id = new_run_id(utc_now())
    runner = Runner(config, planner, run_id=run_id, worker="main")
    interrupted = True
    try:
        runner.plan(plans, {test.test_id for test in tests})
        _run_all(runner, tests, limit=AHEAD * config.concurrency)
        interrupted = False
    finally:
        runner.close()
        finished = finish_run(config, planner, plans, run_id=run_id, interrupted=interrupted)
    return finished


def load(root: str | Path | None = None) -> Frames:
    """Everything that was stored, as pandas frames (``runs``, ``trials``, ``verdicts``, ``requests``, …; see :class:`evalkit.store.database.frames.Frames`). Raises StoreError without a database."""
    return load_frames(project(root).folder("reports"))


def compare(
    a: str, b: str, *, root: str | Path | None = None, margin: float | None = None, confidence: float = 0.95
) -> tuple[Comparison, ...]:
    """Compare two sides, each a run id, ``latest``, a variant of the latest run, or ``RUN:VARIANT``: one Comparison per suite and cell.

    ``margin`` is the largest tolerated drop of the pass rate (0.02 is 2 percentage points). Raises ConfigError for an unknown side.
    """
    return compare_named(project(root), a, b, wanted=Wanted(confidence, margin)).comparisons


def project(root: str | Path | None) -> Config:
    """The configuration of the project at ``root``, or of the one that the current folder belongs to. Raises ConfigError."""
    return load_config(find_root(Path.cwd()) if root is None else Path(root))


def _run_all(runner: Runner, tests: Sequence[PlannedTest], *, limit: int) -> None:
    """Run the tests in order with ``limit`` of them in flight, until a fatal failure if there is one."""
    answers: dict[int, Future[tuple[Answered, ...]]] = {}

    def submit(test: PlannedTest) -> None:
        answers[id(test)] = runner.submit(test)

    window: Window[PlannedTest] = Window(tests, submit, limit=limit, slow_start=False)
    for test in tests:
        window.want(test)
        outcome = runner.judge(test, answers.pop(id(test)).result())
        window.done(test, passed=outcome.status == "pass")
        if runner.halted is not None:
            return
