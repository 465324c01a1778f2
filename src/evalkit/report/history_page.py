"""A suite over time as one static HTML file: no script, nothing from the network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalkit.errors import StoreError
from evalkit.report.html import ICON, asset, page_templates, replace_file, source_hash
from evalkit.report.plot import Scale, Tick

if TYPE_CHECKING:
    from pathlib import Path

    from evalkit.report.history import Point, SuiteHistory

MOST_POINTS = 200
"""Runs of a variant that the page shows, the newest ones."""
_SCALE = Scale(0.0, 1.0, log=False)


@dataclass(frozen=True, slots=True)
class Row:
    """A point with the places of its pass rate and its interval, in percent of the picture's width."""

    point: Point
    x: float
    lower: float
    upper: float


def render_history(history: SuiteHistory) -> str:
    """Return the page, newest runs first; it is the same for the same history."""
    from markupsafe import Markup

    style = f"{asset('report.css')}\n{asset('history.css')}"
    return (
        page_templates()
        .get_template("history.html.j2")
        .render(
            history=history,
            groups=[(label, [*map(_row, history.of(label)[::-1][:MOST_POINTS])]) for label in history.labels],
            ticks=[Tick(_SCALE.x(share / 4), f"{25 * share}%") for share in range(5)],
            policy=f"default-src 'none'; style-src 'sha256-{source_hash(style)}'; img-src data:; base-uri 'none'; form-action 'none'",
            icon=ICON,
            style=Markup(style),  # noqa: S704 - our own files
        )
    )


def write_history(history: SuiteHistory, reports: Path) -> Path:
    """Write the page to ``<reports>/history/<suite>.html`` and return that path. Raises StoreError."""
    folder = reports / "history"
    target = folder / f"{history.suite}.html"
    if target.parent != folder or "\\" in history.suite:
        raise StoreError(f"{history.suite!r} cannot be the name of a page")
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        replace_file(target, render_history(history))
    except OSError as error:
        raise StoreError(f"cannot write the page {target}: {error.strerror or error}") from error
    return target


def _row(point: Point) -> Row:
    interval = point.interval
    return Row(point, _SCALE.x(point.rate), _SCALE.x(interval.lower), _SCALE.x(interval.upper))
