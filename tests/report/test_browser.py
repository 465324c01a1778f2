"""The report in a real browser: it works, and nothing of the model runs."""

from __future__ import annotations

import os
import random
import re
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from sample_report import build_report, make_case, make_result, summarise, variant

from evalkit.report.html import write_html

if TYPE_CHECKING:
    from evalkit.report.values import RunReport

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


def _chromium() -> str:
    names = (os.environ.get("EVALKIT_CHROMIUM"), "chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if name and (path := shutil.which(name))), None)
    return found or pytest.skip("no chromium found: install it or set EVALKIT_CHROMIUM to its path")


@pytest.fixture(scope="module")
def browser():
    path = _chromium()
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory, report) -> str:
    return write_html(report, tmp_path_factory.mktemp("reports")).as_uri()


class Visit:
    """One page and everything it complained about or asked for."""

    def __init__(self, browser, address: str, *, width: int = 1440, height: int = 1000, scheme: str = "light") -> None:
        self.context = browser.new_context(reduced_motion="reduce")
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.open(address, width=width, height=height, scheme=scheme)

    def open(self, address: str, *, width: int = 1440, height: int = 1000, scheme: str = "light") -> None:
        self.page.set_viewport_size({"width": width, "height": height})
        self.page.emulate_media(color_scheme=scheme)
        self.page.goto("about:blank")
        self.complaints.clear()
        self.requests.clear()
        self.page.goto(address)
        self.page.wait_for_selector("html[data-ready]")

    @property
    def count(self) -> str:
        """How many tests the table says it shows."""
        # The filter is applied in the frame after the change.
        self.page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        return self.page.locator("#cases-count").inner_text().split(" of ")[0]

    @property
    def first_row(self) -> str:
        return self.page.locator("#case-list .window .row").first.inner_text()


@pytest.fixture(scope="module")
def shared(browser, address):
    """One page for the whole module: a new one costs more than most tests do."""
    found = Visit(browser, address)
    yield found
    found.context.close()


@pytest.fixture
def visit(browser, address, shared):
    """Open the sample page; ``page`` opens another one, ``apart`` gives a second page beside the first."""
    others = []

    def start(fragment: str = "", *, page: str = address, apart: bool = False, **options) -> Visit:
        if apart:
            others.append(Visit(browser, page + fragment, **options))
            return others[-1]
        shared.open(page + fragment, **options)
        return shared

    yield start
    for other in others:
        other.context.close()


@pytest.fixture(scope="module")
def hostile_count(report) -> int:
    return len({(r.trial.case.id, r.trial.variant.label) for r in report.results if "hostile" in r.trial.case.tags})


def _one_answer(text: str, *, cost: float = 0.0004) -> RunReport:
    """A run of one trial with this answer."""
    rng = random.Random(1)
    result = make_result(make_case(0, rng, name="odd"), variant("baseline", 1), 0, rng, good=True, text=text)
    result = replace(result, call=replace(result.call, cost_usd=cost))
    return replace(
        build_report(cases=2, repeats=1, hostile=False, topics=0), results=(result,), variants=summarise([result])
    )


def test_hostile_strings_are_shown_and_nothing_runs(visit, hostile_count):
    """Opening every hostile case runs nothing, breaks nothing and asks the network for nothing."""
    found = visit("#tag=hostile")
    assert found.count == str(hostile_count)
    found.page.locator("#case-list").focus()
    found.page.keyboard.press("Enter")
    for _ in range(hostile_count):
        assert found.page.locator("#detail .answer").count() > 0
        found.page.keyboard.press("j")
    for details in found.page.locator("#detail details").all():
        details.evaluate("node => { node.open = true }")
    shown = found.page.evaluate("document.documentElement.innerText")
    assert "window.__pwned" in shown
    assert not {"\x1b", "\u202e", "\u200b"} & set(shown)
    assert found.page.evaluate("window.__pwned") is None
    assert (
        found.page.evaluate(
            "document.querySelectorAll('#detail img, #detail a, #detail iframe, #detail script').length"
        )
        == 0
    )
    assert found.complaints == []
    assert all(request.startswith(("file:", "data:", "about:")) for request in found.requests)


def test_the_policy_holds_against_injected_markup(visit):
    """Were markup to slip in, it would not run: handlers, inline scripts and images are refused, and HTML sinks throw."""
    page = visit().page
    page.evaluate(
        """() => {
          const script = document.createElement('script');
          try { script.textContent = 'window.__pwned = 1'; } catch { /* refused even earlier */ }
          document.body.append(script);
          try { document.body.insertAdjacentHTML('beforeend', '<img src=x onerror="window.__pwned=2">'); } catch (error) { window.sink = error.name; }
        }"""
    )
    assert page.evaluate("window.__pwned") is None
    assert page.evaluate("window.sink") == "TypeError"


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


def test_a_case_shows_both_answers_with_changed_words_and_evidence(visit):
    """Side by side: removed and added words, the evidence of checks (also after an emoji), the reason, attempts."""
    page = visit("#case=double-charge-003&of=refund-replies%2Fcandidate-openai%2Fgpt-5-mini").page
    detail = page.locator("#detail")
    assert detail.locator(".side-column").count() == 2
    assert detail.locator("del.word").count() > 0
    assert "I am sorry that it has not arrived" in "".join(
        detail.locator(".side-column").nth(1).locator("ins.word, .answer").all_inner_texts()
    )
    assert detail.locator("mark.evidence.fail").inner_text() == "help@shop.example"
    assert "no next step is named" in detail.inner_text()
    before = detail.locator(".side-column").nth(1).inner_text()
    detail.locator(".side-column").nth(1).get_by_role("button", name="repeat 3").click()
    assert detail.locator(".side-column").nth(1).inner_text() != before


def test_a_case_shows_what_was_sent_and_what_the_judge_said(visit):
    """The system prompts beside each other with their changed words, the user's message once; the judge's question and its reply."""
    detail = visit("#case=double-charge-003&of=refund-replies%2Fcandidate-openai%2Fgpt-5-mini").page.locator("#detail")
    sent = detail.locator(".conversation")
    assert sent.locator(".sides .message").count() == 2
    assert "Be warm and concrete" in sent.locator("ins.word").first.inner_text() + sent.inner_text()
    assert sent.get_by_text("asks about order A-1003").count() == 1
    judge = detail.locator(".judge").first
    assert "Is the tone kind and concrete?" in judge.inner_text()
    assert judge.locator("pre").first.inner_text() == "yes"
    assert "anthropic/claude-sonnet-4-5 · live call · $0.000404 · 800 ms" in judge.inner_text()


def test_the_search_finds_words_of_answers(visit):
    """Words that stand in answers only, of any repeat, are found."""
    found = visit("#q=a photo of the label")
    shown = int(found.count)
    assert 0 < shown < int(visit().count)
    found = visit("#q=a photo of the label")
    found.page.locator("#case-list .window .row").first.click()
    assert "a photo of the label" in found.page.locator("#detail .side-column").last.inner_text()


def test_json_keeps_what_was_written(visit, tmp_path):
    """Indenting changes white space only: doubled keys and trailing zeros stay, and evidence is marked where it stands."""
    text = '{"a":1.50,"a":[],"note":"within 30 days","deep":{"b":[1,2]}}'
    page = write_html(_one_answer(text), tmp_path).as_uri()
    answer = visit("#case=odd&of=refund-replies%2Fbaseline-openai%2Fgpt-5-mini", page=page).page.locator(
        "#detail .side-column .answer.code"
    )
    assert answer.inner_text().split("\n")[:4] == ["{", '  "a": 1.50,', '  "a": [],', '  "note": "within 30 days",']
    assert answer.locator("mark.evidence").inner_text() == "30 days"


def test_money_is_never_a_power_of_ten(visit, tmp_path):
    """However small a price is, it is written out."""
    found = visit(page=write_html(_one_answer("30 days", cost=0.00000024), tmp_path).as_uri())
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
    """On a laptop, without scrolling: the verdict, the gates that did not pass, and of every suite flips, pass rate, cost and latency."""
    page = visit(width=1440, height=900).page
    parts = ["#verdict-line", ".gate:last-child .reason", ".overview tbody tr:last-child"]
    for part in parts:
        box = page.locator(part).first.bounding_box()
        assert box["y"] + box["height"] <= 900
    row = " ".join(page.locator(".overview tbody tr").first.inner_text().split())
    for words in ("broken", "fixed", "→", " pp", "$0.000710 → $0.000830", "×1.17", "1.21 s → 1.09 s"):
        assert words in row


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


def test_json_answers_are_pretty_and_can_be_seen_as_received(visit):
    """A JSON answer has one value per line, and the original is one click away."""
    page = visit("#case=expired-coupon-006&of=refund-replies%2Fcandidate-openai%2Fgpt-5-mini").page
    answer = page.locator("#detail .side-column").first.locator("pre.answer").first
    assert '\n  "amount": 12.5' in answer.inner_text()
    page.locator("#detail button.raw").first.click()
    assert (
        "\n"
        not in page.locator("#detail .side-column").first.locator("pre.answer").first.inner_text().split(" Write to")[0]
    )


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


def test_without_scripts_the_page_says_what_is_missing(browser, address):
    """The first screen stays, and a note stands where the table would be."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    assert "needs JavaScript" in page.locator("noscript").inner_text()
    assert page.locator("h1").is_visible()
    context.close()
