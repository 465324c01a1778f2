"""The list of cases in a real browser: filters, order, keys, the address."""

from __future__ import annotations

from browsing import Visit
from sample_report import build_report

from evalkit.report.html import write_html


def test_filters_narrow_the_table_and_go_into_the_address(visit):
    """Text, outcome, check, tag, flip and variant narrow the list; together they are in the URL; Clear brings all back."""
    found = visit()
    page, everything = found.page, found.count
    page.fill("#filter-q", "double-charge-003")
    assert found.count == "2"
    assert "double-charge-003" in found.first_row
    page.select_option("#filter-outcome", "not-pass")
    assert found.count == "1"
    page.select_option("#filter-flip", "broken")
    page.select_option("#filter-check", "rubric")
    assert found.count == "1"
    page.select_option("#filter-flip", "fixed")
    assert found.count == "0"
    page.select_option("#filter-flip", "broken")
    for part in ("q=double-charge-003", "outcome=not-pass", "flip=broken", "check=rubric"):
        assert part in page.url
    page.select_option("#filter-variant", "refund-replies/baseline-openai/gpt-5-mini")
    assert found.count == "0"
    page.click("#filter-clear")
    assert found.count == everything
    assert page.url.endswith("#")


def test_a_link_restores_filters_and_the_open_case(visit):
    """Who opens the address sees the same view, and Back closes the case."""
    first = visit()
    first.page.fill("#filter-q", "lost-in-transit")
    first.page.select_option("#filter-variant", "refund-replies/candidate-openai/gpt-5-mini")
    shown = first.count
    first.page.locator("#case-list .window .row").nth(1).click()
    title = first.page.locator("#detail-title").inner_text()
    second = visit("#" + first.page.url.split("#")[1], apart=True)
    assert second.count == shown
    assert second.page.locator("#detail-title").inner_text() == title
    assert second.page.input_value("#filter-q") == "lost-in-transit"
    first.page.go_back()
    first.page.wait_for_selector("#detail:not([open])", state="attached")
    assert first.count == shown


def test_the_keyboard_is_enough(visit):
    """/ searches, j and k move, Enter opens, j moves on inside, Esc closes, ? explains."""
    found = visit()
    page = found.page
    page.keyboard.press("/")
    page.keyboard.type("parcel")
    assert page.input_value("#filter-q") == "parcel"
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    active = page.locator("#case-list .row.active")
    assert active.get_attribute("aria-rowindex") == "3"
    page.keyboard.press("Enter")
    assert page.locator("#detail[open]").count() == 1
    assert page.locator(".detail-tools .position").inner_text().startswith("2 of ")
    page.keyboard.press("j")
    assert page.locator(".detail-tools .position").inner_text().startswith("3 of ")
    page.keyboard.press("Escape")
    assert page.locator("#detail[open]").count() == 0
    page.keyboard.press("?")
    assert "next, previous case" in page.locator("#help").inner_text()


def test_the_search_finds_words_of_answers(visit):
    """Words that stand in answers only, of any repeat, are found."""
    found = visit("#q=a photo of the label")
    shown = int(found.count)
    assert 0 < shown < int(visit().count)
    found = visit("#q=a photo of the label")
    found.page.locator("#case-list .window .row").first.click()
    assert "a photo of the label" in found.page.locator("#detail .side-column").last.inner_text()


def test_the_suite_filter_narrows_the_table_and_the_variants(visit):
    """A suite shows its cases only and lets go of another suite's variant; a suite's own link does the same; it is in the address."""
    found = visit("#variant=refund-replies/baseline-openai/gpt-5-mini")
    page = found.page
    page.select_option("#filter-suite", "ticket-topics")
    assert found.count == "40"
    assert "suite=ticket-topics" in page.url
    assert "variant=" not in page.url
    assert "ticket-000" in found.first_row
    offered = page.locator("#filter-variant option:not([hidden])").all_inner_texts()
    assert offered == ["all", "ticket-topics: baseline-openai/gpt-5-mini"]
    page.click("#filter-clear")
    page.locator("a[data-suite='ticket-topics']").click()
    assert found.count == "40"
    assert page.input_value("#filter-suite") == "ticket-topics"


def test_ten_thousand_rows_keep_few_in_the_document(browser, tmp_path):
    """The table is virtual: scrolling to the end shows the last row with some dozens of rows in the document."""
    report = build_report(cases=600, repeats=1, hostile=False, topics=4000)
    found = Visit(browser, write_html(report, tmp_path).as_uri())
    try:
        rows = found.page.locator("#case-list .window .row")
        assert found.count == "5,200"
        found.page.evaluate("document.getElementById('case-list').scrollTop = 1e9")
        found.page.get_by_text("ticket-3999", exact=True).wait_for()
        assert rows.count() < 80
    finally:
        found.context.close()
