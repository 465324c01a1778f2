"""All runs of a reports folder as one static HTML file: no script, nothing from the network, a link to each run's page."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from evalkit.compare import words
from evalkit.errors import StoreError
from evalkit.files import private_folder
from evalkit.report import wording
from evalkit.report.page.html import ICON, asset, page_templates, policy, replace_file
from evalkit.store.journal.reader import newest_runs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from evalkit.model.results import RunInfo
    from evalkit.store.journal.reader import RunEntry

MOST_RUNS = 1000
"""Runs on the page, the newest ones."""
_MOST_RATES = 6

Sign = Literal["passed", "failed", "undecided", "unmeasured"]


@dataclass(frozen=True, slots=True)
class Rate:
    """How one variant of a suite did: ``counts`` with its denominator (``47/50 (errors 1, skipped 0)``), ``share`` as a percentage."""

    suite: str
    label: str
    counts: str
    share: str


@dataclass(frozen=True, slots=True)
class RunLine:
    """One run. ``link`` is the address of its page beside this one, None if it has none; ``sign`` is None if nobody knows its outcome;
    ``source`` says where its answers come from if it asked no model, else it is empty."""

    run_id: str
    started: str
    sign: Sign | None
    verdict: str
    rates: tuple[Rate, ...]
    more: int
    cost: str
    source: str
    git: str
    link: str | None


def render_index(entries: Sequence[RunEntry], reports: Path, *, older: int = 0) -> str:
    """Return the page of ``entries``, newest first; ``older`` runs are not shown. It is the same for the same runs."""
    from markupsafe import Markup

    style = f"{asset('report.css')}\n{asset('index.css')}"
    return (
        page_templates()
        .get_template("index.html.j2")
        .render(
            lines=[_line(entry, reports) for entry in entries],
            older=older,
            policy=policy(style),
            icon=ICON,
            style=Markup(style),  # noqa: S704 - our own files
        )
    )


def write_index(reports: Path) -> Path:
    """Write ``<reports>/index.html`` and return that path; only the ends of the runs' journals are read. Raises StoreError."""
    target = reports / "index.html"
    entries, older = newest_runs(reports, MOST_RUNS)
    try:
        private_folder(reports)
        replace_file(target, render_index(entries, reports, older=older))
    except OSError as error:
        raise StoreError(
            f"cannot write the page {target}: {error.strerror or error}", hint="the reports folder must be writable"
        ) from error
    return target


def _line(entry: RunEntry, reports: Path) -> RunLine:
    link = (
        f"{quote(os.fsencode(entry.run_id))}/index.html" if (reports / entry.run_id / "index.html").is_file() else None
    )
    run = entry.info
    if run is None:
        return RunLine(entry.run_id, "", None, "Its journal cannot be read.", (), 0, "", "", "", link)
    summary = run.extra.get("summary")
    facts: Mapping[str, Any] = summary if isinstance(summary, Mapping) else {}
    sign, verdict = _verdict(run, facts)
    rates = list(_rates(facts.get("variants")))
    more = facts.get("more_variants")
    hidden = max(0, len(rates) - _MOST_RATES) + (more if isinstance(more, int) else 0)
    paid = facts.get("paid_usd", 0)
    return RunLine(
        run_id=run.run_id,
        started=run.started_at[:16].replace("T", " "),
        sign=sign,
        verdict=verdict,
        rates=tuple(rates[:_MOST_RATES]),
        more=hidden,
        cost="" if not facts else wording.money(paid if isinstance(paid, (int, float)) else None),
        source=wording.replayed(run),
        git=_git(run),
        link=link,
    )


def _verdict(run: RunInfo, facts: Mapping[str, Any]) -> tuple[Sign | None, str]:
    outcome, verdict = facts.get("outcome"), facts.get("verdict")
    known: tuple[Sign, ...] = ("passed", "failed", "undecided", "unmeasured")
    sign = next((one for one in known if one == outcome), None)
    if sign is None or not isinstance(verdict, str):
        why = "An older evalkit made this run." if run.complete else "It ended before it was judged."
        return (None, why) if run.complete else ("unmeasured", why)
    return sign, verdict.removeprefix(f"{wording.LABELS[sign].upper()}: ")


def _rates(variants: object) -> Iterator[Rate]:
    """What the journal says of each variant; a journal may come from anywhere, so what has not its shape is left out."""
    for row in variants if isinstance(variants, (list, tuple)) else ():
        if not isinstance(row, (list, tuple)) or len(row) != 7 or not all(isinstance(n, int) for n in row[2:]):
            continue
        passed, failed, errors, skipped, missing = row[2:]
        total = passed + failed + errors + skipped + missing
        counts = words.counts(passed, total, errors=errors, skipped=skipped, missing=missing)
        yield Rate(str(row[0]), str(row[1]), counts, words.percent(passed / total) if total > 0 else "")


def _git(run: RunInfo) -> str:
    parts = [run.git_branch or "", (run.git_revision or "")[:10], "+ changes" if run.git_dirty else ""]
    return " ".join(part for part in parts if part)
