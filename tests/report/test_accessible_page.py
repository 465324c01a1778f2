"""The page for everybody: axe-core finds nothing, keyboard and print work, motion is reduced when asked."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import files

import pytest
from sample_report import build_report
from test_pictures import calibration, history

from evalkit.report.page.history_page import render_history
from evalkit.report.page.html import write_html

OPEN_ALL = "document.querySelectorAll('main details').forEach((node) => { node.open = true; })"


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> str:
    """A page with every part in it, but few cases: axe looks at each element."""
    report = build_report(cases=14, repeats=2, hostile=False, topics=6)
    report = replace(report, histories=(history(1, 2, 3),), calibrations=(calibration(),))
    return write_html(report, tmp_path_factory.mktemp("small")).as_uri()


def violations(page) -> list[str]:
    pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed")
    page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8"))
    found = page.evaluate("axe.run({ resultTypes: ['violations'] })")["violations"]
    return [f"{one['id']} ({one['impact']}): {one['nodes'][0]['html'][:160]}" for one in found]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_axe_finds_nothing(visit, small, width, scheme):
    """At both widths and in both themes, with everything unfolded."""
    page = visit(page=small, width=width, height=844, scheme=scheme).page
    page.evaluate(OPEN_ALL)
    assert violations(page) == []


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_axe_finds_nothing_in_an_open_case_and_in_the_help(visit, small, width, scheme):
    """The dialogs, too."""
    page = visit(page=small, width=width, height=844, scheme=scheme).page
    page.locator("#case-list .window .row").first.click()
    assert violations(page) == []
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    assert page.locator("#help[open]").count() == 1
    assert violations(page) == []


def test_axe_finds_nothing_in_the_history_page(browser, tmp_path):
    """The page of a suite over time is held to the same."""
    path = tmp_path / "history.html"
    path.write_text(
        render_history(history(1, 2, 3), home="../index.html", links={"run-002": "../run-002/index.html"}),
        encoding="utf-8",
    )
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(path.as_uri())
    assert violations(page) == []
    context.close()


def test_the_keyboard_starts_with_a_way_past_the_navigation(visit, small):
    """The first stop is the skip link; it becomes visible, and it and every later stop show where the focus is."""
    page = visit(page=small).page
    page.keyboard.press("Tab")
    link = page.evaluate("document.activeElement.className")
    assert link == "skip"
    assert page.evaluate("document.activeElement.getBoundingClientRect().left") >= 0
    for _ in range(6):
        page.keyboard.press("Tab")
        style = page.evaluate(
            "(({ outlineStyle, outlineWidth }) => [outlineStyle, outlineWidth])(getComputedStyle(document.activeElement))"
        )
        assert style == ["solid", "2px"]


def test_the_navigation_of_a_phone_has_no_scrollbar(visit, address):
    """It can be swept, and all of its links can be reached by keyboard; no bar is drawn."""
    page = visit(width=390, height=844).page
    nav = page.locator(".top nav")
    assert nav.evaluate("(nav) => [getComputedStyle(nav).scrollbarWidth, nav.offsetHeight - nav.clientHeight]") == [
        "none",
        0,
    ]
    last = nav.locator("a").last
    last.focus()
    box = last.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390


def test_nothing_moves_for_who_asked_for_that(visit, small):
    """The page asks for reduced motion, so nothing is animated and nothing scrolls smoothly."""
    page = visit(page=small).page
    assert page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"
    assert page.evaluate("document.getAnimations().length") == 0


def test_paper_is_light_and_unfolded(visit, small):
    """Printed from a dark screen: black on white, gates and numbers unfolded, no navigation, pictures inside the page."""
    page = visit(page=small, scheme="dark").page
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
    assert not page.locator(".gates .fold li").first.evaluate("(node) => node.checkVisibility()")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    assert not page.locator(".top").is_visible()
    for selector in (".gates .fold li", ".gate-fold .reason", "figure .quantiles td"):
        assert page.locator(selector).first.evaluate("(node) => node.checkVisibility()"), selector
    page.set_viewport_size({"width": 700, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    page.emulate_media(media="screen")


def test_paper_holds_the_cases_that_a_screen_scrolls(visit, tmp_path):
    """The printer gets the first 300 of the chosen cases with whole ids and what did not pass, told so, and nothing is cut by the sheet; the screen then has its few rows again."""
    report = build_report(cases=160, repeats=1, hostile=False, topics=0)
    page = visit(page=write_html(report, tmp_path).as_uri(), width=700).page
    assert page.locator("#case-list .window .row").count() < 60
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("#case-list .window .row").count() == 300
    assert "first 300" in page.locator("#on-paper").inner_text()
    cut = "names => names.filter((name) => name.scrollWidth > name.clientWidth + 1 || !name.clientWidth).length"
    assert page.locator("#case-list .window .row .id").evaluate_all(cut) == 0
    assert page.evaluate("document.querySelector('#case-list').scrollWidth - innerWidth") <= 0
    around = page.locator(":is(.first, .pair, .beside, .beside > .card)")
    assert set(around.evaluate_all("found => found.map((one) => getComputedStyle(one).display)")) == {"block"}
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    page.emulate_media(media="screen")
    assert page.locator("#case-list .window .row").count() < 60
    assert not page.locator("#on-paper").is_visible()


def test_few_cases_are_printed_without_a_word(visit, small):
    """Where nothing is left out, nothing is said to be."""
    page = visit(page=small).page
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("#on-paper").text_content() == ""
