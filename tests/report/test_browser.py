"""The report in a real browser: the first screen, both themes, phones."""

from __future__ import annotations

import re

import pytest
from browsing import one_answer
from sample_report import build_report

from evalkit.report.page.html import write_html


def test_money_is_never_a_power_of_ten(visit, tmp_path):
    """However small a price is, it is written out."""
    found = visit(page=write_html(one_answer("30 days", cost=0.00000024), tmp_path).as_uri())
    assert "$0.000000240" in found.first_row
    assert not re.search(r"\$[\d.]+e", found.page.locator("main").inner_text())


def test_passed_gates_are_behind_one_line(visit):
    """Failed and undecided gates stand in full; the passed ones are counted, and open to one line each with the reason inside."""
    card = visit().page.locator(".gates")
    assert [text.split() for text in card.locator(".gate .badge").all_inner_texts()] == [
        ["✗", "Failed"],
        ["?", "Undecided"],
    ]
    fold = card.locator("details.fold")
    assert fold.locator("> summary").inner_text().split() == ["✓", "2", "gates", "passed"]
    assert not fold.get_by_text("pass_rate >= 0.80").is_visible()
    fold.locator("> summary").click()
    line = fold.locator(".gate-fold").first
    assert line.get_by_text("pass_rate >= 0.80").is_visible()
    assert line.get_by_text("300 trials").is_visible()
    assert not line.get_by_text("at least 82.9%").is_visible()
    line.locator("summary").click()
    assert line.get_by_text("at least 82.9%").is_visible()


def test_the_first_screen_shows_what_did_not_pass_and_what_changed(visit):
    """On a laptop, without scrolling: the verdict, the gates that did not pass, and of every suite flips, pass rate, cost and latency as numbers
    and as intervals on an axis, and what was not measured."""
    page = visit(width=1440, height=900).page
    parts = ["#verdict-line", ".gate:last-child .reason", ".overview tbody tr:last-child", ".overview tfoot .axis text"]
    assert "could not be measured" in page.locator(".coverage").first.inner_text()
    assert page.locator(".overview .interval .point").count() == 3
    for part in parts:
        box = page.locator(part).first.bounding_box()
        assert box["y"] + box["height"] <= 900
    row = " ".join(page.locator(".overview tbody tr").first.inner_text().split())
    for words in ("broken", "fixed", "→", " pp", "$0.000710 → $0.000830", "×1.17", "1.21 s → 1.09 s"):
        assert words in row


def test_one_suite_needs_no_suite_filter(visit, tmp_path):
    """With a single suite there is nothing to choose, and the sections are the page's own."""
    page = visit(page=write_html(build_report(cases=20, topics=0, hostile=False), tmp_path).as_uri()).page
    assert page.locator("#filter-suite").count() == 0
    assert page.locator(".top nav a").all_inner_texts() == ["Summary", "Changes", "Flips", "Prompts", "Run", "Cases"]
    for link in page.locator(".top nav a").all():
        assert page.locator(link.get_attribute("href")).count() == 1


def test_headings_skip_no_level(visit, tmp_path):
    """One h1, and every heading at most one level below the one before: with one suite as with several."""
    single = write_html(build_report(cases=20, topics=0, hostile=False), tmp_path).as_uri()
    for page in (visit().page, visit(page=single).page):
        levels = page.evaluate(
            "[...document.querySelectorAll('main :is(h1,h2,h3,h4,h5,h6)')].map((h) => Number(h.tagName[1]))"
        )
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(after - before <= 1 for before, after in zip(levels, levels[1:], strict=False))


def test_fingers_hit_what_they_mean_on_a_phone(visit):
    """Links of the navigation, buttons, fields and folds are at least 40 pixels high at phone width, also in an open case."""
    page = visit(
        "#case=double-charge-003&of=refund-replies%2Fcandidate-openai%2Fgpt-5-mini", width=390, height=844
    ).page
    low = page.evaluate(
        """() => [...document.querySelectorAll('nav a, button:not(.link), select, input, summary, .more')]
          .filter((node) => node.checkVisibility() && node.getBoundingClientRect().height < 40).map((node) => node.outerHTML.slice(0, 120))"""
    )
    assert low == []


def test_a_flip_on_the_page_opens_with_its_answers(visit):
    """The first broken case is open with both answers, without a click."""
    page = visit().page
    body = page.locator("details[data-flip][open] .flip-body")
    assert body.locator(".side-column").count() == 2


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (390, "dark"), (768, "light"), (1440, "dark")])
def test_the_page_never_scrolls_sideways(visit, width, scheme):
    """At phone width too, with the longest hostile ids, and with a case open."""
    found = visit("#tag=hostile", width=width, height=844, scheme=scheme)
    overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert found.page.evaluate(overflow) == 0
    for item in found.page.locator("details[data-flip]").all():
        item.evaluate("node => { node.open = true }")
    assert found.page.evaluate(overflow) == 0
    found.page.locator("#case-list .window .row").first.click()
    assert found.page.evaluate("(d => d.scrollWidth - d.clientWidth)(document.getElementById('detail'))") == 0


CONTRAST = """() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgb = (colour) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data]; };
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255).map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (node) => { for (let at = node; at; at = at.parentElement) { const c = rgb(getComputedStyle(at).backgroundColor); if (c[3] === 255) return c; } return rgb('Canvas'); };
  const low = new Set();
  for (const node of document.querySelectorAll('body *')) {
    if (node.closest('svg, script, .skip, .hidden') || !node.checkVisibility()) continue;
    if (![...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim())) continue;
    const [a, b] = [light(rgb(getComputedStyle(node).color)), light(behind(node))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) low.add(`${node.tagName}.${node.className} ${ratio.toFixed(2)}`);
  }
  return [...low];
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_enough_contrast(visit, scheme):
    """WCAG AA: 4.5 to 1 against what is behind it, in both themes, also in the folds and in an open case."""
    page = visit("#case=double-charge-003&of=refund-replies%2Fcandidate-openai%2Fgpt-5-mini", scheme=scheme).page
    page.evaluate("document.querySelectorAll('details').forEach((node) => { node.open = true; })")
    assert page.evaluate(CONTRAST) == []


def test_without_scripts_the_page_says_what_is_missing(browser, address):
    """The first screen stays, and a note stands where the table would be."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    assert "needs JavaScript" in page.locator("noscript").inner_text()
    assert page.locator("h1").is_visible()
    context.close()
