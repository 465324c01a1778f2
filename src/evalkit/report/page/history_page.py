"""A suite over time as one HTML file: a picture and the numbers, nothing from the network."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import quote

from evalkit.errors import StoreError
from evalkit.files import private_folder
from evalkit.report.page.html import ICON, asset, chart_script, page_templates, policy, replace_file
from evalkit.report.page.trend import trend_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from evalkit.report.history import SuiteHistory

MOST_POINTS = 200
"""Runs of a variant that the page shows, the newest ones."""


def render_history(history: SuiteHistory, *, home: str, links: Mapping[str, str]) -> str:
    """Return the page, newest runs first; it is the same for the same history.

    ``home`` is the address of the list of runs, ``links`` those of the runs that have a page, by run id.
    """
    from markupsafe import Markup

    style, charts = f"{asset('report.css')}\n{asset('history.css')}", chart_script()
    return (
        page_templates()
        .get_template("history.html.j2")
        .render(
            history=history,
            home=home,
            links=links,
            trend=trend_of(history),
            groups=[(label, history.of(label)[::-1][:MOST_POINTS]) for label in history.labels],
            policy=policy(style, charts),
            icon=ICON,
            style=Markup(style),  # noqa: S704 - our own files
            charts=Markup(charts),  # noqa: S704 - our own files, and D3
        )
    )


def write_history(history: SuiteHistory, reports: Path) -> Path:
    """Write the page to ``<reports>/history/<suite>.html`` and return that path. Raises StoreError."""
    folder = reports / "history"
    target = folder / f"{history.suite}.html"
    if target.parent != folder or "\\" in history.suite:
        raise StoreError(
            f"{history.suite!r} cannot be the name of a page", hint="rename the suite: letters, digits and _ . + -"
        )
    try:
        private_folder(folder)
        runs = {point.run_id for point in history.points}
        links = {
            run: f"../{quote(os.fsencode(run), safe='')}/index.html"
            for run in runs
            if (reports / run / "index.html").is_file()
        }
        replace_file(target, render_history(history, home="../index.html", links=links))
    except OSError as error:
        raise StoreError(
            f"cannot write the page {target}: {error.strerror or error}", hint="the reports folder must be writable"
        ) from error
    return target
