"""The tables of docs/statistics.md are what the functions compute."""

from __future__ import annotations

from pathlib import Path

from evalkit.compare.statistics.sizes import min_cases, min_cases_at_least, smallest_margin

PAGE = (Path(__file__).parents[2] / "docs" / "statistics.md").read_text(encoding="utf-8")


def table(name: str) -> list[list[str]]:
    """The cells of the table behind a marker, without its header and rule."""
    body = PAGE.split(f"<!-- {name} table", 1)[1].split("\n\n")[1]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in body.splitlines()][2:]


def test_the_floor_table():
    """Cases without which no run can pass, at 95% and 90%."""
    margins = (0.01, 0.02, 0.03, 0.05, 0.1)
    assert [row[1:] for row in table("floor")] == [
        [str(min_cases(margin, confidence)) for margin in margins] for confidence in (0.95, 0.90)
    ]


def test_the_margin_table():
    """The smallest margin with an 80% chance to pass."""
    rows = table("margin")
    assert len(rows) == 7
    for n, *cells in rows:
        assert cells == [
            f"{100 * smallest_margin(int(n), flip_rate=rate):.1f} pp" for rate in (0.02, 0.05, 0.1, 0.2)
        ], n


def test_the_threshold_table():
    """All-pass runs that show a threshold."""
    assert table("threshold")[0][1:] == [str(min_cases_at_least(value)) for value in (0.8, 0.9, 0.95, 0.99)]
