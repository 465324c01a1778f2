"""``evalkit purge``: what is deleted is nowhere any more, what stays is whole, and a purge that was interrupted is run again."""

from __future__ import annotations

import json
import shutil
import sqlite3

import duckdb
import pytest
from fakes.eval_project import Project, cases
from fakes.llm_server import LLMServer

from evalkit.harness.facts import describe_run
from evalkit.store import purge as steps
from evalkit.store.journal.writer import Journal

SUITE = f"suite: hello\nprompt: hello:v1\n{cases('Ana')}\nchecks: [contains: Hello]\n"
OLD, NEW = "quince-marmalade", "walnut-bread"


def contents(root):
    """Every byte below ``reports``, and every row of both databases as text."""
    reports = root / "reports"
    found = {path.relative_to(reports).as_posix(): path.read_bytes() for path in reports.rglob("*") if path.is_file()}
    with duckdb.connect(str(reports / "evalkit.duckdb"), read_only=True) as database:
        for (table,) in database.execute("select table_name from duckdb_tables()").fetchall():
            found[f"table {table}"] = json.dumps(database.table(table).fetchall(), default=str).encode()
    cache = sqlite3.connect(reports / "cache.sqlite")
    found["cache rows"] = json.dumps(cache.execute("select * from responses").fetchall()).encode()
    cache.close()
    return found


def holding(root, word):
    return {place for place, data in contents(root).items() if word.encode() in data}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A project with a run that was told of one thing, and one that was told of another; its ids, oldest first. Made once."""
    project = Project(tmp_path_factory.mktemp("made"))
    with pytest.MonkeyPatch.context() as patched, LLMServer(answer) as server:
        patched.setenv("OPENAI_API_KEY", "sk-test-0123456789")
        patched.delenv("OPENAI_BASE_URL", raising=False)
        patched.chdir(project.root)
        project.live(server.url)
        project.suite(SUITE)
        assert project.evalkit("run").code == 0
        (first,) = (project.root / "reports" / "journal").iterdir()
        project.suite(SUITE.replace("Ana", "Bob"))
        assert project.evalkit("run").code == 0
        (second,) = {path.name for path in first.parent.iterdir()} - {first.name}
        yield project.root, first.name, second


def answer(asked):
    return f"Hello, {OLD if 'Ana' in asked.question else NEW}!"


@pytest.fixture
def two_runs(made, project, monkeypatch):
    """A copy of that project, and the current folder."""
    root, first, second = made
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789")
    shutil.copytree(root, project.root, dirs_exist_ok=True)
    return project, first, second


def test_a_purged_run_leaves_no_byte_and_the_others_stay(two_runs):
    """Journal, cache, database, page and index; the run that stays is still served from the cache, listed and compared."""
    project, first, second = two_runs
    before = holding(project.root, OLD)
    assert {"table responses", "cache rows", "cache.sqlite", "evalkit.duckdb"} <= before
    assert len(before) == 5, "and the journal; the page packs its answers"
    ran = project.evalkit("purge", "--run", first, "--yes")
    assert ran.code == 0, ran.err
    assert f"{first}  " in ran.out
    assert "1 of 2 runs" in ran.out
    assert holding(project.root, OLD) == set()
    assert not (project.root / "reports" / first).exists()
    assert first not in (project.root / "reports" / "index.html").read_text(encoding="utf-8")
    assert "table responses" in holding(project.root, NEW)
    assert holding(project.root, "I am Ana") == set()
    served = project.evalkit("run")
    assert "0 paid" in served.out
    assert project.evalkit("export", second, "--to", "-").code == 0


def test_an_answer_that_another_run_was_given_too_is_found_again(two_runs):
    """Both asked the same question live: the cache forgets one answer and reads the other from the journal that stays."""
    project, first, second = two_runs
    assert project.evalkit("run", "--mode", "live").code == 0
    assert project.evalkit("purge", "--run", second, "--yes").code == 0
    assert "0 paid" in project.evalkit("run").out
    assert first in project.evalkit("history").out


@pytest.mark.parametrize("step", ["_forget", "without_runs", "_purge_batches", "_delete_journals", "shutil.rmtree"])
def test_a_purge_that_was_killed_is_run_again(two_runs, monkeypatch, step):
    """Whatever the last step was: the second purge finds the rest, and nothing of the other run is lost on the way."""
    project, first, second = two_runs

    def killed(*_args, **_kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(f"{steps.__name__}.{step}", killed)
        assert project.evalkit("purge", "--run", first, "--yes").code == 130
    project.evalkit("purge", "--older-than", "0d", "--dry-run")
    again = project.evalkit("purge", "--run", first, "--yes")
    if again.code:
        assert "there is no run" in again.err, "its journal is the last thing that goes"
        assert project.evalkit("purge", "--run", second, "--yes").code == 0
        assert holding(project.root, NEW) == set()
    assert holding(project.root, OLD) == set()


def test_by_age_and_by_prompt(two_runs):
    """Whole runs; several wishes must all fit. What fits nothing deletes nothing."""
    project, first, second = two_runs
    assert "0 of 2 runs" in project.evalkit("purge", "--older-than", "1h", "--yes").out
    assert "0 of 2 runs" in project.evalkit("purge", "--older-than", "1h", "--prompt", "hello", "--yes").out
    listed = project.evalkit("purge", "--prompt", "hello:v1", "--dry-run").out
    assert first in listed
    assert second in listed
    assert OLD.encode() in contents(project.root)["table responses"], "a dry run deletes nothing"
    assert project.evalkit("purge", "--older-than", "0d", "--yes").code == 0
    assert holding(project.root, OLD) | holding(project.root, NEW) == set()


def test_what_was_judged_again_goes_with_it(two_runs):
    """A rescored run holds the same answers."""
    project, first, _ = two_runs
    project.suite(SUITE)
    assert project.evalkit("rescore", first).code == 0
    ran = project.evalkit("purge", "--run", first, "--yes")
    assert f"holds the answers of {first}" in ran.out
    assert holding(project.root, OLD) == set()


def test_an_earlier_database_goes_too(two_runs):
    """``evalkit ingest --rebuild`` leaves one beside the new one."""
    project, first, _ = two_runs
    assert project.evalkit("ingest", "--rebuild").code == 0
    assert "evalkit.duckdb.old" in holding(project.root, OLD)
    assert project.evalkit("purge", "--run", first, "--yes").code == 0
    assert holding(project.root, OLD) == set()


@pytest.mark.parametrize("named", ["../precious", "", ".", "Journal", "journal", "batches", "{root}/precious"])
def test_a_database_names_no_folder_to_delete(two_runs, named):
    """A run of the database alone had the folder of its name deleted, wherever that was; now only its rows go."""
    project, first, second = two_runs
    for folder in ("precious", "reports/batches"):
        project.write(f"{folder}/note.txt", "keep me")
    with duckdb.connect(str(project.root / "reports" / "evalkit.duckdb")) as database:
        run_id = named.format(root=project.root)
        database.execute(f"insert into runs select ?, * exclude (run_id) from runs where run_id = '{first}'", [run_id])
    done = project.evalkit("purge", "--older-than", "0d", "--yes")
    assert done.code == 0, done.err
    assert "3 of 3 runs" in done.out
    assert (project.root / "precious" / "note.txt").exists()
    assert (project.root / "reports" / "journal").is_dir()
    assert not any(word in place for place in contents(project.root) for word in (first, second))


def test_nothing_is_deleted_while_a_run_is_in_progress(two_runs):
    """Its journal is locked as long as its process has it open. Then it is purged like any other."""
    project, first, _ = two_runs
    info = describe_run(run_id="20260101T000000-00000000", mode="live", root=project.root, command=["pytest"])
    journal = Journal(project.root / "reports" / "journal", info)
    ran = project.evalkit("purge", "--run", first, "--yes")
    assert ran.code == 3
    assert f"the run {info.run_id} is in progress" in ran.err
    assert "table responses" in holding(project.root, OLD)
    journal.close()
    assert project.evalkit("purge", "--run", first, "--yes").code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "say what"),
        (["--older-than", "soon"], "'soon' is no age"),
        (["--run", "20991231"], "there is no run"),
        (["--prompt", "helo"], "no stored run used the prompt 'helo'"),
        (["--older-than", "0d"], "nobody is there to be asked; add --yes"),
    ],
)
def test_a_mistake_deletes_nothing(two_runs, words, said):
    """Exit 2 and what to do."""
    project, _, _ = two_runs
    ran = project.evalkit("purge", *words)
    assert ran.code == 2
    assert said in ran.err
    assert "table responses" in holding(project.root, OLD)
