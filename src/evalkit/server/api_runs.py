"""Runs and trials as JSON."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from evalkit.server.answers import GUARDED, NOT_FOUND
from evalkit.server.figures import newest_runs, run_figures
from evalkit.server.site import Site
from evalkit.store.browse.browsed import RunLine, RunPage, TrialLine, TrialPage
from evalkit.store.browse.questions import Filter, has_run, list_trials
from evalkit.store.browse.trial import trial_page

RunId = Annotated[str, Path(description="Id of a run.", max_length=200, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Word = Annotated[str, Field(max_length=500)]


class RunsQuery(BaseModel):
    """Which page of the list of runs."""

    model_config = ConfigDict(extra="forbid")
    limit: int = Field(50, ge=1, le=200, description="At most so many.")
    before: str = Field(
        "", max_length=200, pattern=r"^[A-Za-z0-9._-]*$", description="Only runs that started before this one."
    )


class TrialsQuery(BaseModel):
    """Which trials of a run, and which page of them."""

    model_config = ConfigDict(extra="forbid")
    status: Literal["", "pass", "fail", "error"] = ""
    label: Word = Field("", description="Label of a variant.")
    suite: Word = ""
    check: Word = Field("", description="A check that failed or could not judge.")
    tag: Word = ""
    text: Word = Field("", description="Part of an answer or of a case id, letter case aside.")
    after: str = Field("", max_length=4000, description="Test id of the last trial of the page before.")
    after_repeat: int = Field(0, ge=0, le=2**31 - 1, description="Repeat of the last trial of the page before.")
    limit: int = Field(50, ge=1, le=500)

    @property
    def wanted(self) -> Filter:
        """The conditions."""
        return Filter(self.status, self.label, self.suite, self.check, self.tag, self.text)

    @property
    def behind(self) -> tuple[str, int] | None:
        """Where the page begins."""
        return (self.after, self.after_repeat) if self.after else None


class TrialQuery(BaseModel):
    """Which trial of a run."""

    model_config = ConfigDict(extra="forbid")
    test: str = Field(max_length=4000, description="Id of the pytest item.")
    repeat: int = Field(0, ge=0, le=2**31 - 1)


def router(site: Site) -> APIRouter:
    """``/api/runs``, one run, its trials and one trial."""
    rooms = APIRouter(prefix="/api", tags=["runs"], **GUARDED)

    @rooms.get("/runs")
    def runs(query: Annotated[RunsQuery, Query()]) -> list[RunLine]:
        """The newest runs first."""
        return newest_runs(site, limit=query.limit, before=query.before or None)

    @rooms.get("/runs/{run_id}", responses=NOT_FOUND)
    def run(run_id: RunId) -> RunPage:
        """One run: its variants, checks and gates."""
        found = run_figures(site, run_id)
        if found is None:
            raise HTTPException(404, "there is no such run")
        return found

    @rooms.get("/runs/{run_id}/trials", responses=NOT_FOUND)
    def trials(run_id: RunId, query: Annotated[TrialsQuery, Query()]) -> list[TrialLine]:
        """The trials of a run in the order of their test ids, page by page."""
        if not has_run(site.store, run_id):
            raise HTTPException(404, "there is no such run")
        return list_trials(site.store, run_id, query.wanted, limit=query.limit, after=query.behind)

    @rooms.get("/runs/{run_id}/trial", responses=NOT_FOUND)
    def trial(run_id: RunId, query: Annotated[TrialQuery, Query()]) -> TrialPage:
        """One trial in full."""
        found = trial_page(site.store, run_id, query.test, query.repeat)
        if found is None:
            raise HTTPException(404, "there is no such trial")
        return found

    return rooms
