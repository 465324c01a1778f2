"""``evalkit sql`` and ``evalkit ingest``: answers fit for a terminal, a spreadsheet and a pull request."""

from __future__ import annotations

import csv
import io
import json

import pytest
from click.testing import CliRunner
from samples import call, info, trial, verdicts

from evalkit.cli.sql import ingest_command, sql_command
from evalkit.errors import ConfigError, StoreError
from evalkit.model.results import Result
from evalkit.store.journal.writer import Journal

HOSTILE = "=HYPERLINK(1)\x1b[2J|<b>x</b>\nsecond line\u202e"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with one journaled run, whose answer is hostile, and no database yet."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("[tool.evalkit]\n")
    journal = Journal(tmp_path / "reports" / "journal", info())
    journal.append_result(Result(trial(), call(answer=HOSTILE), verdicts()))
    journal.close(info(complete=True))
    return tmp_path


def run(command, *arguments):
    result = CliRunner().invoke(command, arguments, catch_exceptions=False, standalone_mode=False)
    return result.stdout


@pytest.fixture
def ingested(project):
    run(ingest_command)
    return project


def test_ingest_says_what_it_read(project):
    """First the run, then nothing new, then all of it again."""
    assert "1 runs with 1 trials" in run(ingest_command)
    assert "0 runs with 0 trials" in run(ingest_command)
    assert "1 runs with 1 trials" in run(ingest_command, "--rebuild")


def test_a_table_is_safe_for_a_terminal(ingested):
    """One line per row, no control or invisible character, and the number of rows."""
    shown = run(sql_command, "select case_id, answer, cost_usd, failure from trial_overview")
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    lines = shown.splitlines()
    assert len(lines) == 4
    assert lines[0].split() == ["case_id", "answer", "cost_usd", "failure"]
    assert "late-parcel" in lines[2]
    assert lines[3] == "(1 row)"


def test_csv_is_safe_for_a_spreadsheet(ingested):
    """A formula gets an apostrophe, a number stays a number, an unknown value is empty."""
    rows = list(
        csv.reader(
            io.StringIO(
                run(sql_command, "select answer, -cost_usd as c, failure from trial_overview", "--format", "csv")
            )
        )
    )
    assert rows[0] == ["answer", "c", "failure"]
    assert rows[1][0].startswith("'=HYPERLINK(1)\\x1b")
    assert rows[1][1:] == ["-0.0012", ""]


def test_json_keeps_the_text_as_it_is(ingested):
    """JSON escapes by itself: the value comes back exactly."""
    (row,) = json.loads(
        run(
            sql_command,
            "select answer, settled_at from responses join trial_overview using (call_id)",
            "--format",
            "json",
        )
    )
    assert row == {"answer": HOSTILE, "settled_at": "2023-11-14 22:13:20.250000"}


def test_markdown_cannot_break_out_of_its_cell(ingested):
    """A pipe or a tag in an answer neither adds a column nor becomes markup."""
    lines = run(sql_command, "select answer, case_id from trial_overview", "--format", "markdown").splitlines()
    assert [line.count("|") for line in lines] == [3, 3, 3]
    assert "<b>" not in lines[2]


def test_a_cut_table_says_so(ingested):
    """Rows that are left out are announced, on stderr."""
    result = CliRunner().invoke(sql_command, ["from verdicts", "--limit", "1"])
    assert "(1 row)" in result.stdout
    assert "only the first 1 rows" in result.stderr


def test_without_a_query_the_tables_are_listed(project):
    """Tables with their columns and views, also before there is a database."""
    shown = run(sql_command)
    assert "table trials: One case x variant x repeat, measured." in shown
    assert "view pass_rates" in shown
    assert "pass_rate" in shown


def test_what_goes_wrong_is_an_error_of_evalkit(project):
    """No database, and a wrong query: errors that the command line shows as one message with a hint."""
    with pytest.raises(StoreError, match="no database yet"):
        run(sql_command, "select 1")
    run(ingest_command)
    with pytest.raises(ConfigError, match="nope"):
        run(sql_command, "select nope from trials")


def test_a_query_without_columns_or_rows_is_shown(ingested):
    """An empty answer is a head and zero rows, in every format."""
    for form in ("table", "csv", "json", "markdown"):
        assert run(sql_command, "select case_id from trials where false", "--format", form)
