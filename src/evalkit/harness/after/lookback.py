"""What the database adds to the page of a finished run: the latest runs of its suites, and its judges beside people."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from evalkit.errors import StoreError
from evalkit.harness.comparing.history import latest_runs
from evalkit.harness.labels.calibrating import calibrations
from evalkit.report.page.trend import MOST_RUNS
from evalkit.store.database.ingest import DATABASE_FILE
from evalkit.store.database.query import run_sql

if TYPE_CHECKING:
    from evalkit.config import Config
    from evalkit.report.values import RunReport


def look_back(config: Config, report: RunReport) -> RunReport:
    """``report`` with the histories and calibrations that the database can tell at once.

    Nobody waits for it: where another process holds the file, the page goes without these pictures, and a note says so.
    """
    database = config.folder("reports") / DATABASE_FILE
    if len([*config.journals.iterdir()]) < 2:  # the first run of a checkout, as in CI: there is nothing to look at
        return report
    suites = [*dict.fromkeys(variant.suite for variant in report.variants)]
    try:
        histories = latest_runs(database, suites, most=MOST_RUNS, wait_s=0)
        labelled = run_sql(database, "select 1 from labels limit 1", wait_s=0).rows
        found = calibrations(database, report.run.run_id, wait_s=0) if labelled else ()
    except StoreError as error:
        return replace(report, notes=(*report.notes, f"earlier runs and labels are not shown: {error.message}"))
    return replace(report, histories=histories, calibrations=found)
