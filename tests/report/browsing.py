"""The report in a real Chromium, for tests: one page, what it complained about and what it asked the network for."""

from __future__ import annotations

import os
import random
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from sample_report import build_report, make_case, make_result, summarise, variant

if TYPE_CHECKING:
    from evalkit.report.values import RunReport

ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


def chromium_path() -> str:
    names = (os.environ.get("EVALKIT_CHROMIUM"), "chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if name and (path := shutil.which(name))), None)
    return found or pytest.skip("no chromium found: install it or set EVALKIT_CHROMIUM to its path")


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


def one_answer(text: str, *, cost: float = 0.0004) -> RunReport:
    """A run of one trial with this answer."""
    rng = random.Random(1)
    result = make_result(make_case(0, rng, name="odd"), variant("baseline", 1), 0, rng, good=True, text=text)
    result = replace(result, call=replace(result.call, cost_usd=cost))
    return replace(
        build_report(cases=2, repeats=1, hostile=False, topics=0), results=(result,), variants=summarise([result])
    )
