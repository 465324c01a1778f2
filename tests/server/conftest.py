"""A project with two runs, a server on it, and a browser."""

from __future__ import annotations

import os
import shutil
from contextlib import chdir
from typing import TYPE_CHECKING

import pytest
from fakes.eval_project import Project
from served import BROWSER, HOSTILE, SUITE, Served, start

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Iterator[Project]:
    """Two runs of one suite: the second broke Ben and answered Cem with an attack on whoever looks."""
    root = tmp_path_factory.mktemp("served")
    project = Project(root)
    with chdir(root):
        project.suite(SUITE)
        project.evalkit("run")
        project.configure(answers={"default": "Hello!", "I am Ben.": "Go away.", "I am Cem.": HOSTILE})
        project.evalkit("run", "--mode", "refresh")
    return project


@pytest.fixture(scope="module")
def served(project) -> Iterator[Served]:
    """A server on the project."""
    served = start(project.root)
    yield served
    if served.process.poll() is None:
        assert served.stop() == (0, "")


@pytest.fixture(scope="module")
def browser():
    """A real Chromium."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    names = (os.environ.get("EVALKIT_CHROMIUM"), "chromium", "chromium-browser", "google-chrome")
    path = next((path for name in names if name and (path := shutil.which(name))), None)
    if path is None:
        pytest.skip("no chromium found: install it or set EVALKIT_CHROMIUM to its path")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=BROWSER)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser):
    """Open a server's printed address; ``complaints`` of the page are what its console and scripts said."""
    contexts = []

    def open_page(served: Served, path: str = "", *, width: int = 1400, scheme: str = "light"):
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.complaints = []
        page.on("console", lambda message: page.complaints.append(message.text))
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.goto(served.url)
        if path:
            page.goto(f"http://127.0.0.1:{served.port}{path}")
        return page

    yield open_page
    for context in contexts:
        context.close()
