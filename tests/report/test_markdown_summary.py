"""The Markdown for a pull request: model output cannot leave its fence or call anybody."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_report import HOSTILE, build_report

from evalkit.report.markdown import MAX_BYTES, fenced, markdown_summary, text


def _outside_fences(markdown: str) -> str:
    """The lines that GitHub would read as Markdown."""
    kept, fence = [], None
    for line in markdown.split("\n"):
        run = re.match(r"`{3,}", line)
        if fence is None and run:
            fence = run.group()
        elif fence is not None and line.strip() == fence:
            fence = None
        elif fence is None:
            kept.append(line)
    assert fence is None, "a fence was left open"
    return "\n".join(kept)


def test_verdict_gates_and_flips_are_there(report):
    """A reviewer reads the verdict, the gates with reasons, the metrics with denominators and the broken cases with both answers."""
    markdown = markdown_summary(report)
    assert markdown.startswith("## ✗ evalkit: Failed")
    for gate in report.gates:
        assert text(gate.reason) in markdown
    comparison = report.comparisons[0]
    assert f"{comparison.broken} broken, {comparison.fixed} fixed" in markdown
    assert "Hello Dora" in markdown


def test_gates_that_passed_are_behind_a_line(report):
    """What failed comes first, then what is undecided; the others are counted with their denominator and can be unfolded."""
    markdown = markdown_summary(report)
    open_part, _, rest = markdown.partition("<details><summary>✓ 2 of 4 gates passed</summary>")
    assert [line.split(" | ")[0] for line in open_part.split("\n") if line.startswith(("| ✓", "| ✗", "| ?"))] == [
        "| ✗ Failed", "| ? Undecided",
    ]  # fmt: skip
    folded = rest.partition("</details>")[0]
    assert folded.startswith("\n\n|"), "GitHub reads a table in an element only after an empty line"
    assert folded.count("| ✓ Passed |") == 2


def test_recorded_answers_are_called_so():
    """A replayed run is labelled."""
    assert "replayed from recordings" in markdown_summary(build_report(cases=3, mode="replay"))


@pytest.mark.parametrize("payload", HOSTILE)
def test_outside_of_fences_there_is_no_markup_of_the_model(report, payload):
    """No tag but ours, no mention, no link, wherever the hostile string stands."""
    flips = tuple(replace(flip, case_id=payload, kind="broken") for flip in report.comparisons[0].flips[:2])
    gates = (replace(report.gates[0], gate=payload, reason=payload, variant=payload),)
    comparison = replace(report.comparisons[0], flips=flips, sentence=payload, suite=payload)
    spoiled = replace(report, verdict=payload, gates=gates, comparisons=(comparison,), notes=(payload,))
    shown = _outside_fences(markdown_summary(spoiled))
    assert set(re.findall(r"<[^>]*>", shown)) <= {"<details>", "<summary>", "</summary>", "</details>"}
    assert "@" not in shown
    assert "](" not in shown
    assert "://" not in shown


@given(st.text(st.characters(codec=None, exclude_categories=()) | st.just("`"), max_size=120))
def test_a_fence_is_longer_than_any_backticks_inside(content):
    """The closing fence appears only at the end."""
    block = fenced(content).split("\n")
    fence = re.match(r"`+", block[0]).group()
    assert block[-1] == fence
    assert all(fence not in line for line in block[1:-1])
    "\n".join(block).encode("utf-8")


def test_a_huge_run_stays_below_the_limit(report):
    """GitHub drops a step summary that is too large; the cut says so and leaves no fence open."""
    long = replace(report, notes=tuple("n" * 490 for _ in range(3000)), verdict="v")
    many = replace(report, comparisons=(replace(report.comparisons[0], sentence="s"),) * 4000)
    for spoiled in (long, many):
        markdown = markdown_summary(spoiled)
        assert len(markdown.encode()) < MAX_BYTES
        assert "cut here at 900,000 bytes" in markdown
        _outside_fences(markdown)


def test_cases_that_decide_are_shown_though_nothing_flipped(report):
    """Where no gate decides, a case that fails on both sides fails the run: the summary shows it; where gates decide, it is no news."""
    flips = {flip.case_id for flip in report.comparisons[0].flips}
    both = [one for one in report.results if one.status == "fail" and one.trial.suite == "refund-replies"]
    steady = [one for one in both if one.trial.case.id not in flips]
    assert steady
    results = tuple(replace(one, trial=replace(one.trial, repeat=0)) for one in steady[:3])
    ungated = replace(report, results=results, gates=())
    shown = markdown_summary(ungated)
    assert "### 3 trials failed" in shown
    assert all(f"✗ {one.trial.case.id}" in shown for one in results)
    assert "### 3 trials failed" not in markdown_summary(replace(report, results=results))


def test_what_is_nothing_on_both_sides_has_not_changed(report):
    """$0 before and after is no unknown change."""
    free = tuple(
        replace(one, a=0.0, b=0.0, change=None, interval=None, word="undefined")
        for one in report.comparisons[0].metrics[3:4]
    )
    comparison = replace(report.comparisons[0], metrics=free, errors_a=0, errors_b=0)
    assert "| cost per answer | $0 | $0 | no difference | none |" in markdown_summary(
        replace(report, comparisons=(comparison,))
    )
