"""``evalkit export``: a run as JSON, JSON lines, CSV and Parquet, the same rows in each, exact or safe as promised."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys

import duckdb
import jsonschema_rs
import pytest
from fakes.eval_project import cases

SUITE = f"suite: hello\nprompt: hello:v1\n{cases('Ana', 'Bob', tags=', tags: [b, a]')}\nchecks: [contains: Hello, length: {{words: {{max: 99}}}}]\n"
FORMULA = '=HYPERLINK("https://evil.invalid")'


@pytest.fixture
def ran(project):
    """A project with one run: an answer that is a formula, and one with characters that are hard to keep."""
    project.configure(answers={"Ana": FORMULA, "Bob": 'Hello\r\n\x1b[2J\x00\u202e é, "q"; \'=1'})
    project.suite(SUITE)
    assert project.evalkit("run").code == 1
    return project


def exported(project, *words):
    found = project.evalkit("export", *words)
    assert (found.code, found.err) == (0, "")
    return found.out


def test_every_format_holds_the_same_rows(ran):
    """Two trials, four verdicts, two requests: the same keys in JSON, JSON lines, CSV and Parquet."""
    for what, number in (("trials", 2), ("verdicts", 4), ("requests", 2)):
        for form in ("json", "jsonl", "csv", "parquet"):
            assert exported(ran, "--what", what, "--to", f"{what}.{form}").startswith(f"{what}.{form}: {what} of run ")
            assert (ran.root / f"{what}.{form}").stat().st_mode & 0o777 == 0o600
        document = json.loads((ran.root / f"{what}.json").read_text())
        lines = [json.loads(line) for line in (ran.root / f"{what}.jsonl").read_text().splitlines()]
        with (ran.root / f"{what}.csv").open(newline="", encoding="utf-8") as file:
            head, *rows = csv.reader(file)
        parquet = duckdb.sql(f"from '{ran.root}/{what}.parquet'")
        assert document["rows"] == lines
        assert len(lines) == len(rows) == len(parquet.fetchall()) == number
        assert set(lines[0]) == set(head)
        assert head == parquet.columns


def test_json_and_parquet_are_exact(ran):
    """What the model said comes back character by character, and what is no text has its own type."""
    exported(ran, "--to", "t.parquet")
    rows = json.loads(exported(ran))["rows"]
    assert [row["answer"] for row in rows] == [FORMULA, 'Hello\r\n\x1b[2J\x00\u202e é, "q"; \'=1']
    assert rows[0]["tags"] == ["a", "b"]
    assert rows[0]["failed_checks"] == ["contains"]
    assert rows[0]["vars"] == {"customer": "Ana"}
    answers = duckdb.sql(f"select answer, tags, repeat_number, settled_at from '{ran.root}/t.parquet'").fetchall()
    assert [row[0] for row in answers] == [row["answer"] for row in rows]
    assert answers[0][1:3] == ('["a","b"]', 0)
    assert answers[0][3].year >= 2026


def test_csv_runs_nothing_in_a_spreadsheet(ran):
    """A formula has an apostrophe in front, hidden characters are written out, and numbers are numbers."""
    exported(ran, "--to", "t.csv")
    with (ran.root / "t.csv").open(newline="", encoding="utf-8") as file:
        first, second = csv.DictReader(file)
    assert first["answer"] == f"'{FORMULA}"
    assert second["answer"] == 'Hello\\r\n\\x1b[2J\\x00\\u202e é, "q"; \'=1'
    assert (first["repeat_number"], first["cluster"]) == ("0", "")


def test_json_is_what_its_schema_says(ran):
    """The published schema accepts each export, and refuses one with a column more, less, or of another type."""
    for what in ("trials", "verdicts", "requests"):
        check = jsonschema_rs.Draft202012Validator(json.loads(exported(ran, "--what", what, "--schema")))
        document = json.loads(exported(ran, "--what", what))
        assert (document["schema"], document["table"]) == ("evalkit.export/1", what)
        check.validate(document)
        first = document["rows"][0]
        for spoiled in ({**first, "more": 1}, {**first, "run_id": 3}, dict(list(first.items())[1:])):
            assert not check.is_valid({**document, "rows": [spoiled]})


def test_a_whole_run_is_the_report_as_json(ran):
    """``--what run`` writes what ``--evalkit-json`` writes, from the journals alone, as its own schema says."""
    written = ran.root / "then.json"
    assert ran.evalkit("run", "--evalkit-json", str(written)).code == 1
    document = json.loads(exported(ran, "--what", "run"))
    jsonschema_rs.Draft202012Validator(json.loads(exported(ran, "--what", "run", "--schema"))).validate(document)
    assert document == json.loads(written.read_text())


def test_what_cannot_be_is_one_clear_error(ran):
    """An unknown run, a table's format for a whole run, a folder as a file: exit 2, and nothing is written."""
    assert ran.evalkit("export", "2019").code == 2
    assert "JSON only" in ran.evalkit("export", "--what", "run", "--to", "run.csv").err
    assert "no regular file" in ran.evalkit("export", "--to", "suites", "--format", "csv").err
    assert ran.evalkit("export", "--to", "nowhere/x.csv").code == 3
    assert not list(ran.root.glob(".*.tmp"))


def test_a_link_is_replaced_and_not_followed(ran):
    """Exporting over a link leaves alone what it points to."""
    precious = ran.write("precious.txt", "keep me")
    (ran.root / "out.csv").symlink_to(precious)
    exported(ran, "--to", "out.csv")
    assert precious.read_text() == "keep me"
    assert not (ran.root / "out.csv").is_symlink()


def test_a_pipe_that_closes_early_is_no_error(ran):
    """``evalkit export | head -1`` prints one line and no traceback."""
    command = [sys.executable, "-c", "'from evalkit.cli.main import main; main()'", "export", "--format", "jsonl"]
    shell = " ".join(command) + " | head -c 5"
    done = subprocess.run(
        shell, check=False, shell=True, cwd=ran.root, capture_output=True, text=True, env=dict(os.environ)
    )
    assert done.stdout == '{"run'
    assert done.stderr == ""
