"""The list of all runs, looked at: nothing breaks in the middle of a number, nothing is wider than the screen, axe-core finds nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_accessible_page import violations

from evalkit.model.results import RunInfo
from evalkit.report.page.index_page import render_index
from evalkit.store.journal.reader import RunEntry

VARIANTS = [
    ["invoice-extract", f"{name}-openai/gpt-5-mini", passed, 160 - passed, 0, 0, 0]
    for name, passed in (("baseline", 160), ("candidate", 152))
]


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> str:
    """Three runs: one that failed, one that judges its answers again, and one whose journal cannot be read."""
    summary = {"outcome": "failed", "verdict": "FAILED: 1 of 12 gates failed (no_regression in invoice-extract), 11 passed; 320 of 320 planned "
               "trials measured", "paid_usd": 0.1, "variants": VARIANTS, "more_variants": 0}  # fmt: skip
    entries = []
    for name, extra in (
        ("20261121T135725-55e3a24f0b11f", {}),
        ("20261121T145725-55e3a24f0b11f", {"rescored": "20261121T135725-55e3a24f0b11f"}),
    ):
        info = RunInfo(name, "2026-11-21T13:57:25Z", "replay", "0.1.0", "3.12", "cfd23c9462aa", "main", True, "", None, True, False, 320,
                       {"summary": summary, **extra})  # fmt: skip
        entries.append(RunEntry(name, Path("nowhere"), "complete", info))
    entries.append(RunEntry("20261121T155725-55e3a24f0b11f", Path("nowhere"), "damaged", None))
    page = tmp_path_factory.mktemp("list") / "index.html"
    page.write_text(render_index(entries, Path("nowhere")), encoding="utf-8")
    return page.as_uri()


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (1000, "dark"), (390, "light")])
def test_the_list_reads_well_at_every_width(browser, address, width, scheme):
    """Percentages, counts and verdicts stand on one line each; words of the verdict are not cut into columns of letters."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    try:
        page = context.new_page()
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") == width
        lines = """(found) => found.map((one) => { const range = document.createRange(); range.selectNodeContents(one); return range.getClientRects().length; })"""
        for part in (".rate b", ".rate span:first-of-type"):
            assert set(page.locator(part).evaluate_all(lines)) == {1}, part
        assert min(page.locator(".words").evaluate_all("(found) => found.map((one) => one.clientWidth)")) >= 200
        assert "judged again" in page.inner_text("table")
        assert violations(page) == []
    finally:
        context.close()
