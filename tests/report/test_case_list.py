"""The list of cases in a real browser: filters, order, keys, the address."""

from __future__ import annotations

from browsing import Visit
from sample_report import build_report

from evalkit.report.page import pack
from evalkit.report.page.html import write_html


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
    assert page.input_value("#filter-q") == "parcel"
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


def test_the_shorthand_of_a_big_page_is_read_back(visit, report, tmp_path, monkeypatch):
    """A page of many texts holds its frequent words once; what is searched and shown is the text as it was."""
    monkeypatch.setattr(pack, "_MUCH", 0)
    big = write_html(report, tmp_path).as_uri()
    query = "#q=a photo of the label"
    shown = visit(query).count
    found = visit(query, page=big)
    assert found.count == shown
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
    page.get_by_role("link", name="Cases of this suite").last.click()
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


def test_the_list_says_of_how_many(visit, report):
    """Tests and trials, each with its denominator; and every offered value with its number of tests."""
    found = visit("#outcome=not-pass")
    bad = {(r.trial.suite, r.trial.case.id, r.trial.variant.label) for r in report.results if r.status != "pass"}
    tests = {(r.trial.suite, r.trial.case.id, r.trial.variant.label) for r in report.results}
    trials = sum((r.trial.suite, r.trial.case.id, r.trial.variant.label) in bad for r in report.results)
    assert found.page.locator("#cases-count").inner_text() == (
        f"{len(bad)} of {len(tests)} tests (case × variant), {trials} of {len(report.results)} trials"
    )
    options = found.page.locator("#filter-outcome option").all_inner_texts()
    assert f"anything but passed ({len(bad)})" in options
    rubric = {
        (r.trial.case.id, r.trial.variant.label)
        for r in report.results
        for v in r.verdicts
        if v.check == "rubric" and v.status in {"fail", "error"}
    }
    assert f"rubric ({len(rubric)})" in found.page.locator("#filter-check option").all_inner_texts()


def test_back_and_forward_go_through_the_filters(visit):
    """Each choice is a step; the letters of one search are a single step; Forward brings it back."""
    found = visit()
    page, everything = found.page, found.count
    page.select_option("#filter-outcome", "not-pass")
    narrowed = found.count
    page.locator("#filter-q").press_sequentially("parcel")
    searched = found.count
    assert len({everything, narrowed, searched}) == 3
    page.go_back()
    assert (found.count, page.input_value("#filter-q")) == (narrowed, "")
    page.go_back()
    assert (found.count, page.input_value("#filter-outcome")) == (everything, "")
    page.go_forward()
    page.go_forward()
    assert (found.count, page.input_value("#filter-q")) == (searched, "parcel")


def test_the_list_sorts_by_its_headings(visit):
    """A click brings up what matters, another turns it round, a third gives the suite's order back; the order is in the address and announced."""
    found = visit("#suite=refund-replies")
    page, before = found.page, found.first_row
    heading = page.locator("[role=columnheader][data-sort=cost]")
    costs = page.locator("#case-list .row[aria-rowindex='2'] .cost, #case-list .row[aria-rowindex='3'] .cost")

    def shown() -> list[float]:
        assert found.count
        return [float(text.removeprefix("$")) for text in costs.all_inner_texts()]

    heading.locator("button").click()
    assert shown() == sorted(shown(), reverse=True)
    assert heading.get_attribute("aria-sort") == "descending"
    assert "sort=-cost" in page.url
    assert page.input_value("#filter-sort") == "-cost"
    heading.locator("button").click()
    assert shown() == sorted(shown())
    assert heading.get_attribute("aria-sort") == "ascending"
    heading.locator("button").click()
    assert found.count
    assert found.first_row == before
    assert "sort=" not in page.url


def test_worst_first_begins_with_what_was_not_measured(visit):
    """Not measured, failed, some repeats passed, passed: in that order, from the address alone."""
    found = visit("#sort=-outcome")
    assert found.page.locator("#case-list .window .row").first.get_attribute("class").startswith("row outcome-error")
    found.page.evaluate("document.getElementById('case-list').scrollTop = 1e9")
    found.page.locator("#case-list .outcome-pass").last.wait_for()
    order = found.page.locator("#case-list .window .row").evaluate_all("rows => rows.map((row) => row.classList[1])")
    assert order[-1] == "outcome-pass"


def test_flips_are_one_key_away(visit):
    """n and p go from flip to flip, in the list and in the pane; the two sides of one flip are one stop."""
    found = visit("#suite=refund-replies")
    page = found.page
    page.keyboard.press("n")
    active = page.locator("#case-list .row.active")
    first = active.locator(".id").inner_text()
    assert active.locator(".flip-mark").count() == 1
    page.keyboard.press("Enter")
    page.keyboard.press("n")
    second = page.locator("#detail-title").inner_text()
    assert not second.startswith(first)
    assert page.locator(".detail-head .badge.broken, .detail-head .badge.fixed, .detail-head .badge.shaky").count() > 0
    page.keyboard.press("p")
    assert page.locator("#detail-title").inner_text().startswith(first)


def test_a_screen_reader_hears_a_grid(visit):
    """One stop for Tab; rows count as if all were there; the active row is named, and stays in the document."""
    page = visit().page
    grid = page.get_by_role("grid", name="Cases")
    total = int(page.locator("#cases-count").inner_text().split(" ")[0])
    assert grid.get_attribute("aria-rowcount") == str(total + 1)
    grid.focus()
    page.keyboard.press("End")
    named = page.locator(f"#{grid.get_attribute('aria-activedescendant')}")
    assert named.get_attribute("aria-rowindex") == str(total + 1)
    assert named.get_attribute("aria-selected") == "true"
    page.keyboard.press("Home")
    assert page.locator("[aria-selected=true]").get_attribute("aria-rowindex") == "2"
    assert grid.get_by_role("row").first.get_by_role("columnheader").count() == 6
    assert page.locator("[aria-selected=true]").get_by_role("gridcell").count() == 6
    assert grid.locator("button:not([tabindex='-1']), a").count() == 0
    assert page.locator("#cases-count").get_attribute("role") == "status"


def test_the_focus_goes_in_and_comes_back(visit):
    """Into the pane's title; a stepping button keeps the focus; out again to where the case was opened."""
    page = visit().page
    focused = "document.activeElement.id || document.activeElement.dataset.tool"
    page.locator("#case-list").focus()
    page.keyboard.press("Enter")
    assert page.evaluate(focused) == "detail-title"
    page.locator("[data-tool=next]").click()
    assert page.evaluate(focused) == "next"
    page.keyboard.press("Escape")
    page.wait_for_selector("#detail:not([open])", state="attached")
    assert page.evaluate(focused) == "case-list"
    opener = page.locator(".flip-body").get_by_role("button", name="Open the case").first
    opener.click()
    page.keyboard.press("Escape")
    page.wait_for_selector("#detail:not([open])", state="attached")
    assert page.evaluate("document.activeElement.textContent") == "Open the case"


def test_rows_in_sight_stay_when_the_list_scrolls(visit):
    """Scrolling by one row makes no new nodes for the rows that were there: that is what keeps it smooth."""
    page = visit().page
    kept = page.evaluate(
        """async () => {
          const box = document.getElementById('case-list');
          const before = new Set(box.querySelectorAll('.window .row'));
          box.scrollTop = 44;
          await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
          const after = [...box.querySelectorAll('.window .row')];
          return [after.filter((row) => before.has(row)).length, after.length, after.map((row) => row.ariaRowIndex).join()];
        }"""
    )
    assert kept[1] - kept[0] <= 1
    assert kept[2] == ",".join(map(str, range(2, kept[1] + 2)))


def test_a_search_before_the_texts_are_ready_still_finds(browser, tmp_path):
    """In a big run the first letter may come at once: the page says that it reads, and then shows what it found."""
    report = build_report(cases=2, repeats=1, hostile=False, topics=3000)
    found = Visit(browser, write_html(report, tmp_path).as_uri() + "#q=number+2999+is")
    try:
        found.page.get_by_text("1 of 3,004 tests").wait_for()
        assert "ticket-2999" in found.first_row
    finally:
        found.context.close()


def test_a_link_to_a_view_opens_at_its_cases(visit):
    """Who follows a link with filters sees the list; a link to the page begins with the verdict."""
    top = "document.querySelector('#cases').getBoundingClientRect().top"
    page = visit("#flip=broken").page
    assert 0 <= page.evaluate(top) < 1000
    assert visit().page.evaluate(top) > 1000


def test_a_list_without_a_row_says_so_and_shows_all_again(visit):
    """An empty list is no mystery, and a case that the run does not have is named."""
    found = visit("#tag=nowhere&q=xyz")
    assert found.count == "0"
    found.page.get_by_role("button", name="Show all").click()
    assert found.count != "0"
    assert not found.page.get_by_text("No test is like that").is_visible()
    page = visit("#case=gone\u202ecase&of=refund-replies/baseline").page
    assert page.locator("#loading").inner_text() == r"This run has no case gone\u202ecase of refund-replies/baseline."
    page.keyboard.press("/")
    page.keyboard.type("a")
    assert not page.locator("#loading").is_visible()
