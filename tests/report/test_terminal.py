"""What the terminal shows of a run and of one failing case."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sample_report import HOSTILE, build_report

from evalkit.errors import Where
from evalkit.report.text import failure_text, terminal_summary


def _tests(report):
    grouped = {}
    for result in report.results:
        grouped.setdefault((result.trial.case.id, result.trial.variant.name), []).append(result)
    return grouped


def _shown(results, require=2):
    trial = results[0].trial
    return failure_text(trial.test_id, results, trial.case.where, trial.variant.prompt, require=require)


def test_the_summary_counts_everything_with_its_denominator(report):
    """Pass rates are passed/total with errors and skips; cost, calls, gates with reasons and flips are there."""
    text = terminal_summary(report)
    for variant in report.variants:
        total = variant.passed + variant.failed + variant.errors
        assert f"{variant.passed}/{total} (errors {variant.errors}, skipped 0)" in text
    flat = " ".join(text.split())
    assert f"calls: {report.calls.paid:,} paid ($0.410), 41 shared, 3 failed" in flat
    for gate in report.gates:
        reason = "" if gate.status == "passed" else f": {gate.reason}"
        assert f"{gate.gate} [{gate.variant}]{reason}" in flat
    comparison = report.comparisons[0]
    assert f"▼ {comparison.broken} broken: " in text
    assert f"▲ {comparison.fixed} fixed: " in text
    assert "✗ FAILED candidate cannot be called" in text


def test_an_unknown_price_is_not_zero(report):
    """A cost that nobody knows is called unknown."""
    unknown = replace(report, variants=(replace(report.variants[0], cost_usd=None),))
    assert "cost unknown" in terminal_summary(unknown)


def test_recorded_answers_are_called_so():
    """A replayed run says that its answers are recordings."""
    assert "(answers replayed from recordings)" in " ".join(
        terminal_summary(build_report(cases=3, mode="replay")).split()
    )


def test_without_colour_there_is_no_escape_and_colour_adds_nothing_else(report):
    """Colour only paints: without its codes the text is the same, and hostile ids bring none of their own."""
    plain, painted = terminal_summary(report), terminal_summary(report, colour=True)
    assert "\x1b" not in plain
    for code in ("0", "1", "2", "31", "32", "33", "35"):
        painted = painted.replace(f"\x1b[{code}m", "")
    assert painted == plain


@pytest.mark.parametrize("width", [10, 60, 200])
def test_lines_wrap_at_the_width(report, width):
    """Prose lines fit, also when the terminal is absurdly narrow; only the table of variants may be wider."""
    prose = [
        line
        for line in terminal_summary(report, width=width).split("\n")
        if "(errors" not in line and "suites/" not in line
    ]
    assert max(map(len, prose)) <= max(width, 40)


def test_a_failing_case_shows_what_a_reader_needs(report):
    """Prompt reference, repeats, the answer, each failed check with reason and suite line, and the case's place; in ten lines or so."""
    results = _tests(report)["double-charge-003", "candidate"]
    text = _shown(results)
    passed = sum(result.status == "pass" for result in results)
    assert "refund-reply:v2" in text
    assert f"{passed} of 3 repeats passed, 2 required" in text
    assert "Hello Dora 👋🏽, thank you" in text
    assert "✗ not pii (suites/refunds.yaml:25): an e-mail address" in text
    assert "✗ rubric (suites/refunds.yaml:27): no next step" in text
    assert "length" not in text.replace("length-", "")  # a check that passed is not the news
    assert text.endswith("case     suites/refunds.yaml:15")
    assert text.count("\n") < 12


def test_a_case_without_an_answer_shows_the_failure(report):
    """The failure's kind, message, attempts and hint take the answer's place."""
    text = _shown(_tests(report)["expired-coupon-041", "candidate"])
    assert "no answer: overloaded after 4 attempts: 529 from the provider on every attempt" in text
    assert "hint     try again later" in text
    assert "answer " not in text
    assert "(errors 1)" in text


def test_many_failed_checks_are_counted(report):
    """Forty failed checks do not fill the screen, and none is silently dropped."""
    result = _tests(report)["double-charge-003", "candidate"][0]
    bad = next(v for v in result.verdicts if v.status == "fail")
    text = _shown([replace(result, verdicts=(bad,) * 40)])
    assert "and 35 more that did not pass" in text
    assert text.count("\n") < 12


@pytest.mark.parametrize("payload", HOSTILE)
def test_hostile_strings_do_not_reach_the_terminal_raw(report, payload):
    """Ids, answers, reasons, error messages and places are cleaned."""
    results = [r for r in report.results if payload in r.trial.case.id]
    spoiled = failure_text(payload, results, Where(payload, 3), payload)
    for text in (spoiled, terminal_summary(replace(report, verdict=payload, notes=(payload,)))):
        text.encode("utf-8")
        assert all(character == "\n" or character.isprintable() for character in text)
        assert not any(line.lstrip().startswith("::") for line in text.split("\n"))
    assert spoiled.count("\n") < 12


def test_an_empty_answer_is_said_to_be_empty(report):
    """No text is shown as such, with the tools called instead, if any."""
    results = [r for r in report.results if r.trial.suite == "ticket-topics" and r.reply.tool_calls][:1]
    silent = [replace(r, call=replace(r.call, reply=replace(r.reply, text=""))) for r in results]
    assert "(no text; tool calls: set_topic)" in _shown(silent)
    mute = [replace(r, call=replace(r.call, reply=replace(r.reply, text="", tool_calls=()))) for r in results]
    assert "(empty)" in _shown(mute)
