"""What became of the paired cases, and why: what could not be measured neither broke nor was fixed."""

from __future__ import annotations

import random
from dataclasses import replace
from urllib.parse import parse_qs

import pytest
from browsing import Visit
from sample_report import make_case, make_result, prompt_records, variant

from evalkit.compare.compare import compare
from evalkit.compare.paired_outcomes import flip_name, paired_outcomes
from evalkit.compare.values import Side
from evalkit.model.calls import CallFailure
from evalkit.model.results import Verdict
from evalkit.report.annotations import annotations_of
from evalkit.report.markdown import markdown_summary
from evalkit.report.page.html import case_link, render_html, write_html
from evalkit.report.page.view import page_view
from evalkit.report.text import terminal_summary

SIDES = (variant("baseline", 1), variant("candidate", 2))
PLAIN = make_result(make_case(0, random.Random(1)), SIDES[0], 0, random.Random(1), good=True).measurement()
OUTAGE = CallFailure("overloaded", "529 from the provider", 4, "try again later")


def a_run(report, after: str, *, before: str = "", reason: str = "expected 'CAD', found 'USD'"):
    """A run of one case per letter: ``p`` passes, ``f`` fails on ``equals``, ``e`` has no answer. ``before`` passes throughout unless told."""
    rng = random.Random(1)
    results = []
    for index, letters in enumerate(zip(before or "p" * len(after), after, strict=True)):
        case = make_case(index, rng, name=f"case-{index}", tags=frozenset())
        for side, letter in zip(SIDES, letters, strict=True):
            result = make_result(case, side, 0, rng, good=True, text="fine", failure=OUTAGE if letter == "e" else None)
            verdict = Verdict("equals", "content", "fail" if letter == "f" else "pass", reason, line=21)
            warned = Verdict("length", "shape", "fail", "too long", severity="warn")
            results.append(replace(result, verdicts=() if letter == "e" else (warned, verdict)))
    rows = [result.measurement() for result in results]
    a, b = ([row for row in rows if row.label == side.label] for side in SIDES)
    names = tuple(Side(side.name, side.label) for side in SIDES)
    found = compare(a, b, a_side=names[0], b_side=names[1], suite="refund-replies")
    return replace(
        report,
        results=tuple(results),
        comparisons=(found,),
        gates=(),
        prompts=prompt_records(),
    )


def test_an_outage_breaks_no_case(report):
    """40 errors are 40 cases that were not measured: in the page, the terminal and Markdown nothing broke, and nothing is worse."""
    run = a_run(report, "e" * 40, before="p" * 34 + "f" * 6)
    (view,) = page_view(run).comparisons
    assert dict(view.outcomes) == {"broken": 0, "fixed": 0, "pass both": 0, "fail both": 0, "not measured": 40}
    assert not view.comparable
    assert {row.word for group in view.groups for row in group.rows} == {"not comparable"}
    assert [(group.kind, group.count) for group in view.flips if group.count] == [("unmeasured", 34)]
    terminal = terminal_summary(run)
    assert "! 34 not measured: case-0" in terminal
    markdown = markdown_summary(run)
    assert "0 broken, 0 fixed, 0 pass both, 0 fail both, 40 not measured, of 40 paired cases." in markdown
    assert "not comparable" in markdown
    page = render_html(run)
    assert not [one for one in annotations_of(run) if "broken by" in one.title]
    for text in (terminal, page, markdown):
        assert "34 broken" not in text
        assert "(worse)" not in text
    assert 'class="reading worse"' not in page
    assert "−100.0 pp" not in page.partition('id="cmp-0"')[0]


def test_outcomes_are_all_the_paired_cases(report):
    """Whatever the errors, the groups sum up to the paired cases; a single error in a hundred does not hide the difference."""
    run = a_run(report, "f" * 3 + "e" + "p" * 96, before="p" * 95 + "f" * 5)
    (comparison,) = run.comparisons
    found = paired_outcomes(comparison)
    assert (found.broken, found.fixed, found.unmeasured, found.both_pass) == (3, 5, 1, 91)
    assert sum(count for _, count in found) == comparison.n_paired == 100
    assert ": 3 broken, 5 fixed, 1 not measured; " in comparison.sentence
    assert page_view(run).comparisons[0].comparable


def test_odd_notes_of_a_journal_are_no_cases(report):
    """The ids of errors come from a journal: what has not their shape counts for nothing."""
    (comparison,) = a_run(report, "fp").comparisons
    for odd in (7, "case-1", [["x"], 3, None], {"case-1": 1}):
        assert paired_outcomes(replace(comparison, extra={"error_cases_b": odd})).unmeasured == 0


@pytest.mark.parametrize(
    ("before", "after", "name"),
    [
        ("ppp", "ffe", "broken"),  # two of three failed whatever the third would have done
        ("ppp", "pfe", "unmeasured"),  # the third may have passed
        ("ppp", "ppe", "unmeasured"),
        ("ffe", "ppp", "fixed"),
        ("fee", "ppp", "unmeasured"),
        ("pppe", "fffe", "broken"),
        ("ppe", "fff", "broken"),
    ],
)
def test_errors_do_not_hide_what_really_failed(before, after, name):
    """A case is broken if it is broken even with its errors as passes; the row-by-row comparison and its sentence agree."""
    words = {"p": "pass", "f": "fail", "e": "error"}
    sides = [
        [
            replace(PLAIN, variant=side.name, label=side.label, repeat=place, status=words[letter])
            for place, letter in enumerate(letters)
        ]
        for side, letters in zip(SIDES, (before, after), strict=True)
    ]
    found = compare(*sides, a_side=Side("a", SIDES[0].label), b_side=Side("b", SIDES[1].label), suite="s")
    (flip,) = found.flips
    assert flip_name(flip) == name
    outcomes = paired_outcomes(found)
    assert (outcomes.broken, outcomes.fixed) == (int(name == "broken"), int(name == "fixed"))


def test_every_flip_says_why(report):
    """In one line: the check that fails where it passes less often, its reason cut; a warning is no reason, a call without an answer is one."""
    run = a_run(report, "fpep", before="pfpp", reason="expected 'CAD',\nfound \x1b[31m" + "USD" * 200)
    (view,) = page_view(run).comparisons
    why = {flip.case_id: reason for group in view.flips for _, flip, reason in group.shown}
    assert why["case-0"].startswith("equals: expected 'CAD', found \\x1b[31mUSDUSD")
    assert why["case-0"] == why["case-1"]
    assert len(why["case-0"]) < 250
    assert why["case-2"] == "no answer: overloaded: 529 from the provider"


def test_what_another_run_answered_has_no_reason(report):
    """A saved baseline is not in this file: a fixed case says nothing rather than something wrong."""
    run = a_run(report, "p", before="f")
    (comparison,) = run.comparisons
    other = replace(comparison, a=replace(comparison.a, run_id="20260101T000000-aaaa"))
    (view,) = page_view(replace(run, comparisons=(other,))).comparisons
    assert [reason for group in view.flips for _, _, reason in group.shown] == [""]


def test_the_checks_that_broke_cases_lead_to_them(report, browser, tmp_path):
    """The first screen names them, most cases first; a click filters the list to as many as it said, puts it into the address and brings it into sight."""
    run = a_run(report, "ffpp" + "p" * 60)
    assert page_view(run).comparisons[0].broken_by == (("equals", 2),)
    found = Visit(browser, write_html(run, tmp_path).as_uri(), height=900)
    try:
        link = found.page.locator(".first .broken-by a")
        assert link.inner_text().split() == ["equals", "2", "of", "2", "broken", "cases"]
        link.click()
        assert found.count == "2"
        assert parse_qs(found.page.url.partition("#")[2]) == {
            "suite": ["refund-replies"], "variant": [f"refund-replies/{SIDES[1].label}"], "flip": ["broken"], "check": ["equals"],
        }  # fmt: skip
        found.page.wait_for_function("document.getElementById('cases').getBoundingClientRect().top < innerHeight / 2")
        found.page.locator(".first .to-cases").first.click()
        assert found.count == "2"
        assert found.page.input_value("#filter-flip") == "broken"
        assert not found.complaints
    finally:
        found.context.close()


@pytest.mark.parametrize("name", ["a b&c=d#e", "\ud800 lone", "\U0001f600 ü", "%2e", "\x1b[31m"])
def test_an_address_holds_any_name(name):
    """What the script reads out of the address is the name as the page knows it, lone surrogates replaced."""
    (value,) = parse_qs(case_link(suite=name).removeprefix("#"))["suite"]
    assert value == name.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def test_the_page_says_once_what_was_measured(report):
    """What was decided is the heading; how much was measured stands below it, once, with its gaps."""
    run = replace(
        report, verdict="FAILED: 1 of 4 gates failed (x in y), 3 passed; 560 of 570 planned trials measured (10 errors)"
    )
    view = page_view(run)
    assert view.verdict == "1 of 4 gates failed (x in y), 3 passed"
    assert view.coverage == "560 of 570 planned trials measured (10 errors)"
    first_screen = render_html(run).partition('id="unknown"')[0]
    assert first_screen.count("trials measured") == 1


def test_a_pull_request_says_why_before_anything_is_unfolded(report):
    """In Markdown the checks that broke cases stand beside the counts, and each broken case begins with its reason."""
    markdown = markdown_summary(a_run(report, "ffp" + "p" * 60, reason="expected *CAD*"))
    assert "2 broken, 0 fixed, 61 pass both, 0 fail both, of 63 paired cases. Broken by equals 2." in markdown
    assert "<summary>▼ case-0: 1/1 → 0/1; equals: expected &#42;CAD&#42;</summary>" in markdown
