"""Pages of runs and trials."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse

from evalkit.errors import ConfigError
from evalkit.harness.after.reporting import stored_report
from evalkit.report.page.html import render_html
from evalkit.server.api_runs import RunId, RunsQuery, TrialQuery, TrialsQuery
from evalkit.server.figures import newest_runs, run_figures
from evalkit.server.outcome import outcome_of, summary
from evalkit.server.rendering import page, whole_page
from evalkit.server.site import Site
from evalkit.store.browse.browsed import RunLine, TrialPage
from evalkit.store.browse.questions import list_trials, run_line
from evalkit.store.browse.trial import trial_page

MOST_REPORTED = 20_000
"""Trials of a run whose whole report is made while somebody waits."""
MOST_MARKS = 1000
"""Pieces of evidence that are marked in one answer."""


def router(site: Site) -> APIRouter:
    """The list of runs, a run, a trial."""
    rooms = APIRouter()

    @rooms.get("/")
    def index(request: Request, query: Annotated[RunsQuery, Query()]) -> HTMLResponse:
        """The runs, newest first."""
        runs = newest_runs(site, limit=query.limit, before=query.before or None)
        rows = [(run, outcome_of(run), summary(run)) for run in runs]
        live = [] if query.before else site.live.runs()
        return page(site, request, "runs.html.j2", rows=rows, query=query, live=live)

    @rooms.get("/runs/{run_id}")
    def run(request: Request, run_id: RunId, query: Annotated[TrialsQuery, Query()]) -> HTMLResponse:
        """One run: figures, gates, checks, and a page of its trials."""
        found, live = run_figures(site, run_id), site.live.run(run_id)
        if found is None and live is not None:
            return page(site, request, "live.html.j2", live=live)
        if found is None:
            raise HTTPException(404, f"there is no run {run_id}")
        trials = list_trials(site.store, run_id, query.wanted, limit=query.limit + 1, after=query.behind)
        return page(
            site,
            request,
            "run.html.j2",
            run=found,
            live=live,
            outcome=outcome_of(found.run),
            sentence=summary(found.run),
            trials=trials[: query.limit],
            more=len(trials) > query.limit,
            query=query,
            conditions=query.model_dump(exclude={"after", "after_repeat", "limit"}, exclude_defaults=True),
        )

    @rooms.get("/runs/{run_id}/report")
    def report(run_id: RunId) -> HTMLResponse:
        """The run's report as ``evalkit report`` writes it, made from the journal and not from a file that somebody put there."""
        found = run_line(site.store, run_id)
        if found is None or found.trials > MOST_REPORTED:
            raise HTTPException(404, _no_report(found))
        return whole_page(site.reports.get((run_id, site.store.generation), lambda: _report(site, run_id)))

    @rooms.get("/runs/{run_id}/trial")
    def trial(request: Request, run_id: RunId, query: Annotated[TrialQuery, Query()]) -> HTMLResponse:
        """One trial in full."""
        found = trial_page(site.store, run_id, query.test, query.repeat)
        if found is None:
            raise HTTPException(404, f"there is no such trial in run {run_id}")
        return page(site, request, "trial.html.j2", t=found, pieces=marked(found))

    return rooms


def _report(site: Site, run_id: str) -> str:
    try:
        return render_html(stored_report(site.config, run_id).report)
    except ConfigError as error:
        raise HTTPException(404, "the journal of this run is not here: only its figures are") from error


def _no_report(run: RunLine | None) -> str:
    if run is None:
        return "there is no such run"
    return f"the run has {run.trials:,} trials, too many for a page made now: evalkit report {run.run_id} writes it to a file"


def marked(trial: TrialPage) -> list[tuple[str, bool]]:
    """The answer in pieces, each with whether it is evidence of a check that failed or could not judge."""
    text = trial.answer or ""
    spans = [span for verdict in trial.verdicts if verdict.status != "pass" for span in verdict.spans[:MOST_MARKS]]
    edges = sorted((max(0, one[0]), min(len(text), one[1])) for one in spans if len(one) == 2)
    pieces, place = [], 0
    for start, end in edges[:MOST_MARKS]:
        if end <= max(start, place):
            continue
        begin = max(start, place)
        pieces += [(text[place:begin], False), (text[begin:end], True)]
        place = end
    return [piece for piece in [*pieces, (text[place:], False)] if piece[0]]
