"""The picture of the report in the README: the newest run's page in Chromium; ``python -m benchmarks.screenshots``."""

from __future__ import annotations

import argparse
import os
import shutil
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parents[1]
SIZES = {"wide": (1440, 880), "phone": (390, 844)}
SCHEMES = ("light", "dark")


def newest_page(reports: Path) -> Path:
    """The page of the newest run in ``reports``. Raises SystemExit if there is none."""
    pages = sorted(reports.glob("2*/index.html"), key=lambda path: path.stat().st_mtime_ns)
    if not pages:
        raise SystemExit(f"no page in {reports}: make demo writes one")
    return pages[-1]


def shoot(page: Page, address: str, target: Path, *, size: tuple[int, int], scheme: str) -> None:
    """Write what a reader sees first, as PNG."""
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
    page.goto(address)
    page.wait_for_selector("html[data-ready][data-drawn]")
    page.screenshot(path=target)
    print(f"{target}: {target.stat().st_size / 1000:.0f} kB")


def main() -> None:
    """Write ``docs/images/report.png``; with ``--all FOLDER`` both widths in both themes, to look at."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--all", type=Path, metavar="FOLDER")
    folder = parser.parse_args().all
    address = newest_page(ROOT / "reports").as_uri()
    chromium = os.environ.get("EVALKIT_CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        shoot(page, address, ROOT / "docs/images/report.png", size=SIZES["wide"], scheme="light")
        for name, size in SIZES.items() if folder else ():
            for scheme in SCHEMES:
                shoot(page, address, folder / f"{name}-{scheme}.png", size=size, scheme=scheme)
        browser.close()


if __name__ == "__main__":
    main()
