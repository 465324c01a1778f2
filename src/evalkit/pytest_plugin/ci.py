"""What a job of GitHub Actions gets without being asked: the run in the step summary, and remarks at the suites' lines."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from evalkit.report.values import RunReport


def step_summary(report: RunReport) -> list[str]:
    """Append the run as Markdown to the file that ``GITHUB_STEP_SUMMARY`` names, if it is set. Returns what went wrong."""
    name = os.environ.get("GITHUB_STEP_SUMMARY")
    if not name:
        return []
    from evalkit.harness.after.outputs import append_markdown

    return append_markdown(report, Path(name))


def annotation_lines(report: RunReport, *, root: Path, failed: Collection[str]) -> list[str]:
    """The workflow commands to print in a job of GitHub Actions, else none. ``root`` is the project; ``failed`` are the ids of tests that failed.

    A test of which enough repeats passed is no failure, whatever a single repeat did.
    """
    if os.environ.get("GITHUB_ACTIONS") != "true":
        return []
    from evalkit.report.annotations import annotations_of, workflow_command

    told = tuple(r for r in report.results if r.status != "fail" or r.trial.test_id in failed)
    folder = _folder(root)
    return [workflow_command(one, folder) for one in annotations_of(replace(report, results=told))]


def _folder(root: Path) -> str:
    """The project within the repository that was checked out, empty for its top."""
    top = os.environ.get("GITHUB_WORKSPACE")
    if not top:
        return ""
    found = Path(os.path.relpath(root, top)).as_posix()
    return "" if found == "." or found.startswith("../") else found
