"""A run that goes on while people look at it."""

from __future__ import annotations

import subprocess
import sys
import threading
from contextlib import chdir

import pytest
from fakes.eval_project import Project
from fakes.llm_server import LLMServer
from served import SUITE, start


@pytest.fixture
def gate():
    """Lets the model answer: one permit, one answer."""
    permits = threading.Semaphore(0)
    yield permits
    for _ in range(100):
        permits.release()


@pytest.fixture
def running(tmp_path, gate):
    """A project whose model answers when the test says so, and a server that looks on."""
    with LLMServer(lambda asked: "Hello!" if gate.acquire(timeout=60) else None) as model:
        project = Project(tmp_path)
        project.live(model.url, concurrency=2)
        project.prompt("v2", tone="very kind", model="openai/gpt-5-mini")
        project.suite(SUITE)
        served = start(tmp_path)
        yield project, served
        assert served.stop() == (0, "")


@pytest.fixture
def run_suite(monkeypatch):
    """Run a project's suite in a process of its own, which does not outlive the test."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    children = []

    def run(project) -> subprocess.Popen[bytes]:
        words = [sys.executable, "-m", "pytest", "suites", "-q", "-p", "no:cacheprovider"]
        children.append(subprocess.Popen(words, cwd=project.root, stdout=subprocess.DEVNULL))
        return children[-1]

    yield run
    for child in children:
        child.kill()
        child.wait()


def test_a_page_follows_a_run_from_its_first_answer_to_its_end(running, gate, visit, run_suite):
    """Counts and finished trials appear as they happen, without a reload; at the end the page is the stored run's."""
    project, served = running
    child = run_suite(project)
    live = served.until("/api/live", lambda runs: runs and runs[0]["planned"] == 6)[0]
    assert live["done"] == 0
    page = visit(served, f"/runs/{live['run_id']}")
    field = page.locator("[data-field=done]")
    assert field.inner_text() == "0"
    for _ in range(2):
        gate.release()
    page.locator("[data-trials] tr", has_text="ana").first.wait_for()
    assert int(field.inner_text()) in {1, 2}
    assert page.locator("[data-state]").inner_text() in {"in progress", "silent: it waits"}
    for _ in range(10):
        gate.release()
    assert child.wait(60) == 0
    page.wait_for_selector(".verdict.passed", timeout=30_000)
    assert "6 of 6 planned trials measured" in page.inner_text("#verdict-line")
    assert not page.complaints


def test_whoever_reconnects_gets_what_came_since(running, gate, run_suite):
    """An event's id is the last trial in it: with that id a new connection tells only later trials, and the end."""
    project, served = running
    child = run_suite(project)
    run_id = served.until("/api/live", lambda runs: runs and runs[0]["planned"])[0]["run_id"]
    for _ in range(3):
        gate.release()
    served.until("/api/live", lambda runs: runs and runs[0]["done"] >= 2)
    for _ in range(10):
        gate.release()
    told = served.ask(f"/api/runs/{run_id}/events", last_event_id="2").text  # ends with the run
    assert child.wait(60) == 0
    assert '"number": 3' in told
    assert '"number": 2,' not in told
    assert "event: stored" in told
    stored = served.get(f"/api/runs/{run_id}")["run"]
    assert (stored["complete"], stored["trials"]) == (True, 6)


def test_a_run_that_is_killed_while_watched_has_stopped_without_an_end(running, gate, visit, run_suite):
    """It leaves the runs in progress, its page becomes the stored run's by itself, and what it had measured is shown."""
    project, served = running
    child = run_suite(project)
    run_id = served.until("/api/live", lambda runs: runs and runs[0]["planned"] == 6)[0]["run_id"]
    page = visit(served, f"/runs/{run_id}")
    for _ in range(2):
        gate.release()
    served.until("/api/live", lambda runs: runs and runs[0]["done"] == 2)
    child.kill()
    page.locator(".verdict-label", has_text="stopped without an end").wait_for()
    page.locator(".trials tr[data-row]").nth(1).wait_for()
    assert page.locator(".trials tr[data-row]").count() == 2
    assert served.get("/api/live") == []
    page.goto(f"http://127.0.0.1:{served.port}/")
    assert "stopped without an end" in page.locator("tr[data-row]").first.inner_text()
    assert page.locator("[data-live]").count() == 0


def test_neither_stands_in_the_others_way(running, gate, run_suite):
    """While pages are asked without a pause a run goes through, its database is written, and no answer is missing or an error."""
    project, served = running
    for _ in range(6):
        gate.release()
    child = run_suite(project)
    statuses = []
    while child.poll() is None:
        statuses += [served.ask(path).status for path in ("/", "/api/runs", "/api/live", "/readyz")]
    assert set(statuses) == {200}
    assert child.returncode == 0
    with chdir(project.root):
        asked = project.evalkit(
            "sql", "select count(*) as n from trials"
        )  # opens the database that the server never holds
    assert asked.code == 0, asked.err
    assert "6" in asked.out
    run = served.until("/api/runs", lambda runs: runs and runs[0]["complete"])[0]
    assert (run["outcome"], run["trials"]) == ("passed", 6)
    assert served.ask(f"/runs/{run['run_id']}").status == 200


def test_a_purged_run_is_gone_from_the_pages(served, project):
    """When its journal is deleted while the server runs, its rows go too."""
    run_id = served.get("/api/runs")[1]["run_id"]
    folder = project.root / "reports" / "journal" / run_id
    folder.rename(project.root / "elsewhere")
    served.until("/api/runs", lambda runs: run_id not in [run["run_id"] for run in runs])
    assert served.ask(f"/api/runs/{run_id}").status == 404
    (project.root / "elsewhere").rename(folder)
    served.until("/api/runs", lambda runs: run_id in [run["run_id"] for run in runs])
