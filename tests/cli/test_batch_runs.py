"""Batch mode from the first submit to the gates, with both real SDKs against a batch server on loopback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace

import pytest
from fakes.batch_server import BatchServer
from fakes.eval_project import cases
from fakes.llm_server import Reply, error

from evalkit.harness.batch import mode as batching
from evalkit.harness.batch import submitting as batch_submitting
from evalkit.harness.batch import waiting as batch_waiting
from evalkit.providers.batch import BatchLimits
from evalkit.providers.openai import batch as openai_batch
from evalkit.store.batches import BatchLog

KEY = "sk-test-0123456789"
SUITE = f"suite: hello\nprompt: hello:v1\n{cases('Ana', 'Ben', 'Cem')}\nchecks: [contains: Hello]\n"
VERDICT = '{"reason": "it is kind", "pass": true}'
JUDGED = SUITE.replace("[contains: Hello]", "[contains: Hello, rubric: {ask: Kind?, model: anthropic/claude-sonnet-5}]")


@pytest.fixture
def server():
    with BatchServer(lambda asked: VERDICT if asked.path == "/v1/messages" else "Hello") as server:
        yield server


@pytest.fixture
def project(project, server, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    project.live(server.url)
    with (project.root / "pyproject.toml").open("a") as file:
        file.write(f'\n[tool.evalkit.providers.anthropic]\nbase_url = "{server.url}"\n')
    project.suite(SUITE)
    return project


def log_of(project) -> list[dict]:
    lines = (project.root / "reports" / "batches" / "log.jsonl").read_text().splitlines()
    return [json.loads(line[9:]) for line in lines]


def run_ids(project) -> set[str]:
    return {path.name for path in (project.root / "reports" / "journal").iterdir()}


def words(text: str) -> str:
    """Text as it would be on one line: the terminal wraps."""
    return " ".join(text.split())


def live_calls(project) -> list[dict]:
    return [r["call"] for r in project.journal() if r["t"] == "call" and r["call"]["source"] == "live"]


def test_submit_leave_come_back_and_be_done(project, server) -> None:
    """The first pass waits with exit code 3, an early look changes nothing, the last one is an ordinary run at half price."""
    first = project.evalkit("run", "--mode", "batch")
    assert first.code == 3
    assert "3 waiting" in first.out
    assert "submitted 1 batch, 3 requests" in first.out
    assert "evalkit run --resume" in first.out
    assert "waiting for batches (3 trials)" in words(first.out)
    early = project.evalkit("run", "--resume")
    assert early.code == 3
    assert "waiting for the batch" in early.out
    assert len(server.batches) == 1
    server.finish()
    done = project.evalkit("run", "--resume")
    assert done.code == 0
    assert "3 passed" in done.out
    assert (
        "3 paid ($0.0000242)" in done.out
    )  # 3 × (8 + 4 cached + 7 tokens) of gpt-5-mini at half of $0.25, $0.025 and $2 per million
    assert server.live == []
    assert project.evalkit("run").out.count("3 from cache") == 1, "the answers serve every later run"
    assert len(live_calls(project)) == 3


def test_a_judge_asks_in_the_next_round(project, server) -> None:
    """What a rubric asks about an answer is a batch of its own, with the other vendor; then everything is judged."""
    project.suite(JUDGED)
    assert project.evalkit("run", "--mode", "batch").code == 3
    server.finish()
    second = project.evalkit("run", "--resume")
    assert (second.code, "3 waiting" in second.out) == (3, True)
    assert [batch.vendor for batch in server.batches.values()] == ["openai", "anthropic"]
    server.finish()
    assert project.evalkit("run", "--resume").code == 0
    assert server.live == []


def test_a_comparison_leaves_out_what_waits(project, server) -> None:
    """An answer that is not there yet is no error and no case of its own, whether the run is ingested or read from its journals."""
    project.suite(SUITE.replace(cases("Ana", "Ben", "Cem"), cases("Ana", "Ben")))
    project.evalkit("run", "--mode", "batch")
    server.finish()
    first = run_ids(project)
    assert project.evalkit("run", "--resume").code == 0
    (before,) = run_ids(project) - first
    project.suite(SUITE)
    assert "1 waiting" in project.evalkit("run", "--mode", "batch").out
    (after,) = run_ids(project) - first - {before}
    for ingested in (False, True):
        if ingested:
            assert project.evalkit("ingest").code == 0
        (found,) = json.loads(project.evalkit("compare", before, after, "--format", "json").out)
        assert (found["n_paired"], found["errors"]["candidate"], found["only_candidate"]) == (2, 0, [])


def test_gates_wait_until_every_answer_is_there(project, server) -> None:
    """A gate is not judged, and not failed, by a pass that waits; it decides in the last one."""
    project.suite(SUITE + "gates: ['pass_rate >= 0.2']\n")
    first = project.evalkit("run", "--mode", "batch")
    assert first.code == 3
    assert "gate failed" not in first.out
    assert "1 gate not judged" in first.out
    server.answer = lambda asked: "Bye"
    server.finish()
    last = project.evalkit("run", "--resume")
    assert last.code in {1, 10}
    assert "1 of 1 gate " in words(last.out)


def test_waiting_goes_through_every_round(project, server, monkeypatch) -> None:
    """--wait looks with growing pauses and ends when nothing is missing, judges included: one command from submit to verdict."""
    monkeypatch.setattr(batch_waiting, "FIRST_PAUSE_S", 0.01)
    project.suite(JUDGED)
    over = threading.Event()

    def finish_now_and_then() -> None:
        while not over.wait(0.05):
            server.finish()

    vendor = threading.Thread(target=finish_now_and_then)
    vendor.start()
    try:
        ran = project.evalkit("run", "--mode", "batch", "--wait")
    finally:
        over.set()
        vendor.join()
    assert ran.code == 0
    assert len(server.batches) == 2


def test_single_failures_are_handed_in_again_and_given_up_after_three_batches(project, server) -> None:
    """Expired and errored entries and missing lines are retried alone; what fails in three batches is an error with its kind."""

    def outcomes(key: str, body: dict) -> str:
        question = body["messages"][-1]["content"]
        return "expired" if "Ana" in question else "lost" if "Ben" in question else "answered"

    server.outcomes = outcomes
    server.answer = lambda asked: error(500, "boom") if len(server.batches) == 1 else "Hello"
    project.evalkit("run", "--mode", "batch")
    server.finish(status="expired")
    second = project.evalkit("run", "--resume")
    assert "3 failed (server 1, timeout 2)" in words(second.out)
    assert [len(batch.entries) for batch in server.batches.values()] == [3, 3]
    server.finish()
    third = project.evalkit("run", "--resume")
    assert "1 answer came in" in third.out
    assert [len(batch.entries) for batch in server.batches.values()] == [3, 3, 2]
    server.finish()
    last = project.evalkit("run", "--resume")
    assert last.code == 3
    assert "2 errors" in words(last.out)
    assert "given up after 3 batches" in words(last.out)
    assert "no answer: timeout after 1 attempt:" in words(last.out), "there is nobody to ask again"
    assert len(server.batches) == 3


def test_a_request_that_can_never_work_is_not_handed_in_again(project, server) -> None:
    """A 400 for one entry is an error at once; asking the same again would be refused again."""
    server.answer = lambda asked: error(400, "bad tool") if "Ana" in asked.question else "Hello"
    project.evalkit("run", "--mode", "batch")
    server.finish()
    last = project.evalkit("run", "--resume")
    assert last.code == 3
    assert "bad_request" in last.out
    assert len(server.batches) == 1


def test_a_batch_that_the_vendor_refuses_names_the_line(project, server) -> None:
    """Only the request that is to blame becomes an error; the others go into another batch."""
    project.evalkit("run", "--mode", "batch")
    server.finish(status="failed", errors=[{"code": "invalid_request", "message": "no such tool", "line": 2}])
    second = project.evalkit("run", "--resume")
    assert "no such tool" in second.out
    assert [len(batch.entries) for batch in server.batches.values()] == [3, 2]


def test_answers_nobody_asked_for_are_left_out(project, server) -> None:
    """A line with a foreign custom id is counted in a note and measured by nobody; order does not matter."""
    foreign = {"response": {"status_code": 200, "body": {}}, "error": None}
    server.extra_lines = [{"custom_id": "f" * 64, **foreign}, {"custom_id": 7}, {}]
    project.evalkit("run", "--mode", "batch")
    server.finish()
    done = project.evalkit("run", "--resume")
    assert done.code == 0
    assert "3 that nobody asked for were left out" in words(done.out)


def test_a_kill_after_the_submit_does_not_submit_twice(project, server) -> None:
    """SIGKILL between the vendor's answer and our note: the next pass finds the batch by its marker and takes it in."""
    cut = threading.Event()

    def fault(method: str, path: str) -> Reply | None:
        if (method, path) != ("POST", "/v1/batches"):
            return None
        cut.set()
        process.send_signal(signal.SIGKILL)
        return Reply(drop="before")

    server.fault = fault
    command = [sys.executable, "-c", "from evalkit.cli.main import main; main()", "run", "--mode", "batch"]
    process = subprocess.Popen(command, cwd=project.root, env=dict(os.environ), stdout=subprocess.DEVNULL)
    assert cut.wait(60)
    process.wait(30)
    assert [record["t"] for record in log_of(project)] == ["batches", "command", "intent"]
    server.fault = lambda method, path: None
    server.finish()
    done = project.evalkit("run", "--resume")
    assert done.code == 0
    assert len(server.batches) == 1
    assert len(set(server.custom_ids)) == len(server.custom_ids) == 3


def test_a_submit_that_never_arrived_is_done_again_but_not_at_once(project, server, monkeypatch) -> None:
    """A vendor's list may lag, so a batch that it does not list is looked for again; a minute later it is handed in anew."""
    server.fault = lambda method, path: error(500) if (method, path) == ("POST", "/v1/batches") else None
    first = project.evalkit("run", "--mode", "batch")
    assert "it is not known whether openai took a batch of 3" in words(first.out)
    assert "3 trials may not have been handed in (openai: server)" in words(first.out)
    server.fault = lambda method, path: None
    early = project.evalkit("run", "--resume")
    assert "does not list the batch" in words(early.out)
    assert server.batches == {}
    monkeypatch.setattr(batching, "UNCLEAR_S", 0.0)
    project.evalkit("run", "--resume")
    assert len(server.batches) == 1


def test_an_anthropic_batch_without_its_id_is_found_by_age_and_size(project, server) -> None:
    """There is no marker at Anthropic: the batch is taken for ours, and its results prove it."""
    project.prompt("v1", tone="kind", model="anthropic/claude-sonnet-5")
    server.answer = lambda asked: "Hello"
    server.fault = lambda method, path: Reply(drop="before") if (method, path[-8:]) == ("POST", "/batches") else None
    assert "it is not known whether anthropic took" in words(project.evalkit("run", "--mode", "batch").out)
    server.fault = lambda method, path: None
    server.finish()
    assert project.evalkit("run", "--resume").code == 0
    assert len(server.batches) == 1


def test_somebody_elses_batch_of_the_same_size_is_let_go(project, server) -> None:
    """When the results of the batch that was found are not ours, it is forgotten, and ours is handed in."""
    project.prompt("v1", tone="kind", model="anthropic/claude-sonnet-5")
    server.answer = lambda asked: "Hello"
    server.fault = lambda method, path: Reply(drop="before") if (method, path[-8:]) == ("POST", "/batches") else None
    project.evalkit("run", "--mode", "batch")
    theirs = next(iter(server.batches.values()))
    theirs.entries = [(f"other-{number}", path, body) for number, (_, path, body) in enumerate(theirs.entries)]
    server.fault = lambda method, path: None
    server.finish()
    second = project.evalkit("run", "--resume")
    assert second.code == 3
    assert len(server.batches) == 2
    assert "closed" not in [record["t"] for record in log_of(project)], "it is no failure of our requests"
    server.finish()
    assert project.evalkit("run", "--resume").code == 0


def test_ours_is_found_behind_somebody_elses_batch_of_the_same_size(project, server) -> None:
    """An older stranger is looked at first and passed by: ours is not handed in, and paid, a second time."""
    project.prompt("v1", tone="kind", model="anthropic/claude-sonnet-5")
    server.answer = lambda asked: "Hello"
    server.fault = lambda method, path: Reply(drop="before") if (method, path[-8:]) == ("POST", "/batches") else None
    project.evalkit("run", "--mode", "batch")
    (name, ours), *_ = server.batches.items()
    strangers = [(f"other-{number}", path, body) for number, (_, path, body) in enumerate(ours.entries)]
    theirs = replace(ours, id=f"{name}_theirs", entries=strangers, lines=[])
    server.batches = {theirs.id: theirs, name: ours}
    server.fault = lambda method, path: None
    server.finish()
    assert project.evalkit("run", "--resume").code == 0
    assert len(server.batches) == 2


def test_a_wrong_key_is_one_message(project, server) -> None:
    """401 at the submit leaves no batch behind and no key in the output; 401 at a look stops before anything is measured."""
    server.fault = lambda method, path: error(401, f"Incorrect API key provided: {KEY}")
    first = project.evalkit("run", "--mode", "batch")
    assert first.code == 3
    assert first.out.count("refused a batch of 3: auth") == 1
    assert KEY not in first.out + first.err
    assert log_of(project)[-1]["t"] == "dropped"
    server.fault = lambda method, path: None
    project.evalkit("run", "--mode", "batch")
    server.fault = lambda method, path: error(401, f"Incorrect API key provided: {KEY}")
    look = project.evalkit("run", "--resume")
    assert look.code == 3
    assert (look.out + look.err).count("cannot be looked at") == 1
    assert KEY not in look.out + look.err
    server.fault = lambda method, path: None
    server.finish()
    assert project.evalkit("run", "--resume").code == 0, "nothing is lost"


@pytest.mark.parametrize(("reply", "kind"), [
    (error(401, "Incorrect API key"), "auth"),
    (error(429, "You exceeded your current quota", code="insufficient_quota"), "quota"),
    (error(400, "Invalid file format for Batch API"), "bad_request"),
    (error(413, "too large"), "too_long"),
    (error(503, "try later", headers={"retry-after-ms": "1"}), "overloaded"),
])  # fmt: skip
def test_what_cannot_be_handed_in_says_so_and_is_handed_in_later(project, server, reply, kind) -> None:
    """A file that is refused, or cannot be uploaded at all, is no batch to wait for: why is said, nothing is lost, --resume goes on."""
    server.fault = lambda method, path: reply if (method, path) == ("POST", "/v1/files") else None
    first = project.evalkit("run", "--mode", "batch")
    said = words(first.out)
    assert first.code == 3
    assert f"COULD NOT MEASURE 3 trials could not be handed in (openai: {kind})" in said
    assert "0 paid ($0), 3 waiting" in said
    assert "waiting for batches" not in said
    assert "go on with: evalkit run --resume" in said
    server.fault = lambda method, path: None
    assert "submitted 1 batch, 3 requests" in project.evalkit("run", "--resume").out
    server.finish()
    assert project.evalkit("run", "--resume").code == 0
    assert len(server.custom_ids) == 3


def test_one_vendor_that_refuses_does_not_hold_up_another(project, server) -> None:
    """What one provider does not take is told beside what waits at the other, also in the later batches of the same provider."""
    project.suite(
        SUITE.replace(
            "prompt: hello:v1", "prompt: hello:v1\nmodels: [openai/gpt-5-mini, openai/gpt-5, anthropic/claude-sonnet-5]"
        )
    )
    server.fault = lambda method, path: error(403, "no batches for you") if path == "/v1/files" else None
    said = words(project.evalkit("run", "--mode", "batch").out)
    assert "6 trials could not be handed in (openai: auth); waiting for batches (3 trials)" in said
    assert said.count("no batches for you") == 1


def test_a_missing_key_hands_nothing_in(project, server, monkeypatch) -> None:
    """Without a key the run stops at once and says what to do."""
    monkeypatch.delenv("OPENAI_API_KEY")
    (project.root / "pyproject.toml").write_text("[tool.evalkit]\n")
    ran = project.evalkit("run", "--mode", "batch")
    assert ran.code == 2
    assert "OPENAI_API_KEY is not set" in ran.err
    assert server.asked == []


def test_the_ceiling_is_respected_before_anything_is_handed_in(project, server) -> None:
    """Only as many requests go out as could be paid at worst, what is open counted; --max-calls and --max-tokens likewise."""
    assert "3 requests were not handed in" in words(project.evalkit("run", "--mode", "batch", "--max-cost", "0").out)
    assert server.batches == {}
    project.evalkit("run", "--mode", "batch", "--max-calls", "2")
    assert len(server.custom_ids) == 2
    again = project.evalkit("run", "--mode", "batch", "--max-calls", "2")
    assert "1 request was not handed in" in words(again.out)
    assert "1 trial could not be handed in (a ceiling); waiting for batches (2 trials)" in words(again.out)
    assert len(server.custom_ids) == 2
    server.finish()
    project.evalkit("run", "--mode", "batch", "--max-tokens", "10000")
    assert len(server.custom_ids) == 3


def test_batches_are_cut_by_the_vendors_limits_and_by_model(project, server, monkeypatch) -> None:
    """OpenAI takes one model per file and so many requests."""
    monkeypatch.setattr(openai_batch.OpenAIBatches, "limits", BatchLimits(requests=2, size=10**6, inputs=100))
    project.suite(SUITE.replace("prompt: hello:v1\n", "prompt: hello:v1\nmodels: [openai/gpt-5-mini, openai/gpt-5]\n"))
    ran = project.evalkit("run", "--mode", "batch")
    assert "submitted 4 batches, 6 requests" in ran.out
    assert sorted(len(batch.entries) for batch in server.batches.values()) == [1, 1, 2, 2]
    server.finish()
    assert project.evalkit("run", "--resume").code == 0


def test_a_damaged_log_is_a_clear_error(project, server) -> None:
    """A changed record stops every batch run before anything is handed in; a torn last one is dropped."""
    project.evalkit("run", "--mode", "batch")
    path = project.root / "reports" / "batches" / "log.jsonl"
    assert path.stat().st_mode & 0o777 == 0o600
    sound = path.read_bytes()
    path.write_bytes(sound.replace(b'"size":3', b'"size":4'))
    ran = project.evalkit("run", "--mode", "batch")
    assert ran.code == 3
    assert "is damaged, so it is not known which batches are open" in words(ran.out + ran.err)
    assert len(server.batches) == 1
    path.write_bytes(sound + b"0123")
    server.finish()
    assert project.evalkit("run", "--resume").code == 0


def test_a_vendor_that_is_down_loses_nothing(project, server, monkeypatch) -> None:
    """A look that fails leaves the batch open; a download that breaks off is done again, and no answer is counted twice."""
    monkeypatch.setattr(batch_submitting, "backoff", lambda *_: 0.0)
    project.evalkit("run", "--mode", "batch")
    server.fault = lambda method, path: error(503, "busy")
    assert "could not be looked at" in words(project.evalkit("run", "--resume").out)
    server.finish()
    server.fault = lambda method, path: Reply(drop="midway") if path.endswith("/content") else None
    assert "could not be looked at" in words(project.evalkit("run", "--resume").out)
    assert 0 < len(live_calls(project)) < 3
    server.fault = lambda method, path: None
    assert project.evalkit("run", "--resume").code == 0
    assert len(live_calls(project)) == 3


def test_an_answer_without_an_end_is_not_asked_for_for_ever(project, server) -> None:
    """A finish reason nobody knows is never served from the cache: it is paid, tried in three batches, and then an error."""
    server.answer = lambda asked: Reply(json.loads(json.dumps(openai_body(asked)).replace('"stop"', '"odd"')))
    project.evalkit("run", "--mode", "batch", "-k", "ana")
    for _ in range(3):
        server.finish()
        last = project.evalkit("run", "--resume")
    assert "bad_response" in last.out
    assert len(server.batches) == 3


def openai_body(asked):
    from fakes.llm_server import default_body

    return default_body(asked, "Hello")


def test_resume_repeats_the_selection(project, server) -> None:
    """What was selected is selected again, from any folder of the project; without batches there is nothing to resume."""
    assert project.evalkit("run", "--resume").code == 2
    project.evalkit("run", "suites/hello.yaml", "-k", "ben", "--mode", "batch")
    server.finish()
    done = project.evalkit("run", "--resume")
    assert done.code == 0
    assert "1 passed, 2 deselected" in done.out


def test_resume_and_wait_belong_to_batch_mode(project) -> None:
    """A word that would have no effect is refused."""
    assert project.evalkit("run", "--wait").code == 2
    assert project.evalkit("run", "--resume", "--mode", "live").code == 2


def test_a_test_in_python_waits_too(project, server) -> None:
    """It is skipped while its answer, or what its judge asks, is in a batch; the run is not complete before it is measured."""
    project.write(
        "test_hello.py",
        "def test_it(evalkit):\n"
        "    answer = evalkit.ask('hello:v1', customer='Ana')\n"
        "    answer.check('rubric', {'ask': 'Kind?', 'model': 'anthropic/claude-sonnet-5'})\n",
    )
    for passes in ("batch", "batch"):
        waiting = project.evalkit("run", "test_hello.py", "--mode", passes)
        assert (waiting.code, "1 skipped" in waiting.out) == (3, True)
        server.finish()
    assert project.evalkit("run", "--resume").code == 0
    assert len(server.batches) == 2


def test_workers_cannot_share_batches(project, server) -> None:
    """With -n nothing is handed in, and the message says what to do."""
    ran = project.evalkit("run", "--mode", "batch", "-n", "1")
    assert ran.code != 0
    assert "without -n" in ran.out + ran.err
    assert server.asked == []


def test_another_process_holds_the_batches(project, server) -> None:
    """Two sessions at once would hand in the same requests twice: the second is told to wait."""
    project.evalkit("run", "--mode", "batch")
    log = BatchLog(project.root / "reports" / "batches")
    try:
        ran = project.evalkit("run", "--mode", "batch")
    finally:
        log.close()
    assert ran.code == 3
    assert "another process works with the batches" in words(ran.out + ran.err)


def test_scripted_answers_need_no_batch(project, server) -> None:
    """Scripted answers cost nothing and come at once, also beside batches."""
    project.prompt("v1", tone="kind", model="scripted/m")
    project.configure(answers={"default": "Hello"})
    assert project.evalkit("run", "--mode", "batch").code == 0
    assert server.asked == []
