"""The server's pages for everybody: axe-core finds nothing in either theme, at a desk's width and at a phone's."""

from __future__ import annotations

from importlib.resources import files

import pytest

axe = pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed")


@pytest.fixture(scope="module")
def places(served) -> list[str]:
    """One address of every kind of page."""
    newer, older = (run["run_id"] for run in served.get("/api/runs"))
    trial = served.get(f"/api/runs/{newer}/trials", text="away")[0]
    query = f"run_a={older}&run_b={newer}&label_a={trial['label']}&label_b={trial['label']}&suite_path=suites/hello.yaml&case=ben"
    return [
        "/", f"/runs/{newer}", f"/runs/{newer}/trial?test={trial['test_id']}", f"/compare?a={older}&b={newer}", f"/compare/case?{query}",
        f"/runs/{newer}/label", f"/runs/{newer}/label?start=yes", f"/runs/{newer}/label?start=yes&what=pairs", f"/runs/{newer}/agreement", "/runs/nonsense", "/history",
    ]  # fmt: skip


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (1440, "dark"), (390, "light"), (390, "dark")])
def test_axe_finds_nothing_and_nothing_is_wider_than_the_screen(served, visit, places, width, scheme):
    """Every page, with everything unfolded; the script is put there past the page's own policy."""
    page = visit(served, width=width, scheme=scheme)
    code = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
    for path in places:
        page.goto(f"http://127.0.0.1:{served.port}{path}")
        if "start=yes" in path:
            page.locator("#answers > *").first.wait_for()
        page.evaluate("document.querySelectorAll('main details').forEach((node) => { node.open = true; })")
        page.evaluate(code)
        found = page.evaluate("axe.run({ resultTypes: ['violations'] })")["violations"]
        assert [f"{one['id']} ({one['impact']}): {one['nodes'][0]['html'][:160]}" for one in found] == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
