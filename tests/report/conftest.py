"""The sample run that every report test reads, and a browser to read it in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from browsing import ARGUMENTS, Visit, chromium_path
from sample_report import build_report

from evalkit.report.page.html import write_html

if TYPE_CHECKING:
    from evalkit.report.values import RunReport


@pytest.fixture(scope="module")
def report() -> RunReport:
    return build_report(cases=60, repeats=3)


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = chromium_path()
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory, report) -> str:
    return write_html(report, tmp_path_factory.mktemp("reports")).as_uri()


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
