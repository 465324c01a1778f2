"""Who paid for what: this run or an earlier one, for answers or for judges, at whose prices."""

from __future__ import annotations

import json

import pytest
from fakes.batch_server import BatchServer
from fakes.eval_project import cases
from fakes.llm_server import LLMServer, error

import evalkit
from evalkit.report.json_export import report_json
from evalkit.report.markdown import markdown_summary
from evalkit.report.page.view import page_view
from evalkit.report.text import terminal_summary
from evalkit.store.database.ingest import DATABASE_FILE
from evalkit.store.database.query import run_sql

ANSWER, JUDGE = "openai/gpt-5-mini", "openai/judge"
PRICES = """
[tool.evalkit.prices."openai/gpt-5-mini"]
input_usd_per_mtok = 1000
output_usd_per_mtok = 1000
[tool.evalkit.prices."openai/judge"]
input_usd_per_mtok = 100000
output_usd_per_mtok = 0
"""
COST, VOTE = 19 / 1000, 12 / 10  # the server counts 12 tokens in and 7 out, whatever was asked
SUITE = f"""
suite: hello
prompt: hello:v1
models: [{ANSWER}]
{cases("Ana", "Bob")}
checks:
  - rubric: {{ask: Is it kind?, model: {JUDGE}}}
"""
KIND = json.dumps({"reason": "yes", "pass": True})


@pytest.fixture
def project(project, monkeypatch):
    """Answers and a judge that says yes, at prices the project states."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789")
    with LLMServer(
        lambda asked: server.judge if asked.body["model"] == "judge" else f"hello {asked.question}"
    ) as server:
        server.judge = KIND
        project.live(server.url)
        with (project.root / "pyproject.toml").open("a", encoding="utf-8") as file:
            file.write(PRICES)
        project.suite(SUITE)
        project.server = server
        yield project


def money(spend):
    return pytest.approx(spend.paid_usd), pytest.approx(spend.saved_usd)


def test_a_first_run_pays_for_all_of_it(project):
    """Answers and judges are sums of their own, per variant; the run's sum is both."""
    report = evalkit.run().report
    (variant,) = report.variants
    assert (variant.answers.paid_usd, variant.answers.saved_usd) == (pytest.approx(2 * COST), 0.0)
    assert (variant.judges.paid_usd, variant.judges.saved_usd) == (pytest.approx(2 * VOTE), 0.0)
    assert (report.calls.paid_usd, report.calls.saved_usd) == (pytest.approx(2 * COST + 2 * VOTE), 0.0)
    assert len(project.server.requests) == 4


def test_what_the_cache_answered_is_saved_not_paid(project):
    """A new case costs, the old ones would have: both are told, and what the answers are worth stays the same."""
    evalkit.run()
    project.suite(SUITE.replace(cases("Ana", "Bob"), cases("Ana", "Bob", "Cid")))
    finished = evalkit.run()
    report = finished.report
    (variant,) = report.variants
    assert (variant.answers.paid_usd, variant.answers.saved_usd) == (pytest.approx(COST), pytest.approx(2 * COST))
    assert (variant.judges.paid_usd, variant.judges.saved_usd) == (pytest.approx(VOTE), pytest.approx(2 * VOTE))
    assert variant.cost_usd == pytest.approx(3 * COST)
    assert variant.judge_cost_usd == pytest.approx(3 * VOTE)
    line = "paid $1.22 (answers $0.0190, judges $1.20); saved $2.44 (answers $0.0380, judges $2.40)"
    assert f"cost: {line}" in terminal_summary(report, width=200)
    assert f"- cost: {line}" in markdown_summary(report)
    assert ("Cost", line) in page_view(report).facts
    assert line in finished.html.read_text(encoding="utf-8")
    made = report_json(report)
    assert made["variants"][0]["judges"] == {"paid_usd": pytest.approx(VOTE), "saved_usd": pytest.approx(2 * VOTE)}
    assert made["calls"]["saved_usd"] == pytest.approx(2 * COST + 2 * VOTE)
    rows = run_sql(
        project.root / "reports" / DATABASE_FILE,
        f"select purpose, calls, cost_usd, paid_usd, unpriced from variant_costs where run_id = '{report.run.run_id}' order by purpose",
    ).rows
    answers, checks = (3, 3 * COST, COST, 0), (3, 3 * VOTE, VOTE, 0)
    assert [row[0] for row in rows] == ["answers", "checks"]
    assert [row[1:] for row in rows] == [pytest.approx(answers), pytest.approx(checks)]


def test_an_equal_request_of_the_same_run_is_saved_too(project):
    """Two variants with the same text: the first pays, the second does not."""
    project.prompt("v2", tone="kind", model=ANSWER)
    project.suite(
        SUITE.replace("prompt: hello:v1", "prompt: hello\nvariants: {a: {prompt: hello:v1}, b: {prompt: hello:v2}}")
    )
    report = evalkit.run().report
    both = [variant.answers for variant in report.variants]
    assert sum(spend.paid_usd for spend in both) == pytest.approx(2 * COST)
    assert sum(spend.saved_usd for spend in both) == pytest.approx(2 * COST)
    assert report.calls.saved_usd == pytest.approx(2 * COST + 2 * VOTE)


def test_an_unknown_price_makes_its_own_sum_unknown(project):
    """The judge has no price: what answers cost is still known."""
    page = (project.root / "pyproject.toml").read_text(encoding="utf-8")
    (project.root / "pyproject.toml").write_text(page.replace(f'"{JUDGE}"', '"openai/other"'), encoding="utf-8")
    report = evalkit.run().report
    (variant,) = report.variants
    assert (variant.answers.paid_usd, variant.judges.paid_usd) == (pytest.approx(2 * COST), None)
    assert "paid unknown (answers $0.0380, judges unknown)" in terminal_summary(report, width=200)
    assert report.run.extra["prices"] == {"table": None, "stated": [ANSWER], "unknown": [JUDGE]}


def test_the_table_of_prices_is_recorded_with_the_run(project):
    """With its version and age, in the report, in every output, and in what is stored."""
    page = (project.root / "pyproject.toml").read_text(encoding="utf-8")
    (project.root / "pyproject.toml").write_text(page.replace(f'"{ANSWER}"', '"openai/other"'), encoding="utf-8")
    report = evalkit.run().report
    prices = report.run.extra["prices"]
    assert prices["table"].startswith("genai-prices ")
    assert (prices["stated"], prices["unknown"]) == ([JUDGE], [])
    assert f"; prices of {prices['table']}" in terminal_summary(report, width=300)
    assert json.loads(evalkit.load().runs["extra"].iloc[-1])["prices"] == prices


def test_a_run_that_costs_nothing_says_nothing_about_cost(project):
    """Scripted answers have no price to speak of."""
    project.configure(answers={"default": "Hello!"})
    project.prompt("v1", tone="kind")
    project.suite(f"suite: hello\nprompt: hello:v1\n{cases('Ana')}\nchecks: [contains: Hello]\n")
    report = evalkit.run().report
    assert "\ncost:" not in terminal_summary(report)
    assert report.run.extra["prices"] == {"table": None, "stated": [], "unknown": []}


def test_a_batch_is_paid_by_the_run_that_takes_it_in(project, monkeypatch):
    """At half the price, answers and judges apart, and nothing of it is called saved; the run after it saves the full price."""
    monkeypatch.setenv("COLUMNS", "300")
    with BatchServer(lambda asked: KIND if asked.body["model"] == "judge" else f"hello {asked.question}") as server:
        project.live(server.url)
        with (project.root / "pyproject.toml").open("a", encoding="utf-8") as file:
            file.write(PRICES)
        assert "\ncost:" not in project.evalkit("run", "--mode", "batch").out
        server.finish()
        assert "cost: paid $0.0190\n" in project.evalkit("run", "--resume").out
        server.finish()
        last = project.evalkit("run", "--resume").out
        assert "cost: paid $1.20 (answers $0, judges $1.20); saved $0.0380\n" in last
        assert "cost: paid $0; saved $2.44 (answers $0.0380, judges $2.40)" in project.evalkit("run").out
        assert server.live == []


def test_a_judge_that_cannot_be_asked_costs_nothing(project):
    """A failed call makes no sum unknown: the provider refused it, and nobody was paid."""
    project.server.judge = error(400, "no")
    report = evalkit.run().report
    (variant,) = report.variants
    assert (variant.errors, variant.judge_cost_usd, variant.judges.paid_usd) == (2, 0.0, 0.0)
    assert report.calls.paid_usd == pytest.approx(2 * COST)
