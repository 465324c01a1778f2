"""Recording a run: what is written, what is not, and that it answers again."""

from __future__ import annotations

import json

import pytest
from fakes.llm_server import LLMServer, error

SECRET = "tok-9f8e7d6c5b4a"
FAKE_KEY = "AKIAIOSFODNN7EXAMPLE"
SUITE = f"""
suite: hello
prompt: hello:v1
cases:
  - {{id: a, vars: {{customer: "{SECRET} and {FAKE_KEY}"}}}}
  - {{id: b, vars: {{customer: Bob}}}}
checks: [contains: Hello]
"""


@pytest.fixture
def recorded(project, monkeypatch):
    """A run that was recorded, of a case that holds secrets; returns the recording."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789")
    monkeypatch.setenv("SHOP_TOKEN", SECRET)
    project.suite(SUITE)
    with LLMServer(lambda _: "Hello!") as server:
        project.live(server.url)
        ran = project.evalkit("run", "--record")
        assert ran.code == 0, ran.out
        assert project.evalkit("run", "--record").code == 0
    return project.root / "suites" / "recordings" / "hello.jsonl"


def test_a_recording_holds_no_secret(recorded):
    """Neither from the environment nor in the format of a key."""
    text = recorded.read_text(encoding="utf-8")
    assert SECRET not in text
    assert FAKE_KEY not in text
    assert "sk-test" not in text
    assert "[REDACTED:SHOP_TOKEN]" in text


def test_an_answer_that_holds_a_secret_is_neither_recorded_nor_cached(project, monkeypatch):
    """Without its secret it is another answer: judged as if somebody had given it, it would pass a check for secrets. The run says so."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789")
    monkeypatch.setenv("SHOP_TOKEN", SECRET)
    project.suite(
        SUITE.replace("[contains: Hello]", "[not: {secrets: {}}]").replace("  - {id: b, vars: {customer: Bob}}\n", "")
    )
    with LLMServer(lambda _: f"Hello {SECRET} ghp_x7Kq2mVb9TzR4nWc8LsY1dHj6PfGa3Ue5QoI") as server:
        project.live(server.url)
        runs = [project.evalkit("run", "--record") for _ in range(2)]
        assert [ran.code for ran in runs] == [0, 0], runs[0].out
        assert len(server.requests) == 2
    assert "taken out of 1 answer before storing" in runs[0].out
    assert not (project.root / "suites" / "recordings" / "hello.jsonl").exists()
    assert project.evalkit("rescore", "latest").code == 3
    replies = [record["call"]["reply"] for record in project.journal() if record["t"] == "call"]
    assert "it cannot be judged again" in replies[-1]["message"]


def test_recording_twice_adds_nothing(recorded):
    """Two cases were recorded by two runs: two lines."""
    assert len(recorded.read_text(encoding="utf-8").splitlines()) == 2


def test_a_case_that_holds_a_secret_is_replayed(project, recorded, monkeypatch):
    """A suite about leaks has texts that look like keys: the recording answers them, on a machine without the keys too."""
    monkeypatch.delenv("OPENAI_API_KEY")
    monkeypatch.delenv("SHOP_TOKEN")
    ran = project.evalkit("run", "--mode", "replay")
    assert ran.code == 0, ran.out
    assert "2 replayed" in ran.out


@pytest.mark.parametrize(
    "failure",
    [error(404, "no such model", code="model_not_found"), error(500, "down", headers={"x-should-retry": "false"})],
    ids=["hopeless", "down"],
)
def test_a_stand_ins_answer_replays_as_its_own(project, monkeypatch, failure):
    """The failure is recorded beside it, so that a replay asks the spare as the run did; the key and the wait are not needed."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789")
    suite = SUITE.replace("checks:", "fallbacks: [openai/spare]\nchecks:")
    project.suite(suite)

    def script(asked):
        return "Hello from the spare" if asked.body["model"] == "spare" else failure

    with LLMServer(script) as server:
        project.live(server.url)
        assert project.evalkit("run", "--record").code == 0
    recorded = (project.root / "suites" / "recordings" / "hello.jsonl").read_text(encoding="utf-8")
    assert recorded.count('"model": "openai/spare"') == 2
    assert recorded.count('"failure": {"kind":') == 2
    monkeypatch.delenv("OPENAI_API_KEY")
    ran = project.evalkit("run", "--mode", "replay")
    assert ran.code == 0, ran.out
    assert "2 of 2 answers came from a fallback: openai/spare 2" in " ".join(ran.out.split())


def test_what_failed_once_is_recorded_when_it_answers(project, monkeypatch):
    """The answer takes the place of the failure: the next replay asks nobody else. A later failure does not take it back."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789")
    project.suite(SUITE.replace("checks:", "fallbacks: [openai/spare]\nchecks:"))
    down = error(500, "down", headers={"x-should-retry": "false"})
    for answers in (False, True, False):
        with LLMServer(lambda asked, a=answers: "Hello" if a or asked.body["model"] == "spare" else down) as server:
            project.live(server.url)
            assert project.evalkit("run", "--record", "--mode", "live").code == 0
    ran = project.evalkit("run", "--mode", "replay")
    assert ran.code == 0, ran.out
    assert "came from a fallback" not in ran.out


def test_recorded_failures_stop_nobody(project):
    """Forty failures of another day neither open a breaker nor refuse a key: the one case that was answered replays."""
    cases = "".join(f"  - {{id: c{n}, vars: {{customer: N{n}}}}}\n" for n in range(41))
    project.suite(
        f"suite: hello\nprompt: hello:v1\nmodels: [openai/m]\ncases:\n{cases}fallbacks: [{{answer: Hello}}]\nchecks: [contains: Hello]\n"
    )
    kinds = ["server", "timeout", "connection", "rate_limited"]
    lines = []
    for n in range(41):
        reply = (
            {"response": {"text": "Hello N40"}} if n == 40 else {"failure": {"kind": kinds[n % 4], "message": "then"}}
        )
        said = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": f"I am N{n}."}]
        lines.append(json.dumps({"model": "openai/m", "request": {"messages": said}, **reply}) + "\n")
    project.write("suites/recordings/hello.jsonl", "".join(lines))
    ran = project.evalkit("run", "--mode", "replay")
    assert ran.code == 0, ran.out
    assert "40 of 41 answers came from a fallback: canned answer 40" in " ".join(ran.out.split())


def test_scripted_and_replayed_answers_are_not_recorded(project):
    """Only what a model said is worth recording."""
    project.suite(SUITE)
    assert project.evalkit("run", "--record").code == 0
    assert not (project.root / "suites" / "recordings").exists()


def test_a_recording_that_cannot_be_written_is_a_problem(project, monkeypatch):
    """Exit 3 and the reason; the run itself is stored, and recording again costs nothing."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789")
    project.suite(SUITE)
    project.write("suites/recordings", "a file where the folder should be")
    with LLMServer(lambda asked: "Hello") as server:
        project.live(server.url)
        first = project.evalkit("run", "--record")
        (project.root / "suites" / "recordings").unlink()
        again = project.evalkit("run", "--record")
        assert len(server.requests) == 2
    assert first.code == 3
    assert "problem: the recordings could not be written" in first.out
    assert again.code == 0
    assert (project.root / "suites" / "recordings" / "hello.jsonl").is_file()


def test_recording_says_what_it_wrote(project, monkeypatch):
    """How many answers were new and in which file; that there was nothing to record, too."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789")
    project.suite(SUITE)
    assert "recorded: no answers (only those of a model" in project.evalkit("run", "--record").out
    with LLMServer(lambda _: "Hello!") as server:
        project.live(server.url)
        shown = [project.evalkit("run", "--record").out for _ in range(2)]
    assert "\nrecorded: 2 new answers in suites/recordings/hello.jsonl\nreport: " in shown[0]
    assert (
        "recorded: no new answers in suites/recordings/hello.jsonl; 2 recorded already, and left as they are"
        in shown[1]
    )
    assert "recorded" not in project.evalkit("run").out
