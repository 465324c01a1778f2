"""Stored answers judged again: with other checks, without a call, as a run of its own that says what changed."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest
from fakes.eval_project import cases
from fakes.llm_server import LLMServer, error

import evalkit
from evalkit.config import load_config
from evalkit.errors import FATAL, RETRYABLE, CallError, ConfigError, SuiteError
from evalkit.harness.after.finish import finish_run
from evalkit.harness.before.planning import Planner
from evalkit.harness.during.runner import Runner
from evalkit.harness.during.stored import StoredAnswers
from evalkit.harness.rescoring import Change, rescore
from evalkit.model.calls import CallFailure
from evalkit.store.journal.reader import read_run

NAMES = ["Ana", "Ben", "Cem"]
SUITE = f"suite: hello\nprompt: hello:v1\n{cases(*NAMES)}\nchecks:\n  - contains: Hello\n"
STRICT = SUITE + "  - contains: {any: [Ana, Ben]}\n"


@pytest.fixture
def server(project, monkeypatch):
    """A live model that repeats the name it is told; whoever asks it again is counted."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789")
    with LLMServer(lambda asked: f"Hello {asked.question.removeprefix('I am ').removesuffix('.')}") as running:
        project.live(running.url)
        yield running


@pytest.fixture
def again(project):
    """Judge a run of the project again."""

    def judged(run: str = "latest", *suites: str):
        return rescore(load_config(project.root), run, suites)

    return judged


def statuses(done):
    return {result.trial.case.id: result.status for result in done.finished.report.results}


def test_changed_checks_are_judged_on_the_same_answers(project, server, again):
    """One answer does not pass the new check: one flip, told with the check that caused it, and nothing was asked."""
    project.suite(SUITE)
    first = evalkit.run()
    asked = len(server.requests)
    project.suite(STRICT)
    done = again()
    assert len(server.requests) == asked == 3
    assert statuses(done) == {"ana": "pass", "ben": "pass", "cem": "fail"}
    (flip,) = done.flips
    assert (flip.test_id.partition("::")[2], flip.repeat, flip.before, flip.after) == (
        "cem[v1-openai/gpt-5-mini]",
        0,
        "pass",
        "fail",
    )
    assert flip.changes == (Change("contains (2)", "absent", "fail"),)
    assert done.changes == {
        Change("contains (2)", "absent", "pass"): 2,
        Change("contains (2)", "absent", "fail"): 1,
    }
    assert (done.source, done.compared, done.notes) == (first.report.run.run_id, 3, ())
    assert [r.call.reply.text for r in done.finished.report.results] == ["Hello Ana", "Hello Ben", "Hello Cem"]


def test_it_is_a_run_of_its_own_that_cost_nothing(project, server, again):
    """Stored with its own id, it says whose answers it judged; what answers had cost is known, what was paid is nothing."""
    project.suite(SUITE)
    first = evalkit.run()
    done = again()
    run = done.finished.report.run
    assert run.run_id != first.report.run.run_id
    assert (run.mode, run.extra["rescored"], run.complete) == ("replay", first.report.run.run_id, True)
    assert set(evalkit.load().runs.run_id) == {first.report.run.run_id, run.run_id}
    calls = [result.call for result in done.finished.report.results]
    assert {call.source for call in calls} == {"replay"}
    assert {call.paid_usd for call in calls} == {0.0}
    assert [c.cost_usd for c in calls] == [result.call.cost_usd for result in first.report.results]
    assert done.finished.html.is_file()
    assert again(run.run_id[:20]).source == run.run_id, "and can itself be judged again"


def test_gates_decide_the_exit_code(project, server, again):
    """As in any run: a gate that is no longer met fails it."""
    project.suite(SUITE + "gates: [pass_rate == 1]\n")
    assert evalkit.run().exit_code == 0
    assert again().finished.exit_code == 0
    project.suite(STRICT + "gates: [pass_rate == 1]\n")
    assert again().finished.exit_code == 1


def test_an_answer_of_another_prompt_is_not_judged(project, server, again):
    """The text of the prompt changed: what is stored is no answer to it, and could not measure is what it says."""
    project.suite(SUITE)
    run = evalkit.run().report.run.run_id
    project.prompt("v1", tone="rude", model="openai/gpt-5-mini")
    done = again()
    assert set(statuses(done).values()) == {"error"}
    assert done.finished.exit_code == 3
    reply = done.finished.report.results[0].reply
    assert reply.kind == "replay_miss"
    assert f"not stored in run {run}" in reply.message
    assert len(server.requests) == 3


JUDGE = "  - rubric: {ask: 'Is it kind?', model: openai/judge}\n"


def test_a_judge_is_read_from_the_run_but_never_asked(project, server, again):
    """The verdict of the judge that the run asked is there; a new question to it is an error, beside checks that hold."""
    server._script = lambda asked: (
        json.dumps({"reason": "warm", "pass": True}) if asked.body["model"] == "judge" else "Hello you"
    )
    project.suite(SUITE + JUDGE)
    evalkit.run()
    asked = len(server.requests)
    done = again()
    assert set(statuses(done).values()) == {"pass"}
    assert done.changes == {}
    project.suite(SUITE + JUDGE.replace("kind", "short"))
    done = again()
    assert set(statuses(done).values()) == {"error"}
    verdicts = done.finished.report.results[0].verdicts
    assert [verdict.status for verdict in verdicts] == ["pass", "error"]
    assert "not stored in run" in verdicts[1].reason
    assert len(server.requests) == asked


def test_an_answer_that_failed_then_has_failed_now(project, server, again):
    """A failure is stored like an answer: it is not tried again, does not stop the run, and says what happened."""
    server._script = lambda asked: error(400, "too hot") if "Ben" in asked.question else "Hello"
    project.suite(SUITE)
    assert evalkit.run().exit_code == 3
    asked = len(server.requests)
    done = again()
    assert statuses(done) == {"ana": "pass", "ben": "error", "cem": "pass"}
    failed = next(result for result in done.finished.report.results if result.status == "error")
    assert "too hot" in failed.reply.message
    assert failed.reply.attempts == 1
    assert len(server.requests) == asked
    assert done.flips == ()


def test_a_key_that_was_refused_then_does_not_stop_the_others_now(project, server, again):
    """A fatal failure stops a live run; of a stored run everything that can be judged is."""
    server._script = lambda asked: error(401, "bad key") if asked.number else "Hello"
    project.configure(concurrency=1)
    project.live(server.url, concurrency=1)
    project.suite(SUITE)
    evalkit.run()
    done = again()
    assert sorted(statuses(done).values()) == ["error", "error", "pass"]


def test_cases_that_came_and_went_are_told(project, server, again):
    """What is new has no answer and is left out, so gates over all of the suite are not judged; what is gone is counted."""
    project.suite(SUITE + "gates: [pass_rate == 1]\n")
    evalkit.run()
    project.suite(SUITE.replace("Cem", "Dan").replace("cem", "dan") + "gates: [pass_rate == 1]\n")
    done = again()
    assert statuses(done) == {"ana": "pass", "ben": "pass"}
    assert [note.partition(" ")[0] for note in done.notes] == ["1", "1"]
    assert "no answer in the run" in done.notes[0]
    assert "not in the suites any more" in done.notes[1]
    assert [gate.status for gate in done.finished.report.gates] == ["not_judged"]


def test_repeats_are_judged_one_by_one(project, server, again):
    """Each repeat has its stored answer; a repeat that was never asked is an error."""
    server._script = lambda asked: f"Hello {asked.number}"
    project.suite(SUITE + "repeats: 2\n")
    evalkit.run()
    done = again()
    assert done.compared == 6
    assert done.finished.exit_code == 0
    project.suite(SUITE + "repeats: 3\n")
    assert sorted(result.status for result in again().finished.report.results).count("error") == 3


def test_suites_can_be_named(project, server, again):
    """Only those; a suite that the run did not hold has nothing to judge, and a wrong one is told before anything is written."""
    project.suite(SUITE)
    project.suite(SUITE.replace("suite: hello", "suite: other"), name="other")
    evalkit.run("suites/hello.yaml")
    assert again("latest", "suites/hello.yaml").compared == 3
    with pytest.raises(ConfigError, match="holds no answer to a case"):
        again("latest", "suites/other.yaml")
    runs = len(evalkit.load().runs)
    project.suite(SUITE.replace("contains", "contians"))
    with pytest.raises(SuiteError, match="did you mean 'contains'"):
        again()
    assert len(evalkit.load().runs) == runs


def test_a_suite_that_is_gone_is_told(project, server, again):
    """The rest of the run is judged."""
    project.suite(SUITE)
    project.suite(SUITE.replace("suite: hello", "suite: other"), name="other")
    evalkit.run()
    (project.root / "suites" / "other.yaml").unlink()
    done = again()
    assert done.compared == 3
    assert done.notes == ("suites/other.yaml was left out: it is not there any more",)


def test_without_a_run_there_is_nothing_to_judge(project, again):
    """The error says how to make one; an unknown run lists those there are."""
    project.suite(SUITE)
    with pytest.raises(ConfigError, match="there are no runs"):
        again()
    evalkit.run()
    with pytest.raises(ConfigError, match="there is no run '20990101'"):
        again("20990101")


def test_the_command_says_what_changed_and_exits_as_a_run(project, server):
    """Terminal text and JSON; a first word that is a file is a suite, else a run."""
    project.suite(SUITE)
    run = evalkit.run().report.run.run_id
    project.suite(STRICT)
    ran = project.evalkit("rescore")
    assert ran.code == 1
    assert f"run {run} judged again as run " in ran.out
    assert "contains (2): 1 × absent → fail" in ran.out
    assert "pass → fail: suites/hello.yaml::cem[v1-openai/gpt-5-mini]: contains (2) absent → fail" in ran.out
    assert "report: " in ran.out
    found = json.loads(project.evalkit("rescore", run[:18], "suites/hello.yaml", "--json").out)
    assert (found["schema"], found["source"], found["compared"]) == ("evalkit.rescore/1", run, 3)
    assert [flip["after"] for flip in found["flips"]] == ["fail"]
    assert project.evalkit("rescore", "suites/hello.yaml").code == 1
    unknown = project.evalkit("rescore", "nothing-like-a-run")
    assert unknown.code == 2
    assert "there is no run" in unknown.err
    assert len(server.requests) == 3


def test_what_was_skipped_stays_skipped(project, server, again):
    """A test without an answer on purpose is accounted for again, and not an error."""
    project.suite(SUITE)
    config = load_config(project.root)
    planner = Planner(config)
    plan = planner.plan(project.root / "suites" / "hello.yaml")
    runner = Runner(config, planner, run_id="20260101T000000-00000000", worker="main")
    runner.plan([plan], {test.test_id for test in plan.tests})
    runner.skip(plan.tests[0], "too slow")
    for test in plan.tests[1:]:
        runner.judge(test, runner.submit(test).result())
    runner.close()
    finish_run(config, planner, [plan], run_id="20260101T000000-00000000", interrupted=False)
    done = again()
    assert statuses(done) == {"ben": "pass", "cem": "pass"}
    assert done.finished.exit_code == 0
    assert done.finished.report.variants[0].skipped == 1


@pytest.mark.parametrize("kind", ["auth", "quota", "rate_limited", "timeout", "bad_response", "replay_miss"])
def test_a_stored_failure_neither_stops_the_run_nor_is_tried_again(project, server, again, kind):
    """Whatever it was then; and a fallback may be asked after it, as it was then."""
    project.suite(SUITE)
    run = evalkit.run().report.run.run_id
    records = read_run(project.root / "reports" / "journal" / run)
    stored = records.stored_calls[0]
    failed = replace(stored, call=replace(stored.call, reply=CallFailure(kind, "no", attempts=3)))
    answers = StoredAnswers(replace(records, stored_calls=(failed,)))
    with pytest.raises(CallError) as caught:
        asyncio.run(answers.complete(stored.call.request))
    assert caught.value.kind not in FATAL | RETRYABLE | {"replay_miss", "bad_response"}
    assert caught.value.message == f"no answer in run {run}: {kind}: no"
    both = StoredAnswers(replace(records, stored_calls=(stored, failed)))
    assert asyncio.run(both.complete(stored.call.request)) == stored.call.reply, "an answer is better than a failure"
