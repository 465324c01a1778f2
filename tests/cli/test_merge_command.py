"""``evalkit merge``: the shards of a pipeline are one run, or exit 3 says why they cannot be."""

from __future__ import annotations

import json
import shutil

import pytest
from fakes.eval_project import cases

SUITE = f"""suite: hello
variants:
  one: {{prompt: hello:v1}}
  two: {{prompt: hello:v2}}
{cases("Ana", "Bob", "Cyd", "Dan")}
checks: [contains: Hello]
gates: [pass_rate == 1]
"""


@pytest.fixture
def sharded(project):
    """A project whose suite ran in two jobs, each with a reports folder of its own."""
    project.suite(SUITE)
    for number, chosen in enumerate(("ana or bob", "cyd or dan")):
        job(project, f"shard-{number}", "-k", chosen)
    return project


def job(project, name, *words):
    """One CI job: its reports are moved away, as an artefact is."""
    assert project.evalkit("run", *words).code in {0, 1}
    shutil.move(project.root / "reports", project.root / "artifacts" / name)


def rows(project):
    return project.evalkit(
        "sql", "select count(*) as n, count(distinct trial_id) as d from trials", "--format", "json"
    ).out


def test_shards_are_judged_as_the_whole_suite(sharded):
    """Each shard ran a part and judged no gate; merged, all eight trials are there, gates and comparison speak, the page is written."""
    ran = sharded.evalkit("merge", "--shards", "2", "artifacts/shard-0", "artifacts/shard-1", "--json", "run.json")
    assert (ran.code, ran.err) == (0, "")
    assert "2 shards with 8 trials are run" in ran.out
    document = json.loads((sharded.root / "run.json").read_text())
    assert [gate["status"] for gate in document["gates"]] == ["passed", "passed"]
    assert document["comparisons"][0]["n_paired"] == 4
    assert (document["run"]["complete"], document["run"]["partial"], document["run"]["planned"]) == (True, False, 8)
    assert len(document["run"]["extra"]["merged"]) == 2
    assert (sharded.root / "reports" / document["run"]["run_id"] / "index.html").is_file()


def test_a_merged_run_is_the_run_that_was_not_sharded(sharded):
    """The same verdict, rates and answers as of one process; only ids, times and what it was made of differ."""
    sharded.evalkit("merge", "artifacts/shard-1", "artifacts/shard-0", "--json", "merged.json")
    sharded.evalkit("run", "--evalkit-json", "whole.json")
    merged, whole = (json.loads((sharded.root / name).read_text()) for name in ("merged.json", "whole.json"))
    for part in ("outcome", "verdict", "gates", "comparisons", "variants"):
        assert merged[part] == whole[part], part
    answers = [
        sorted((r["test_id"], r["repeat"], r["call"]["response"]["text"]) for r in one["results"])
        for one in (merged, whole)
    ]
    assert answers[0] == answers[1]


def test_merging_twice_adds_nothing(sharded):
    """In whatever order the shards are named: the same run, the same rows, and it says so."""
    first = sharded.evalkit("merge", "artifacts/shard-0", "artifacts/shard-1")
    before = rows(sharded)
    (home,) = (sharded.root / "reports" / "journal").iterdir()
    files = {path.name: path.read_bytes() for path in home.iterdir()}
    again = sharded.evalkit("merge", "artifacts/shard-1", "artifacts/shard-0", "artifacts/shard-0")
    assert (first.code, again.code) == (0, 0)
    assert "nothing is added" in again.out
    assert rows(sharded) == before
    assert {path.name: path.read_bytes() for path in home.iterdir()} == files
    assert again.out.splitlines()[1:] == first.out.splitlines()[1:]
    assert json.loads(before) == [{"n": 8, "d": 8}]
    assert len(list((sharded.root / "reports" / "journal").iterdir())) == 1


def test_a_missing_shard_is_incomplete(sharded):
    """Tests of the suite that no shard ran are listed, no gate is judged, and the exit code is 3; so with too few shards."""
    ran = sharded.evalkit("merge", "artifacts/shard-0")
    assert ran.code == 3
    assert [line.partition("[")[0] for line in ran.err.splitlines()] == [
        f"missing: suites/hello.yaml::{name}" for name in ("cyd", "cyd", "dan", "dan")
    ]
    assert "INCOMPLETE" in ran.out
    assert "not judged" in ran.out.lower()
    few = sharded.evalkit("merge", "--shards", "3", "artifacts/shard-0", "artifacts/shard-1")
    assert (few.code, few.err) == (
        3,
        "error: 3 shards were expected, 2 named\n  hint: name the reports folder of every job; a job that wrote none did not run\n",
    )


def test_shards_that_contradict_each_other_are_refused(sharded):
    """One trial with two answers: both shards and the trial are named, and nothing is written."""
    sharded.configure(answers={"Bob": "Hello, but otherwise", "default": "Hello!"})
    job(sharded, "again", "-k", "bob")
    ran = sharded.evalkit("merge", "artifacts/shard-0", "artifacts/shard-1", "artifacts/again")
    assert ran.code == 3
    assert "2 conflicts: suites/hello.yaml::bob[one-" in ran.err
    assert not (sharded.root / "reports" / "journal").exists()


def test_a_run_whose_files_are_in_two_folders_is_refused(sharded):
    """The last folder took the place of the first: what only the first held was lost, and counted as a shard all the same."""
    shutil.copytree(sharded.root / "artifacts" / "shard-0", sharded.root / "artifacts" / "shard-2")
    ran = sharded.evalkit("merge", *(f"artifacts/shard-{number}" for number in range(3)), "--shards", "3")
    assert ran.code == 3
    assert "is in two of the folders" in ran.err
    assert not (sharded.root / "reports").exists()


@pytest.mark.parametrize("change", ["check", "case", "prompt"])
def test_what_another_suite_measured_is_not_judged_by_this_one(sharded, change):
    """Answers that passed an easier check, also in the same commit, made the gates of this checkout pass."""
    if change == "prompt":
        sharded.prompt("v1", tone="rude")
    else:
        sharded.suite(SUITE.replace("Hello]", "Goodbye]") if change == "check" else SUITE.replace("Ana", "Eve"))
    ran = sharded.evalkit("merge", "artifacts/shard-0", "artifacts/shard-1")
    assert ran.code == 3
    assert "another case, check or prompt than this checkout has: suites/hello.yaml::ana" in ran.err
    assert not (sharded.root / "reports" / "journal").exists()


def test_an_overlap_that_agrees_counts_once(sharded):
    """A job that was run twice with the same outcome is no conflict and no second measurement."""
    job(sharded, "again", "-k", "bob")
    ran = sharded.evalkit("merge", "artifacts/shard-0", "artifacts/shard-1", "artifacts/again")
    assert ran.code == 0
    assert "3 shards with 8 trials" in ran.out


def test_a_changed_prompt_between_shards_is_a_conflict(sharded):
    """Another text under the same name is another prompt."""
    sharded.prompt("v1", tone="rude")
    job(sharded, "other", "-k", "bob")
    ran = sharded.evalkit("merge", "artifacts/shard-1", "artifacts/other")
    assert ran.code == 3
    assert "prompt hello:v1 has 2 different texts" in ran.err


def test_what_is_no_shard_is_said(sharded):
    """No journal, two runs in one folder, a damaged journal, a suite outside of the project: each is one error, exit 3 or 2."""
    assert "there is no journal" in sharded.evalkit("merge", "suites").err
    assert "2 runs" in sharded.evalkit("merge", "artifacts").err
    (journal,) = (sharded.root / "artifacts" / "shard-0" / "journal").glob("*/main-*.jsonl")
    journal.write_bytes(b"garbage\n" + journal.read_bytes())
    damaged = sharded.evalkit("merge", "artifacts/shard-0", "artifacts/shard-1")
    assert damaged.code == 3
    assert "record 1 at byte 0 is damaged" in damaged.err
    assert not list((sharded.root / "reports").glob(".merge-*"))


def test_a_shard_that_was_killed_is_missing_what_it_had_not_measured(sharded):
    """Its trials count, the rest is missing: exit 3."""
    (home,) = (sharded.root / "artifacts" / "shard-1" / "journal").iterdir()
    next(home.glob("end-*.jsonl")).unlink()
    (journal,) = home.glob("main-*.jsonl")
    lines = journal.read_bytes().splitlines(keepends=True)
    last = max(number for number, line in enumerate(lines) if b'"t":"result"' in line)
    journal.write_bytes(b"".join(lines[:last]))
    ran = sharded.evalkit("merge", "artifacts/shard-0", "artifacts/shard-1")
    assert ran.code == 3
    assert len(ran.err.splitlines()) == 1
    assert "7 of 8 planned trials measured" in " ".join(ran.out.split())


def test_a_merge_that_was_killed_is_finished_by_the_next(sharded):
    """Without its end the merged run is judged again, from the same trials."""
    sharded.evalkit("merge", "artifacts/shard-0", "artifacts/shard-1")
    (home,) = (sharded.root / "reports" / "journal").iterdir()
    next(home.glob("end-*.jsonl")).unlink()
    ran = sharded.evalkit("merge", "artifacts/shard-0", "artifacts/shard-1")
    assert ran.code == 0
    assert "nothing is added" not in ran.out
    assert json.loads(rows(sharded)) == [{"n": 8, "d": 8}]


def test_what_was_redacted_stays_so(project):
    """An answer that something was taken out of is nobody's answer: the merged run is not served from it, and says what it does not hold."""
    project.configure(answers={"default": "Hello, write to ana@shop.example"})
    project.suite(SUITE.replace("suite: hello", "suite: hello\nredact: [email]"))
    job(project, "shard-0", "-k", "ana or bob")
    job(project, "shard-1", "-k", "cyd or dan")
    assert project.evalkit("merge", "artifacts/shard-0", "artifacts/shard-1").code == 0
    calls = [record for record in project.journal() if record["t"] == "call"]
    assert len(calls) == 8
    assert all(record["redacted"] and "[REDACTED:email]" in record["call"]["reply"]["text"] for record in calls)


def test_a_purged_shard_takes_the_merged_run_along(sharded):
    """The merged run holds the same answers, so that it goes too."""
    shutil.copytree(sharded.root / "artifacts" / "shard-0", sharded.root / "reports")
    sharded.evalkit("merge", "artifacts/shard-0", "artifacts/shard-1")
    (shard,) = [path.name for path in (sharded.root / "reports" / "journal").iterdir() if "-m" not in path.name]
    assert sharded.evalkit("purge", "--run", shard, "--yes").code == 0
    assert list((sharded.root / "reports" / "journal").iterdir()) == []
