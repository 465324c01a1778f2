"""The end of a run: every planned trial in one drawer, and what happens when the rest cannot be written."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial

import pytest
from fakes.eval_project import cases

import evalkit
from evalkit.config import load_config
from evalkit.harness.after import outputs
from evalkit.harness.after.finish import finish_run
from evalkit.harness.after.lookback import look_back
from evalkit.harness.before.planning import Planner
from evalkit.harness.during.runner import Runner
from evalkit.store.database.connection import opened
from evalkit.store.database.ingest import DATABASE_FILE, ingest
from evalkit.store.database.rows import TABLES
from evalkit.store.journal.reader import read_run

SUITE = f"suite: hello\nprompt: hello:v1\n{cases('Ana', 'Bob', 'Cyd', 'Dee', 'Eve')}\nchecks: [contains: Hello]\n"
HOLD = "import duckdb, sys\nconnection = duckdb.connect(sys.argv[1])\nprint('held', flush=True)\nsys.stdin.read()\n"


def measured(project, *, judge, skip=()):
    """Plan the whole suite, measure the tests with the positions ``judge``, skip those of ``skip``, and end the run."""
    config = load_config(project.root)
    planner = Planner(config)
    plan = planner.plan(project.root / "suites" / "hello.yaml")
    runner = Runner(config, planner, run_id="run-1", worker="main")
    runner.plan([plan], {test.test_id for test in plan.tests})
    for position in judge:
        runner.judge(plan.tests[position], runner.submit(plan.tests[position]).result())
    for position in skip:
        runner.skip(plan.tests[position], "known")
    runner.close()
    return finish_run(config, planner, [plan], run_id="run-1", interrupted=False)


def row(done):
    (found,) = done.report.variants
    return {name: getattr(found, name) for name in ("passed", "failed", "errors", "skipped", "missing")}


def test_every_planned_trial_is_in_one_drawer(project):
    """Five planned: one passed, one failed, one skipped, two that nobody measured; incomplete, so exit 3."""
    project.configure(answers={"Bob": "no", "default": "Hello"})
    project.suite(SUITE)
    done = measured(project, judge=[0, 1], skip=[2])
    assert row(done) == {"passed": 1, "failed": 1, "errors": 0, "skipped": 1, "missing": 2}
    assert done.exit_code == 3
    assert done.report.verdict.startswith("COULD NOT MEASURE: INCOMPLETE; ")
    assert "2 of 5 planned trials measured (1 skipped, 2 missing)" in done.report.verdict
    assert done.report.run.planned == 5
    assert not done.report.run.complete


def test_skipped_trials_are_not_missing(project):
    """Skipped on purpose: the run is complete and green, and says how many."""
    project.suite(SUITE)
    done = measured(project, judge=[0, 1, 2], skip=[3, 4])
    assert (done.exit_code, done.report.run.complete) == (0, True)
    assert done.report.verdict == "PASSED: 3 of 5 planned trials measured (2 skipped)"


def test_errors_are_counted_in_the_denominator(project):
    """A missing recording is an error: 4 of 5 measured, the rate is over 5, exit 3."""
    project.suite(SUITE)
    project.configure(mode="replay")
    project.prompt("v1", tone="kind", model="openai/gpt-5-mini")
    done = measured(project, judge=range(5))
    assert row(done) == {"passed": 0, "failed": 0, "errors": 5, "skipped": 0, "missing": 0}
    assert done.exit_code == 3
    assert done.report.variants[0].interval.upper < 0.5


def test_a_failure_outranks_an_error(project):
    """One case definitely failed and four have no answer: no better provider makes this green, so it is 1, not 3."""
    project.suite(SUITE)
    project.configure(mode="replay")
    project.prompt("v1", tone="kind", model="openai/gpt-5-mini")
    messages = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "I am Bob."}]
    line = {"model": "openai/gpt-5-mini", "request": {"messages": messages}, "response": {"text": "no"}}
    project.write("suites/recordings/hello.jsonl", json.dumps(line))
    done = measured(project, judge=range(5))
    assert row(done) == {"passed": 0, "failed": 1, "errors": 4, "skipped": 0, "missing": 0}
    assert done.exit_code == 1


@pytest.fixture
def impatient(monkeypatch):
    """Wait a tenth of a second for the database instead of half a minute."""
    monkeypatch.setattr(outputs, "ingest", partial(ingest, wait_s=0.1))


def test_a_locked_database_is_a_problem_and_loses_nothing(project, impatient):
    """Another process holds the file: exit 3, the process is named, the report exists, and ingest brings all of it later."""
    project.suite(SUITE)
    first = evalkit.run()
    assert first.exit_code == 0
    database = project.root / "reports" / DATABASE_FILE
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, database], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout.readline() == "held\n"
        done = evalkit.run()
    assert done.exit_code == 3
    (problem,) = done.problems
    assert f"process {holder.pid} holds the database" in problem
    assert "nothing is lost" in problem
    assert done.html.is_file()
    assert any(line.startswith("problem: ") for line in done.closing_lines())
    assert len(read_run(project.root / "reports" / "journal" / done.report.run.run_id).results) == 5
    assert project.evalkit("ingest").code == 0
    assert list(evalkit.load().runs.run_id) == [first.report.run.run_id, done.report.run.run_id]


def test_a_database_that_is_none_is_a_problem_and_loses_nothing(project):
    """A foreign file in its place is not overwritten; --rebuild is named and makes a good one."""
    project.suite(SUITE)
    foreign = project.write(f"reports/{DATABASE_FILE}", "somebody else's file")
    ran = project.evalkit("run")
    assert ran.code == 3
    assert "problem: " in ran.out
    assert "evalkit ingest --rebuild" in ran.out
    assert foreign.read_text(encoding="utf-8") == "somebody else's file"
    assert project.evalkit("ingest", "--rebuild").code == 0
    assert len(evalkit.load().trials) == 5


def test_a_report_that_cannot_be_written_is_a_problem(project):
    """The page's folder is taken by a file: exit 3, everything else is stored."""
    project.suite(SUITE)
    project.write("reports/run-1", "a file where the folder should be")
    done = measured(project, judge=range(5))
    assert (done.exit_code, done.html) == (3, None)
    assert "the report could not be written" in done.problems[0]
    assert len(evalkit.load().trials) == 5


def test_an_interrupted_run_decides_nothing(project):
    """Gates of a run that did not end are not judged, whatever the measured part says."""
    project.suite(SUITE + "gates: [pass_rate == 1]\n")
    done = measured(project, judge=[0, 1])
    assert {gate.status for gate in done.report.gates} == {"not_judged"}
    assert done.exit_code == 3


def test_the_database_of_a_run_is_that_of_its_journals(project):
    """What a session stores from memory, with gates, a skip and follow-ups, is row by row what a rebuild reads from the journals."""
    project.configure(answers={"Bob": "no ü", "default": "Hello"})
    project.suite(SUITE + "gates: [pass_rate >= 0.1, p95(cost_usd) <= 1]\n")
    measured(project, judge=[0, 1, 3, 4], skip=[2])
    database = project.root / "reports" / DATABASE_FILE

    def contents():
        with opened(database, read_only=True) as connection:
            return {table.name: connection.execute(f"from {table.name} order by all").fetchall() for table in TABLES}

    before = contents()
    assert len(before["trials"]) == 4
    assert len(before["gates"]) == 2
    assert project.evalkit("ingest", "--rebuild").code == 0
    assert contents() == before


def test_the_page_does_not_wait_for_a_database_that_another_process_holds(project):
    """Earlier runs are left out at once, and a note says why; where nobody holds the file they are there."""
    project.suite(SUITE)
    project.evalkit("run")
    report = measured(project, judge=range(5)).report
    config = load_config(project.root)
    assert [len(history.points) for history in look_back(config, report).histories] == [2]
    database = project.root / "reports" / DATABASE_FILE
    command = [sys.executable, "-c", HOLD, str(database)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        alone = look_back(config, report)
        holder.communicate()
    assert alone.histories == ()
    assert "earlier runs and labels are not shown" in alone.notes[-1]
    assert str(holder.pid) in alone.notes[-1]
