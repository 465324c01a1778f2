"""``evalkit history``: the runs of a project in lines that a person can scan."""

from __future__ import annotations

import subprocess

from fakes.eval_project import cases
from fakes.llm_server import LLMServer, error

SUITE = f"suite: hello\nprompt: hello:v1\n{cases('Ana', 'Bob', 'Cyd')}\nchecks: [contains: Hello]\n"


def test_without_runs_it_says_how_to_make_one(project):
    """An empty history is no error."""
    ran = project.evalkit("history")
    assert (ran.code, ran.out) == (0, "no runs yet; make one: pytest suites\n")


def test_runs_are_listed_newest_first_with_their_counts(project):
    """Run id, mode, state, passed of measured; -n limits; runs of one second keep their order."""
    project.suite(SUITE)
    assert project.evalkit("run").code == 0
    project.configure(answers={"Bob": "no", "default": "Hello"}, mode="live")
    assert project.evalkit("run").code == 1
    newest, oldest = project.evalkit("history").out.splitlines()
    assert newest.split()[1:3] == ["live", "complete"]
    assert oldest.split()[1:3] == ["cache", "complete"]
    assert "2/3 trials passed (errors 0)" in newest
    assert "3/3 trials passed (errors 0)" in oldest
    assert project.evalkit("history", "-n", "1").out.splitlines() == [newest]


def test_an_incomplete_run_says_what_was_not_measured(project, monkeypatch):
    """3 planned, 1 measured as an error: nobody may read it as a run of one."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789")
    project.suite(SUITE)
    with LLMServer(lambda asked: error(401, "bad key")) as server:
        project.live(server.url, concurrency=1)
        assert project.evalkit("run").code == 3
    (line,) = project.evalkit("history").out.splitlines()
    assert "incomplete" in line
    assert "0/1 trials passed (errors 1, not measured 2)" in line


def test_a_damaged_run_is_listed_and_hides_nothing(project):
    """One bad folder must not cost the list."""
    project.suite(SUITE)
    assert project.evalkit("run").code == 0
    project.write("reports/journal/20990101T000000-00000000/main-1-aa.jsonl", "garbage\n")
    ran = project.evalkit("history")
    assert ran.code == 0
    assert sorted(line.split()[1] for line in ran.out.splitlines()) == ["cache", "damaged"]


def test_the_revision_is_shown(project):
    """In a git repository each run tells the branch and commit it was made at."""
    project.suite(SUITE)
    git = ["git", "-C", str(project.root), "-c", "user.name=t", "-c", "user.email=t@example.com"]
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "one"]):
        subprocess.run([*git, *words], check=True, capture_output=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout
    assert project.evalkit("run").code == 0
    assert f"main {head[:10]}" in project.evalkit("history").out
