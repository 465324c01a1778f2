"""The page on which people label: it only sets the stage, the script asks the API."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse

from evalkit.server.api_runs import RunId, Word
from evalkit.server.desk import pairs_of
from evalkit.server.figures import run_agreement, run_checks
from evalkit.server.rendering import page
from evalkit.server.site import Site
from evalkit.store.browse.questions import has_run


class LabelQuery(BaseModel):
    """What to label, and how; empty is whatever the run suggests."""

    model_config = ConfigDict(extra="forbid")
    what: Literal["answers", "pairs"] = "answers"
    check: Word = ""
    pair: Word = Field("", description="Two variants, by the name that does not say which they are.")
    by: Word = ""
    shown: Literal["blind", "all"] = "blind"
    start: Word = Field("", description="Whether to begin.")


def router(site: Site) -> APIRouter:
    """``/runs/{run_id}/label`` and what came of it."""
    rooms = APIRouter()

    @rooms.get("/runs/{run_id}/label")
    def label(request: Request, run_id: RunId, query: Annotated[LabelQuery, Query()]) -> HTMLResponse:
        """Label the answers of a run."""
        if not has_run(site.store, run_id):
            raise HTTPException(404, f"there is no run {run_id}")
        checks, pairs = run_checks(site, run_id), pairs_of(site, run_id)
        return page(
            site,
            request,
            "label.html.j2",
            run_id=run_id,
            query=query,
            checks=checks,
            pairs=pairs,
            check=query.check or next(iter(checks), ""),
            pair=query.pair if query.pair in pairs else next(iter(pairs), ""),
        )

    @rooms.get("/runs/{run_id}/agreement")
    def agreement(request: Request, run_id: RunId) -> HTMLResponse:
        """The run's checks beside what people say of the same answers."""
        found, counts = run_agreement(site, run_id)
        return page(site, request, "agreement.html.j2", run_id=run_id, found=found, preferred=counts)

    return rooms
