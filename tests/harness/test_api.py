"""The Python API: run, load, compare, without pytest and with the same numbers."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from fakes.eval_project import cases
from fakes.llm_server import LLMServer, error

import evalkit
from evalkit.errors import ConfigError, RecordingError, StoreError, SuiteError
from evalkit.harness.facts import describe_run, new_run_id

NAMES = [f"N{number}" for number in range(12)]
SUITE = f"suite: hello\nprompt: hello:v1\n{cases(*NAMES)}\nchecks: [contains: Hello]\n"
VARIANTS = SUITE.replace("prompt: hello:v1", "variants: {a: {prompt: hello:v1}, b: {prompt: hello:v2}}")


def asked(project):
    return sum(record["t"] == "call" for record in project.journal())


def test_a_run_returns_the_report_the_exit_code_and_the_page(project):
    """All suites of the project; the page and the database are there when it returns."""
    project.configure(answers={"I am N3.": "no", "default": "Hello"})
    project.suite(SUITE)
    done = evalkit.run()
    assert done.exit_code == 1
    assert done.html.is_file()
    assert (done.report.variants[0].passed, done.report.variants[0].failed) == (11, 1)
    assert done.report.run.complete
    assert done.problems == ()


def test_loaded_frames_hold_what_was_run(project):
    """Each trial with its case, answer, status and failed checks; each run; each gate."""
    project.configure(answers={"I am N3.": "no", "default": "Hello"})
    project.suite(SUITE + "gates: [pass_rate == 1]\n")
    done = evalkit.run()
    frames = evalkit.load()
    assert isinstance(frames.trials, pd.DataFrame)
    assert list(frames.runs.run_id) == [done.report.run.run_id]
    assert sorted(frames.trials.case_id) == sorted(name.lower() for name in NAMES)
    (failed,) = frames.trials[frames.trials.status == "fail"].itertuples()
    assert (failed.case_id, failed.answer) == ("n3", "no")
    assert len(frames.verdicts) == len(frames.calls) == 12
    assert list(frames.gates.status) == ["failed"]


def test_loading_needs_something_stored(project):
    """Before the first run the error says what makes a database."""
    with pytest.raises(StoreError, match="there is no database yet"):
        evalkit.load()


def test_variants_and_runs_are_compared(project):
    """The same comparison as the command's, as values."""
    project.suite(VARIANTS)
    first = evalkit.run().report
    project.configure(answers={"Be very kind.": "no", "default": "Hello"})
    (inside,) = evalkit.compare("a", "b")
    assert (inside.both_pass, inside.broken) == (12, 0)
    assert inside.sentence == first.comparisons[0].sentence
    evalkit.run()
    assert [one.b.variant for one in evalkit.compare(first.run.run_id, "latest")] == ["a", "b"]
    with pytest.raises(ConfigError, match="'c' is neither a run nor a variant"):
        evalkit.compare("a", "c")


def test_files_and_folders_may_be_named(project):
    """A suite is found in a folder inside, data and recordings are not suites, and a suite named twice runs once."""
    for name, place in (("paris", "suites/eu/p.yaml"), ("rome", "suites/eu/r.yml"), ("us", "suites/us.yaml")):
        project.write(place, f"suite: {name}\nprompt: hello:v1\n{cases('Ana')}\nchecks: [contains: Hello]\n")
    project.write("suites/data/rows.yaml", "- {id: a}\n")
    project.write("suites/recordings/notes.yaml", "- {id: a}\n")
    assert evalkit.run().report.run.planned == 3
    assert evalkit.run("suites/eu").report.run.planned == 2
    assert evalkit.run("suites/us.yaml", project.root / "suites" / "us.yaml").report.run.planned == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"mode": "ofline"}, "there is no mode 'ofline'"),
        ({"concurrency": 0}, "at least 1"),
        ({"max_cost_usd": -1}, "0 or more"),
        ({"max_cost_usd": float("nan")}, "0 or more"),
    ],
)
def test_an_option_that_no_run_can_have_is_refused(project, options, said):
    """A misspelt mode must not turn into calls that cost money."""
    project.suite(SUITE)
    with pytest.raises(ConfigError, match=said):
        evalkit.run(**options)
    assert not (project.root / "reports").exists()


def test_a_wrong_suite_is_told_before_anything_is_written(project):
    """One good and one wrong suite: nothing runs, no folder appears."""
    project.suite(SUITE)
    project.suite(SUITE.replace("suite: hello", "suite: other").replace("hello:v1", "helo:v1"), name="other")
    with pytest.raises(SuiteError, match="suites/other.yaml:2: .*helo"):
        evalkit.run()
    for wrong in ("suites/nothing.yaml", "nowhere"):
        with pytest.raises(SuiteError):
            evalkit.run(wrong)
    assert not (project.root / "reports").exists()


def test_a_project_without_suites_says_how_to_begin(project):
    """No folder, and an empty one."""
    with pytest.raises(ConfigError, match="there are no suites in"):
        evalkit.run()
    (project.root / "suites").mkdir()
    with pytest.raises(ConfigError, match="there are no suites in"):
        evalkit.run()


def test_a_damaged_recording_is_told_before_anything_is_written(project):
    """Replay with half of its answers would be a lie."""
    project.suite(SUITE)
    project.write("suites/recordings/hello.jsonl", '{"model": "openai/m", "requ\n')
    with pytest.raises(RecordingError, match="suites/recordings/hello.jsonl:1"):
        evalkit.run(mode="replay")
    assert not (project.root / "reports").exists()


def test_a_fatal_failure_ends_the_run_early(project, monkeypatch):
    """A bad key: a handful of requests instead of twelve, exit code 3, a report that says INCOMPLETE and what is missing."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789")
    project.suite(SUITE)
    with LLMServer(lambda question: error(401, "bad key")) as server:
        project.live(server.url)
        done = evalkit.run(concurrency=2)
    assert len(server.requests) <= 2
    assert done.exit_code == 3
    assert done.report.verdict.startswith("COULD NOT MEASURE: INCOMPLETE; ")
    row = done.report.variants[0]
    assert row.passed + row.failed == 0
    assert row.errors + row.missing == 12
    assert not done.report.run.complete


def test_the_ceiling_holds(project, monkeypatch):
    """max_cost_usd=0 makes no call; every case is an error."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789")
    project.suite(SUITE)
    with LLMServer() as server:
        project.live(server.url)
        done = evalkit.run(max_cost_usd=0)
    assert server.requests == []
    assert (done.exit_code, done.report.variants[0].errors) == (3, 12)


def test_it_runs_inside_an_event_loop(project):
    """A notebook has a running loop already."""
    project.suite(SUITE)

    async def notebook():
        return evalkit.run()

    assert asyncio.run(notebook()).exit_code == 0


def test_another_project_can_be_run_by_its_folder(project, tmp_path_factory, monkeypatch):
    """``root`` is what paths are relative to, whatever the current folder is."""
    project.suite(SUITE)
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert evalkit.run("suites/hello.yaml", root=project.root).exit_code == 0
    assert len(evalkit.load(project.root).runs) == 1
    assert asked(project) == 12


def test_a_reports_folder_that_cannot_be_made_costs_no_call(project, monkeypatch):
    """Nothing could be stored, so nothing is asked; the command exits 3 with one message."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789")
    project.suite(SUITE)
    project.write("reports", "a file where the folder should be")
    with LLMServer() as server:
        project.live(server.url)
        with pytest.raises(StoreError, match="cannot create the journal"):
            evalkit.run()
        ran = project.evalkit("run")
    assert server.requests == []
    assert ran.code == 3
    assert "cannot create the journal" in ran.out
    assert "the reports folder must be writable; nothing was called" in ran.out


def test_run_ids_sort_by_time():
    """Also within one second, so that ``latest`` is the latest."""
    start = datetime(2026, 11, 21, 10, 15, 0, 999_900, tzinfo=UTC)
    ids = [new_run_id(start + timedelta(microseconds=50 * step)) for step in range(5)]
    assert ids == sorted(ids)
    assert len({new_run_id(start) for _ in range(3)}) > 1


def test_the_facts_of_an_untrusted_run_start_no_filter_of_its_repository(tmp_path):
    """``git status`` compares changed files through the filters that ``.git/config`` names: whether they differ is not asked."""
    place, root = tmp_path / "elsewhere", tmp_path / "fork"
    place.mkdir()

    def git(*words):
        subprocess.run(["git", "-C", str(root), *words], check=True, capture_output=True)

    subprocess.run(["git", "init", "-q", str(root)], check=True)
    (root / ".gitattributes").write_text("* filter=evil\n", encoding="utf-8")
    (root / "a.txt").write_text("one\n", encoding="utf-8")
    git("add", ".")
    git("-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", "one")
    git("config", "filter.evil.clean", f"echo ran >> {place}/sign; cat")
    (root / "a.txt").write_text("two\n", encoding="utf-8")
    os.utime(root / "a.txt", (1, 1))
    info = describe_run(run_id="r", mode="replay", root=root, untrusted=True)
    assert (info.git_revision is not None, info.git_dirty) == (True, None)
    assert not (place / "sign").exists()
    assert describe_run(run_id="r", mode="replay", root=root).git_dirty is True
    assert (place / "sign").exists(), "of a trusted project it is asked: else this test shows nothing"


def test_a_run_knows_its_place(tmp_path, monkeypatch):
    """Outside git the revision is unknown, not wrong; the command is told without the folder of the program."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    info = describe_run(run_id="r", mode="cache", root=tmp_path, command=["/usr/bin/evalkit", "run", "-x"])
    assert (info.git_revision, info.git_branch, info.git_dirty) == (None, None, None)
    assert info.command == "evalkit run -x"
    assert info.python_version.startswith(f"{sys.version_info.major}.{sys.version_info.minor}")
