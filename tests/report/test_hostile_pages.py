"""Hostile text on the first screen of a run's page, in a suite's history and in the list of runs, in a real browser."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from fakes.payloads import PAYLOADS
from hostile import spoiled_report

from evalkit.compare.drift import Look
from evalkit.compare.statistics.interval import Interval
from evalkit.model.results import RunInfo
from evalkit.report.clean import visible
from evalkit.report.history import CaseFigure, Drift, Point, SuiteHistory
from evalkit.report.page.history_page import render_history
from evalkit.report.page.html import render_html
from evalkit.report.page.index_page import render_index
from evalkit.store.journal.reader import RunEntry

HIDDEN = set(
    "\x00\x07\x08\x1b\x85\x9b\u00ad\u180e\u200b\u202e\u2028\u2066\ufeff\ufffe\U000e0041\u034f\u115f\u3164\uffa0\ufe00\U0001d173"
)
ELEMENTS = "document.querySelectorAll('img, iframe, object, embed, base, form, video, audio, math, plaintext, xmp, marquee, link:not([rel=icon]), script:not([type])').length"
HANDLERS = "[...document.querySelectorAll('*')].flatMap((node) => node.getAttributeNames()).filter((name) => name.startsWith('on')).length"
LINKS = "[...document.querySelectorAll('a')].map((node) => node.getAttribute('href')).filter((to) => !to.startsWith('#') && !to.endsWith('/index.html')).length"


ALL = " \u00b6 ".join(PAYLOADS)


def run_page() -> str:
    """Every payload as the suite, the variants, gates, cases, reasons, notes and prompts of its own; all of them in the verdict and the facts."""
    reports = [spoiled_report(text) for text in PAYLOADS]
    return render_html(
        replace(
            spoiled_report(ALL),
            results=tuple(one for report in reports for one in report.results),
            gates=tuple(one for report in reports for one in report.gates),
            comparisons=tuple(one for report in reports for one in report.comparisons),
            variants=tuple(one for report in reports for one in report.variants),
            prompts=tuple(one for report in reports for one in report.prompts),
            notes=PAYLOADS,
            histories=tuple(map(history, PAYLOADS)),
        )
    )


def history(*texts: str) -> SuiteHistory:
    points = [
        Point(
            text, "2026-11-20T09:15:00Z", "live", text, text, text, text, text, 20, 17, 1, 20, Interval(0.6, 0.95, 0.95, "Wilson"),
            0.01, 1.0, 2.0, changed=True, rescored=text,
        )
        for text in texts
        for _ in range(2)
    ]  # fmt: skip
    drifts = tuple(Drift(text, text, (text,), (Look(20, 5, 1, 0.01, 0.02),)) for text in texts)
    figures = tuple(CaseFigure(text, text, 0.5, 1, 2) for text in texts)
    return SuiteHistory(" ".join(texts), tuple(points), drifts, 0.1, figures, figures, figures)


def index_page() -> str:
    entries = []
    for text in PAYLOADS:
        summary = {
            "outcome": "failed",
            "verdict": text,
            "paid_usd": 0.1,
            "variants": [[text, text, 1, 1, 0, 0, 0]],
            "more_variants": 0,
        }
        info = RunInfo(text, text, "live", "0", "3", text, text, True, text, None, True, False, 2, {"summary": summary})
        broken = {"outcome": text, "verdict": [text], "variants": {text: text}, "paid_usd": text}
        entries += [
            RunEntry("folder", Path("nowhere"), "complete", one)
            for one in (info, replace(info, extra={"summary": broken}))
        ]
    return render_index(entries, Path("nowhere"))


@pytest.mark.parametrize(
    ("make", "least"),
    [(run_page, 20), (lambda: render_history(history(*PAYLOADS), home="../index.html", links={}), 12), (index_page, 6)],
    ids=["run", "history", "index"],
)
def test_every_payload_is_shown_as_text(browser, make, least):
    """Nothing runs, nothing is loaded, no element, handler or link of the text's making; what it says is there to be read."""
    context = browser.new_context()
    asked: list[str] = []
    dialogs: list[str] = []
    context.route("**/*", lambda route: (asked.append(route.request.url), route.abort()))
    page = context.new_page()
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.set_content(make(), wait_until="load")
    shown = page.locator("body").evaluate("node => node.textContent")
    counts = {text: shown.count(visible(text).strip()) for text in PAYLOADS}
    assert {text: count for text, count in counts.items() if count < least} == {}
    assert not HIDDEN & set(shown)
    assert page.evaluate("[window.__pwned, {}.polluted]") == [None, None]
    assert (page.evaluate(ELEMENTS), page.evaluate(HANDLERS), page.evaluate(LINKS)) == (0, 0, 0)
    context.close()
    assert (asked, dialogs) == ([], [])
