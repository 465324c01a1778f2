"""``evalkit estimate``: what a run would cost, without a call."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime

import pytest
from fakes.eval_project import cases
from fakes.llm_server import LLMServer, error

import evalkit

KEY = "sk-test-0123456789"
PRICES = """
[tool.evalkit.prices."openai/gpt-5-mini"]
input_usd_per_mtok = 1.0
output_usd_per_mtok = 10.0
"""
SUITE = f"""
suite: hello
prompt: hello:v1
models: [openai/gpt-5-mini]
repeats: 2
{cases("Ana", "Bob")}
checks:
  - contains: ello
"""
JUDGED = (
    SUITE
    + "  - rubric: {ask: Is it kind?, model: anthropic/claude-haiku-4-5, votes: 3, params: {max_output_tokens: 60}}\n"
)


@pytest.fixture
def priced(project, monkeypatch):
    """A project that would pay gpt-5-mini 1 dollar per million tokens in and 10 out, at a server that must not be asked."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with LLMServer() as server:
        project.live(server.url)
        add(project, PRICES)
        project.server = server
        yield project


def add(project, text):
    with (project.root / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write(f"\n{text}")


def estimate(project, *words):
    ran = project.evalkit("estimate", "--json", *words)
    assert ran.code == 0, ran.err
    return json.loads(ran.out)


def test_a_first_run_is_estimated_and_nothing_is_called(priced):
    """Repeats are calls of their own; without a limit or a history 500 tokens are assumed, 4096 at most, and that is said."""
    priced.suite(SUITE)
    made = estimate(priced)
    assert priced.server.requests == []
    assert not (priced.root / "reports").exists()
    (row,) = made["rows"]
    assert (row["variant"], row["purpose"], row["new"], row["counted"]) == (
        "v1-openai/gpt-5-mini",
        "answers",
        4,
        "tokenizer",
    )
    assert (row["output_tokens"], row["worst_output_tokens"], row["basis"]) == (2000, 4 * 4096, "assumed")
    assert row["cost_usd"] == pytest.approx((row["input_tokens"] + 10 * 2000) / 1e6)
    assert row["worst_cost_usd"] == pytest.approx((row["input_tokens"] + 10 * 4 * 4096) / 1e6)
    assert row["batch_cost_usd"] == pytest.approx(row["cost_usd"] / 2)
    assert (made["schema"], made["estimate"], made["totals"]["cost_usd"]) == (
        "evalkit.estimate/1",
        True,
        row["cost_usd"],
    )
    shown = priced.evalkit("estimate").out
    assert shown.startswith("estimate, nothing was called (mode cache)")
    assert "500 assumed, at most 4096" in shown


def test_a_limit_on_the_answer_is_what_may_be_expected_at_most(priced):
    """With max_output_tokens nothing is assumed."""
    priced.suite(SUITE + "params: {max_output_tokens: 30}\n")
    (row,) = estimate(priced)["rows"]
    assert (row["output_tokens"], row["worst_output_tokens"], row["basis"]) == (120, 120, "max_output_tokens")


def test_judges_have_a_line_of_their_own(priced):
    """Three votes about each of four answers that are not there yet; the answers' expected length is in what they are asked."""
    priced.suite(JUDGED)
    answers, judges = estimate(priced)["rows"]
    assert (answers["new"], judges["new"], judges["purpose"], judges["model"]) == (
        4,
        12,
        "checks",
        "anthropic/claude-haiku-4-5",
    )
    assert judges["output_tokens"] == 12 * 60
    priced.suite(JUDGED.replace("repeats: 2", "repeats: 2\nparams: {max_output_tokens: 1500}"))
    longer = estimate(priced)["rows"][1]
    assert longer["input_tokens"] - judges["input_tokens"] == pytest.approx(12 * 1000, rel=0.01)


def test_checks_inside_others_and_selections_are_foreseen(priced):
    """What stands in not, any_of or behind select asks as well."""
    judge = "rubric: {ask: Is it kind?, model: anthropic/claude-haiku-4-5}"
    priced.suite(
        f"{SUITE}  - not: {{{judge}}}\n  - any_of: [{{{judge}}}, {{contains: x}}]\n  - {{{judge}, select: $.text}}\n"
    )
    checks = [row for row in estimate(priced)["rows"] if row["purpose"] == "checks"]
    assert sum(row["new"] + row["shared"] for row in checks) == 12


def test_equal_requests_are_paid_once(priced):
    """Two variants with the same text share their calls, and what their judges are asked."""
    priced.prompt("v2", tone="kind", model="openai/gpt-5-mini")
    priced.suite(
        JUDGED.replace("prompt: hello:v1", "prompt: hello\nvariants: {a: {prompt: hello:v1}, b: {prompt: hello:v2}}")
    )
    rows = estimate(priced)["rows"]
    assert [(row["new"], row["shared"]) for row in rows] == [(4, 0), (12, 0), (0, 4), (0, 12)]
    assert [row["cost_usd"] for row in rows[2:]] == [0.0, 0.0]


def test_what_the_cache_answers_is_free_and_its_length_is_known(priced):
    """After a run only new cases cost, and their answers are expected to be as long as the old ones: 7 tokens, the median."""
    priced.suite(SUITE)
    assert evalkit.run().exit_code == 0
    asked = len(priced.server.requests)
    priced.suite(SUITE.replace(cases("Ana", "Bob"), cases("Ana", "Bob", "Cid")))
    made = estimate(priced)
    (row,) = made["rows"]
    assert (row["new"], row["cached"], row["output_tokens"], row["basis"]) == (2, 4, 14, "earlier calls")
    short = SUITE + "params: {max_output_tokens: 3}\n"
    priced.suite(short)
    assert estimate(priced)["rows"][0]["output_tokens"] == 4 * 3  # an answer cannot be longer than it may be
    priced.suite(SUITE.replace(cases("Ana", "Bob"), cases("Ana", "Bob", "Cid")))
    again = estimate(priced, "--mode", "live")["rows"][0]
    assert (again["new"], again["cached"]) == (6, 0)
    assert len(priced.server.requests) == asked
    assert "output from the median of earlier calls: v1-openai/gpt-5-mini" in priced.evalkit("estimate").out


def test_judges_of_cached_answers_are_asked_about_the_real_ones(priced):
    """Equal short answers make equal short questions, and an answer without a match for select none at all."""
    priced.suite(SUITE)
    evalkit.run()
    priced.suite(JUDGED)
    _, judges = estimate(priced)["rows"]
    assert (judges["new"], judges["shared"]) == (6, 6)
    placeholder = estimate(priced, "--mode", "live")["rows"][1]
    assert judges["input_tokens"] / 6 < placeholder["input_tokens"] / 12
    priced.suite(JUDGED.replace("- rubric: {", "- {select: $.text, rubric: {").replace("60}}", "60}}}"))
    assert [row["purpose"] for row in estimate(priced)["rows"]] == ["answers"]


def test_an_unknown_price_is_unknown(project):
    """Never 0: the sum is unknown, what is known is named beside it, and so is the way to state the price."""
    add(project, '[tool.evalkit.providers.own]\nkind = "openai"\nbase_url = "http://127.0.0.1:9/v1"\n')
    project.suite(SUITE.replace("[openai/gpt-5-mini]", "[openai/gpt-5-mini, own/m]"))
    made = estimate(project)
    assert [row["price"] for row in made["rows"]] == ["table", "unknown"]
    assert made["rows"][1]["cost_usd"] is None
    assert made["totals"]["cost_usd"] is None
    assert made["totals"]["known_cost_usd"] == made["rows"][0]["cost_usd"] > 0
    shown = project.evalkit("estimate").out
    assert "cost: unknown (at most unknown); what has a price: $" in shown
    assert '[tool.evalkit.prices."own/m"]' in shown


def test_prices_are_dated(project):
    """The table is named with its version and the age of its newest price."""
    project.suite(SUITE)
    prices = estimate(project)["prices"]
    assert prices.startswith("genai-prices ")
    assert prices.rpartition(" ")[2] <= datetime.now(UTC).date().isoformat()
    assert f"; prices of {prices}" in project.evalkit("estimate").out


def test_scripts_and_recordings_cost_nothing(project):
    """Scripted answers are free in every mode, all others in replay, where the way to a real estimate is shown."""
    project.suite(SUITE.replace("openai/gpt-5-mini", "scripted/m"))
    made = estimate(project)
    assert (made["rows"][0]["scripted"], made["totals"]["cost_usd"], made["prices"]) == (4, 0.0, None)
    project.suite(SUITE)
    assert estimate(project, "--mode", "replay")["rows"][0]["replayed"] == 4
    assert "nothing is paid; --mode cache" in project.evalkit("estimate", "--mode", "replay").out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--max-cost", "0.001"], "max_cost_usd = 0.001: the run would stop at it"),
        (["--max-cost", "0.05"], "max_cost_usd = 0.05: at worst the run would stop at it"),
        (["--max-cost", "0.05"], "it may need up to $0."),
        (["--max-tokens", "100"], "max_tokens = 100: the run would stop at it"),
        (["--max-calls", "3"], "max_calls = 3: the run would stop at it: 4 calls expected"),
    ],
)
def test_a_ceiling_that_would_be_reached_is_said(priced, words, said):
    """Of the command line or the configuration; it is a forecast, so the exit code stays 0."""
    priced.suite(SUITE)
    ran = priced.evalkit("estimate", *words)
    assert (ran.code, said in ran.out) == (0, True)
    assert estimate(priced, "--max-cost", "100", "--max-tokens", "100000", "--max-calls", "4")["ceilings"] == []


def test_a_part_of_the_suites_can_be_estimated(priced, monkeypatch):
    """A file, a folder, a case with or without its variant, from any folder of the project; unknown ones are exit 2 with a hint."""
    priced.suite(SUITE)
    priced.suite(SUITE.replace("suite: hello", "suite: other"), name="other")
    assert estimate(priced)["totals"]["new"] == 4
    assert len(estimate(priced)["rows"]) == 2
    one = "suites/hello.yaml::ana"
    assert estimate(priced, one)["totals"]["new"] == 2
    assert estimate(priced, f"{one}[v1-openai/gpt-5-mini]")["totals"]["calls"] == 2
    assert estimate(priced, one, "suites/hello.yaml")["totals"]["calls"] == 4
    assert len(estimate(priced, "suites")["rows"]) == 2
    monkeypatch.chdir(priced.root / "suites")
    assert [row["suite"] for row in estimate(priced, "other.yaml")["rows"]] == ["other"]
    wrong = priced.evalkit("estimate", "hello.yaml::ann")
    assert (wrong.code, "did you mean 'suites/hello.yaml::ana'" in wrong.err) == (2, True)


def test_a_broken_suite_is_exit_2(priced):
    """What a run refuses, its estimate refuses."""
    priced.suite("suite: hello\nprompt: hello:v9\n")
    ran = priced.evalkit("estimate")
    assert ran.code == 2
    assert "hello.yaml" in ran.err


def test_batches_are_half_the_price(priced):
    """In batch mode everything new goes through the batch API; in other modes that is a line to think about."""
    priced.suite(SUITE)
    plain, batch = estimate(priced)["totals"], estimate(priced, "--mode", "batch")["totals"]
    assert batch["cost_usd"] == plain["batch_cost_usd"] == pytest.approx(plain["cost_usd"] / 2)
    assert batch["worst_cost_usd"] == pytest.approx(plain["worst_cost_usd"] / 2)
    assert "through the providers' batch APIs: $" in priced.evalkit("estimate").out
    assert "batch APIs" not in priced.evalkit("estimate", "--mode", "batch").out


def test_without_tokenizers_their_extra_is_named(priced, monkeypatch):
    """Only where it would help: nobody has a tokenizer for Anthropic's models."""
    monkeypatch.setitem(sys.modules, "bpe_openai", None)
    priced.suite(SUITE)
    shown = priced.evalkit("estimate").out
    assert "input estimated at 4 bytes per token: openai/gpt-5-mini" in shown
    assert "pip install 'pytest-evalkit[tokens]'" in shown
    priced.suite(SUITE.replace("openai/gpt-5-mini", "anthropic/claude-haiku-4-5"))
    assert "pip install" not in priced.evalkit("estimate").out


def test_a_canned_answer_says_nothing_about_the_length_of_the_models_answers(project, monkeypatch):
    """After a run that only the text of last resort served, the output is as unknown as before."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with LLMServer(lambda asked: error(400, "no")) as server:
        project.live(server.url)
        project.suite(SUITE + "fallbacks: [{answer: Hello}]\n")
        assert project.evalkit("run").code == 0
        made = estimate(project)
    assert made["rows"][0]["output_tokens"] > 0


def test_a_mistyped_file_is_guessed_and_a_small_ceiling_has_no_exponent(priced):
    """The words of the two messages that a first user meets."""
    priced.suite(SUITE)
    ran = priced.evalkit("estimate", "suites/helo.yaml")
    assert ran.code == 2
    assert "did you mean 'suites/hello.yaml'" in ran.err
    assert (
        "max_cost_usd = 0.000001: the run would stop at it" in priced.evalkit("estimate", "--max-cost", "0.000001").out
    )


@pytest.mark.parametrize("value", ['"600"', "0", "true"])
def test_a_wrong_limit_is_named_with_its_table(priced, value):
    """Which key of which account, and what stands there."""
    add(priced, f"[tool.evalkit.limits.openai]\nrequests_per_minute = {value}\n")
    ran = priced.evalkit("estimate")
    assert ran.code == 2
    assert "requests_per_minute = " in ran.err
    assert "in [tool.evalkit.limits.openai] is not a number above 0" in ran.err


def test_an_answer_that_may_be_endless_is_not_written_out(project):
    """What a judge would read of it is as long as any window, and no gigabytes of memory."""
    project.prompt("v1", tone="kind", model="anthropic/nobody-knows")
    project.suite(
        "suite: s\nprompt: hello:v1\nparams: {max_output_tokens: 1000000000}\ncases: [{id: a, vars: {customer: Ana}}]\n"
        "checks: [rubric: {ask: Is it kind?, model: anthropic/nobody-knows}]\n"
    )
    ran = project.evalkit("estimate", "--json")
    assert ran.code == 0, ran.err
    made = json.loads(ran.out)
    assert sum(row["input_tokens"] for row in made["rows"]) < 2_000_000
