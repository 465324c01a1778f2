"""The database: the journals as tables, any number of times, and nothing else on the machine."""

from __future__ import annotations

import os
import random
import stat
import subprocess
import sys
from dataclasses import replace

import duckdb
import pytest
from samples import call, failed_call, gate, info, prompt, result

from evalkit.errors import StoreError, StoreLockedError
from evalkit.model.calls import Attempt, Call, Response, ToolCall, Usage
from evalkit.model.results import CANNED, Result
from evalkit.store.database import ingest as database
from evalkit.store.database.connection import opened
from evalkit.store.database.ingest import DATABASE_FILE, ingest, rebuild
from evalkit.store.database.schema import VERSION, relations
from evalkit.store.journal.codec import encode
from evalkit.store.journal.lines import frame
from evalkit.store.journal.reader import read_run
from evalkit.store.journal.writer import Journal


@pytest.fixture
def root(tmp_path):
    return tmp_path / "journal"


@pytest.fixture
def path(tmp_path):
    return tmp_path / DATABASE_FILE


def write(root, *results, run_id="r1", **changes):
    journal = Journal(root, info(run_id, **changes))
    for one in results:
        journal.append_result(one)
    return journal


def ask(path, sql):
    with opened(path, read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_every_table_tells_what_the_run_said(root, path):
    """One run with everything in it: each table holds its rows, joined by the ids that the documentation names."""
    measured = result(followups=(call("judge"), failed_call("embed")), status="fail")
    journal = write(root, measured)
    journal.append_prompt(prompt())
    journal.append_plan(["x"], planned=5)
    journal.append_skip("y", reason="later", trials=2)
    journal.append_gates([gate("failed")])
    journal.close()
    report = ingest(root, path)
    assert (report.runs, report.trials, report.damage) == (1, 1, ())
    counts = {
        relation.name: ask(path, f"select count(*) from {relation.name}")[0][0]
        for relation in relations()
        if relation.kind == "table"
    }
    assert counts == {
        "meta": 1, "ingested": 1, "runs": 1, "suites": 1, "prompts": 1, "variants": 1, "cases": 1, "requests": 3, "responses": 3,
        "attempts": 4, "trials": 1, "tried": 0, "followups": 2, "verdicts": 2, "gates": 1, "skips": 1, "labels": 0, "preferences": 0,
    }  # fmt: skip
    ((status, text, tokens, paid, tags, failed),) = ask(
        path,
        """select t.status, r.text, r.input_tokens, r.paid_usd, c.tags, o.failed_checks
           from trials t join responses r using (call_id) join cases c using (suite_path, case_id, case_digest)
           join requests q on q.request_key = t.request_key join trial_overview o using (trial_id)""",
    )
    assert (status, text, tokens, paid) == ("fail", "Hi 😀", 12, 0.0012)
    assert (tags, failed) == (["billing", "smoke", "vip"], ["contains"])
    assert ask(path, "select planned, possibly_billed, complete, git_dirty from runs") == [(5, 0, False, True)]
    assert ask(
        path, "select failure, text, cost_usd from followups join responses using (call_id) order by position"
    ) == [
        (None, "Hi 😀", 0.0012),
        ("server", None, None),
    ]
    assert ask(path, "select sources->>'$.\"prompts/_tone.j2\"' from prompts") == [("kind",)]


def test_who_served_and_who_did_not(root, path):
    """The served answer is the trial's, by its model or its name; what failed beside it is listed; nobody served an unanswered trial."""
    primary, spare = failed_call("Hello"), call("Hello too")
    served = replace(result(), call=spare, tried=(primary,), served="b/m")
    canned = replace(
        result("b"), call=call("Hello", source="scripted"), tried=(primary, failed_call("x")), served=CANNED
    )
    lost = replace(result("c"), call=failed_call("Hello"), verdicts=(), tried=(failed_call("x"),))
    write(root, served, canned, lost).close(info(complete=True))
    assert read_run(root / "r1").results == (served, canned, lost)
    ingest(root, path)
    rows = ask(
        path,
        """select t.served, r.failure, list(f.failure order by x.position) from trials t join responses r using (call_id)
           left join tried x using (trial_id) left join responses f on f.call_id = x.call_id group by t.served, r.failure, t.trial_id""",
    )
    assert sorted(rows, key=str) == sorted(
        [("b/m", None, ["server"]), (CANNED, None, ["server", "server"]), (None, "server", ["server"])], key=str
    )


def test_ingesting_twice_changes_nothing(root, path):
    """A second ingest reads nothing and adds nothing."""
    write(root, result()).close()
    ingest(root, path)
    assert ingest(root, path).runs == 0
    assert ask(path, "select count(*) from trials") == [(1,)]


def test_a_run_that_went_on_replaces_its_rows(root, path):
    """A run ingested half-way and again at its end is there once, complete; other runs keep their rows; shared content is there once."""
    write(root, result("zero"), run_id="r0").close(info("r0", complete=True))
    journal = write(root, result("one"))
    journal.settle(call("flush")).result()
    assert ingest(root, path).runs == 2
    journal.append_result(result("two"))
    journal.close(info(complete=True))
    assert ingest(root, path).runs == 1
    assert ask(path, "select run_id, case_id from trials order by all") == [
        ("r0", "zero"),
        ("r1", "one"),
        ("r1", "two"),
    ]
    assert ask(path, "select run_id, complete from runs order by all") == [("r0", True), ("r1", True)]
    assert ask(path, "select count(*), count(distinct request_key) from requests") == [(2, 2)]
    assert ask(path, "select run_id, count(*) from ingested group by all order by all") == [("r0", 1), ("r1", 1)]


def test_what_a_provider_may_say_fits_or_is_unknown(root, path):
    """Absurd numbers, NUL, lone surrogates, NaN in tool arguments and times out of range neither stop the ingest nor become 0."""
    usage = Usage(input_tokens=2**80, output_tokens=-(2**80))
    tools = (ToolCall("a", "b", {"x": float("nan"), "y": "\ud800"}),)
    reply = Response(
        "nul\x00 and \ud800", usage=usage, latency_s=float("inf"), tool_calls=tools, vectors=((float("nan"),),)
    )
    attempts = (Attempt(1, 1e300, float("nan"), message="\udfff"),)
    odd = result()
    write(
        root, Result(odd.trial, Call(odd.call.request, reply, "live", attempts, float("nan"), 1e300), odd.verdicts)
    ).close()
    assert ingest(root, path).damage == ()
    ((text, tokens, latency, cost, at, dimensions),) = ask(
        path, "select text, input_tokens, latency_s, cost_usd, settled_at, dimensions from responses"
    )
    assert (text, tokens, latency, cost, at, dimensions) == ("nul\x00 and ?", None, None, None, None, 1)


def test_one_journal_of_somebody_else_does_not_close_the_database_to_all(root, path):
    """Lines, counts and digests that no column holds are unknown, and a folder that no run is called like is left out: both stopped every ingest."""
    journal = write(root, result(), planned=2**40)
    journal.append_prompt(replace(prompt(), digest="\ud800"))
    journal.append_gates([replace(gate(), line=2**70)])
    journal.append_skip("a", reason="", trials=2**50)
    journal.close()
    write(root, result(), run_id="r2").close()
    odd = root / os.fsdecode(b"r\xff")
    odd.mkdir()
    (odd / "main.jsonl").write_bytes(frame({"t": "run", "format": 1, "run": encode(info(odd.name))}))
    report = ingest(root, path)
    assert report.runs == 2
    assert "is no number of trials" in report.damage[0]
    assert report.damage[1] == "the folder 'r\\udcff' was skipped: no run can be called so"
    assert ask(path, "select planned from runs order by run_id") == [(None,), (None,)]
    assert ask(path, "select line from gates") == [(None,)]
    assert ask(path, "select trials from skips") == []


def test_long_answers_get_the_memory_that_they_need(root, path, monkeypatch):
    """Rows that do not fit into the little memory of the first try are ingested all the same, once."""
    monkeypatch.setattr(database, "_LITTLE_MEMORY", "16MB")
    tried = []
    original = database.opened
    monkeypatch.setattr(database, "opened", lambda path, **how: tried.append(how["memory"]) or original(path, **how))
    dice = random.Random(1)
    journal = Journal(root, info())
    for number in range(60):
        journal.append_result(Result(result(f"{number}").trial, call(answer=dice.randbytes(150_000).hex()), ()))
    journal.close()
    assert ingest(root, path).trials == 60
    assert len(tried) == 2
    assert ask(path, "select count(*), sum(length(text)) from responses") == [(60, 60 * 300_000)]


def test_a_run_that_was_just_read_is_not_read_again_unless_it_went_on(root, path, monkeypatch):
    """The rows come from memory while the journals are as they were read, from the journals when they have grown."""
    write(root, result("one")).close()
    fresh = read_run(root / "r1")
    write(root, result("two")).close()
    ingest(root, path, fresh=fresh)
    assert ask(path, "select case_id from trials order by all") == [("one",), ("two",)]
    path.unlink()
    monkeypatch.setattr(database, "read_run", None)
    ingest(root, path, fresh=read_run(root / "r1"))
    assert ask(path, "select case_id from trials order by all") == [("one",), ("two",)]


def test_a_shared_row_is_there_once_and_a_new_one_is_added(root, path):
    """Two runs with one case and one request in common: each is stored once, whoever was first; what is new is stored too."""
    write(root, result("one")).close()
    ingest(root, path)
    write(root, result("one"), result("two", text="Other"), run_id="r2").close()
    ingest(root, path)
    assert ask(path, "select case_id from cases order by all") == [("one",), ("two",)]
    assert ask(path, "select count(*), count(distinct request_key) from requests") == [(2, 2)]
    assert ask(path, "select count(*) from trials") == [(3,)]


def test_a_journal_that_came_first_does_not_say_what_another_runs_prompt_was(root, path):
    """Two texts with one reference and digest, one of them a lie: each run keeps its own, also when it is taken in again; one that says the same shares."""
    forged = replace(prompt(), sources={"prompts/refund/v1.j2": "Ignore the customer"})
    moved = replace(prompt(), sources={f"other/{path}": text for path, text in prompt().sources.items()})
    for run, told in (("r1", forged), ("r2", prompt()), ("r3", moved), ("r4", forged)):
        journal = write(root, result(label="v1"), run_id=run)
        journal.append_prompt(told)
        journal.close()
        ingest(root, path)
    rebuild(root, path)
    sql = "select run_id, p.sources::varchar from variants v join prompts p on p.ref = v.prompt and p.digest = v.prompt_digest order by 1"
    found = dict(ask(path, sql))
    assert ["Ignore" in found[run] for run in ("r1", "r2", "r3", "r4")] == [True, False, False, True]
    assert ask(path, "select count(*), count(distinct digest) from prompts") == [(2, 2)]


def test_damage_in_a_journal_is_told_and_stored(root, path):
    """What could not be read is in the report and in the runs table; a run of which nothing can be read is told and tried again."""
    journal = write(root, result("one"), result("two"))
    journal.close()
    journal.path.write_bytes(journal.path.read_bytes()[:-30])
    (root / "r2").mkdir()
    (root / "r2" / "main.jsonl").write_bytes(b"junk\n")
    report = ingest(root, path)
    assert (report.runs, report.trials, len(report.damage)) == (1, 1, 2)
    assert len(ask(path, "select damage from runs")[0][0]) == 1
    assert len(ingest(root, path).damage) == 1


def test_flips_and_rates_count_by_case(root, path):
    """The views answer the questions they are named after: two variants, one case that broke, errors counted as not passed."""
    results = [
        result("same", label="a-m"), result("same", label="b-m"),
        result("broke", label="a-m"), result("broke", label="b-m", status="fail"),
    ]  # fmt: skip
    failed = result("failed", label="a-m")
    write(root, *results, Result(failed.trial, failed_call(), ())).close()
    ingest(root, path)
    assert ask(path, "select case_id, label_a, label_b, flip from flips order by label_a") == [
        ("broke", "a-m", "b-m", "broken"),
        ("broke", "b-m", "a-m", "fixed"),
    ]
    assert ask(
        path, "select label, trials, passed, failed, errors, round(pass_rate, 3) from pass_rates order by label"
    ) == [
        ("a-m", 3, 2, 0, 1, 0.667),
        ("b-m", 2, 1, 1, 0, 0.5),
    ]
    assert ask(path, "select label, passed, failed from check_rates where check_name = 'contains' order by label") == [
        ("a-m", 2, 0),
        ("b-m", 1, 1),
    ]


HOLDING = """
import sys, duckdb
with duckdb.connect(sys.argv[1], read_only=sys.argv[2] == "reader"):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.mark.parametrize("who", ["writer", "reader"])
def test_a_held_database_is_waited_for_and_its_holder_named(root, path, who):
    """While another process holds the file, the error names it; once it is gone, the ingest goes through."""
    write(root, result("one")).close()
    ingest(root, path)
    write(root, result("two"), run_id="r2").close()
    with subprocess.Popen(
        [sys.executable, "-c", HOLDING, path, who], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout.readline() == "held\n"
        for work in (ingest, rebuild):
            with pytest.raises(StoreLockedError, match=f"process {child.pid} holds"):
                work(root, path, wait_s=0)
        child.communicate("done\n")
    assert ingest(root, path).runs == 1


def test_an_older_schema_is_rebuilt_and_a_newer_one_refused(root, path):
    """An older file is made again from the journals and kept beside; a newer one is left alone with the advice to upgrade."""
    write(root, result()).close()
    ingest(root, path)
    for version in (VERSION - 1, VERSION + 1):
        with duckdb.connect(str(path)) as connection:
            connection.execute("update meta set schema_version = ?", [version])
            connection.execute("delete from trials")
        if version < VERSION:
            ingest(root, path)
            assert ask(path, "select count(*) from trials") == [(1,)]
            assert path.with_name(f"{path.name}.old").exists()
    with pytest.raises(StoreError, match=f"schema version {VERSION + 1}") as caught:
        ingest(root, path)
    assert caught.value.hint == "upgrade evalkit"


def test_a_file_that_is_no_database_is_told_and_rebuild_helps(root, path):
    """Junk, a foreign database and a link are refused with the way out; rebuild keeps what was there beside the new file."""
    write(root, result()).close()
    path.write_bytes(b"junk" * 1000)
    with pytest.raises(StoreError, match="not a valid DuckDB database") as caught:
        ingest(root, path)
    assert "--rebuild" in caught.value.hint
    rebuild(root, path)
    assert ask(path, "select count(*) from trials") == [(1,)]
    assert path.with_name(f"{path.name}.old").read_bytes() == b"junk" * 1000
    path.unlink()
    with duckdb.connect(str(path)) as connection:
        connection.execute("create view meta as select 1 as schema_version")
    with pytest.raises(StoreError, match="not a database of evalkit"):
        ingest(root, path)
    path.unlink()
    path.symlink_to(path.with_name("elsewhere"))
    with pytest.raises(StoreError, match="symbolic link"):
        ingest(root, path)


def test_only_the_owner_can_read_the_database(root, path):
    """The file is 0600 under any umask, and the umask is as before afterwards."""
    write(root, result()).close()
    old = os.umask(0o022)
    try:
        ingest(root, path)
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not path.with_name(f"{path.name}.wal").exists()


@pytest.mark.parametrize(
    "sql",
    [
        "select * from read_csv('/etc/passwd')",
        "select * from read_text('/etc/passwd')",
        "select * from glob('/*')",
        "select * from '/etc/passwd'",
        "copy trials to '{folder}/stolen.csv'",
        "attach '{folder}/other.duckdb'",
        "export database '{folder}/export'",
        "install httpfs",
        "load httpfs",
        "set enable_external_access = true",
        "set lock_configuration = false",
        "select * from frame",
    ],
)
def test_sql_on_our_connections_reaches_nothing_outside(root, path, tmp_path, sql):
    """Even on the writing connection no statement reads or writes a file, loads code, sees Python variables or unlocks itself."""
    frame = duckdb.sql("select 1 as secret")
    ingest(root, path)
    before = set(tmp_path.iterdir())
    with pytest.raises(StoreError), opened(path, read_only=False) as connection:
        connection.execute(sql.format(folder=tmp_path)).fetchall()
    assert set(tmp_path.iterdir()) <= before
    del frame


def test_the_schema_documents_every_column(root, path):
    """Each table and column carries its comment inside the database too, so that any tool shows it."""
    ingest(root, path)
    stored = ask(
        path, "select table_name, column_name, lower(data_type), comment from duckdb_columns() where not internal"
    )
    tables = [relation for relation in relations() if relation.kind == "table"]
    documented = [(table.name, *column) for table in tables for column in table.columns]
    names = {table.name for table in tables}
    assert sorted(row for row in stored if row[0] in names) == sorted(documented)
