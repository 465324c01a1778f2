"""A disk that fills up in the middle of a paid run, and a cache that cannot be made."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from fakes.eval_project import cases
from fakes.llm_server import LLMServer

if TYPE_CHECKING:
    from fakes.eval_project import PytestProject

NAMES = [f"N{number}" for number in range(60)]
SUITE = f"suite: hello\nprompt: hello:v1\n{cases(*NAMES)}\nchecks: [contains: Hello]\n"
LIMIT = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (45_000, resource.RLIM_INFINITY))\n"


@pytest.fixture
def server(project: PytestProject, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789")
    with LLMServer(lambda asked: "Hello") as running:
        project.live(f"{running.url}", concurrency=4)
        project.suite(SUITE)
        yield running


def test_a_disk_that_fills_up_loses_nothing_that_was_written(project: PytestProject, server: LLMServer) -> None:
    """No file may grow beyond 45 kB: the run stops with the reason and exit code 3; with space again only the rest is paid."""
    conftest = project.write("conftest.py", LIMIT)
    ran = project.run("suites")
    assert ran.ret == 3
    ran.stdout.fnmatch_lines(["*the journal cannot be written: File too large*"])
    assert "failed" not in ran.parseoutcomes(), "a case that could not be written down is an error"
    journaled = {
        record["call"]["request"]["messages"][-1]["content"] for record in readable(project) if record["t"] == "call"
    }
    assert 5 < len(journaled) < 60
    conftest.unlink()
    again = project.run("suites")
    again.stdout.fnmatch_lines([f"*{60 - len(journaled)} paid*{len(journaled)} from cache*"])
    assert again.ret == 0
    asked = Counter(one.question for one in server.requests)
    assert len(asked) == 60
    assert all(asked[question] == 1 for question in journaled)


def readable(project: PytestProject) -> list[dict[str, object]]:
    from evalkit.store.journal.lines import scan

    paths = (project.root / "reports" / "journal").glob("*/*.jsonl")
    records = [line.record for path in paths for line in scan(path)]
    return [record for record in records if record is not None]


def test_a_cache_that_cannot_be_made_is_told_before_anything_is_paid(project: PytestProject, server: LLMServer) -> None:
    """A folder stands where the cache should be: exit code 3, its path, and no request left."""
    (project.root / "reports" / "cache.sqlite").mkdir(parents=True)
    ran = project.run_here("suites")
    assert ran.ret == 3
    assert "cannot use the response cache" in ran.stdout.str() + ran.stderr.str()
    assert server.requests == []
