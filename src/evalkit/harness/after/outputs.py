"""What a finished run leaves behind: the database, recordings, the page, and files for other programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from evalkit.compare.words import number_of
from evalkit.errors import EvalkitError
from evalkit.files import private_file
from evalkit.harness.after.reporting import conclusion_of
from evalkit.report.page.html import write_html
from evalkit.report.page.index_page import write_index
from evalkit.store.database.ingest import DATABASE_FILE, ingest
from evalkit.store.journal.reader import read_end
from evalkit.store.journal.writer import Journal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from evalkit.config import Config
    from evalkit.harness.before.planning import SuitePlan
    from evalkit.report.values import RunReport
    from evalkit.store.journal.reader import RunRecords


_LEAST = 2000
"""Bytes for the verdict of a run, however full a step summary is: GitHub's own limit is 148,576 bytes above ours."""


def store_run(config: Config, report: RunReport, records: RunRecords) -> list[str]:
    """Journal how the run of ``records`` ended and bring the database up to date. Returns what went wrong."""
    root = config.journals
    try:
        journal = Journal(root, report.run, worker="end")
        journal.append_gates(report.gates)
        journal.append_conclusion(conclusion_of(report))
        journal.close(report.run)
        ingest(root, config.folder("reports") / DATABASE_FILE, fresh=read_end(records, journal.path))
    except EvalkitError as error:
        place = f"{error.where}: " if error.where else ""
        return [
            f"{place}{error.message}; nothing is lost, the journal holds it: {error.hint or 'evalkit ingest catches up'}"
        ]
    return []


def write_recordings(config: Config, records: RunRecords, plans: Sequence[SuitePlan]) -> tuple[list[str], list[str]]:
    """Record the run's live answers. Returns a line for each file, with how many were new, and what went wrong."""
    from evalkit.harness.after.recording import record_answers

    try:
        added = record_answers(config, records.results, plans, redacted=records.redacted)
    except (OSError, EvalkitError) as error:
        return [], [
            f"the recordings could not be written: {error}; the answers are in the cache, so recording again costs nothing"
        ]
    there = "recorded already, and left as they are (--mode refresh replaces them)"
    lines = [
        f"recorded: {number_of(new, 'new answer')} in {path}{f'; {left:,} {there}' if left else ''}"
        for path, (new, left) in added.items()
    ]
    return lines or ["recorded: no answers (only those of a model are, with no secret taken out of them)"], []


def write_page(config: Config, report: RunReport) -> tuple[Path | None, list[str]]:
    """Write the HTML page and the list of all runs. Returns its path, and what went wrong."""
    reports = config.folder("reports")
    try:
        page = write_html(report, reports)
        write_index(reports)
    except (OSError, EvalkitError) as error:
        return None, [f"the report could not be written to {reports}: {error}"]
    return page, []


def write_files(report: RunReport, *, json_file: Path | None = None, markdown_file: Path | None = None) -> list[str]:
    """Write the run as JSON (schema ``evalkit.report/1``) and as Markdown for a pull request. Returns what went wrong."""
    problems = []
    for path, text in _texts(report, json_file, markdown_file):
        try:
            private_file(path, (text + "\n").encode())
        except OSError as error:
            problems.append(f"{path} could not be written: {error.strerror or error}")
    return problems


def append_markdown(report: RunReport, path: Path) -> list[str]:
    """Append the run as Markdown to ``path``, as far as the whole file stays below GitHub's limit. Returns what went wrong."""
    from evalkit.report.markdown import MAX_BYTES, markdown_summary

    try:
        before = path.stat().st_size if path.exists() else 0
        room = max(_LEAST, MAX_BYTES - before)
        with path.open("a", encoding="utf-8", newline="\n") as file:
            file.write(f"\n{markdown_summary(report, limit=room)}")
    except OSError as error:
        return [f"{path} could not be written: {error.strerror or error}"]
    return []


def _texts(report: RunReport, json_file: Path | None, markdown_file: Path | None) -> Iterator[tuple[Path, str]]:
    if json_file is not None:
        from evalkit.report.json_export import report_json

        yield json_file, json.dumps(report_json(report), ensure_ascii=False)
    if markdown_file is not None:
        from evalkit.report.markdown import markdown_summary

        yield markdown_file, markdown_summary(report)
