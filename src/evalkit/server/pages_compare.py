"""Pages that set things beside each other: two runs, the answers to one case, a suite over time."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse

from evalkit.errors import ConfigError
from evalkit.server.api_compare import CompareQuery
from evalkit.server.comparing import FEW_FLIPS, MOST_FLIPS, choose, compared_view, paths_of
from evalkit.server.histories import history_page, suites
from evalkit.server.rendering import address, page, whole_page
from evalkit.server.site import Site
from evalkit.store.browse.browsed import TrialPage
from evalkit.store.browse.trial import case_pages

MOST_REPEATS = 20
"""Repeats of a case that are set side by side."""


class FlipsQuery(CompareQuery):
    """The two sides, and whether every flipped case is wanted."""

    flips: Literal["", "all"] = ""


class CaseQuery(BaseModel):
    """One case on two sides: runs, and labels of variants."""

    model_config = ConfigDict(extra="forbid")
    run_a: str = Field(max_length=200)
    run_b: str = Field(max_length=200)
    label_a: str = Field(max_length=500)
    label_b: str = Field(max_length=500)
    suite_path: str = Field(max_length=1000)
    case: str = Field(max_length=2000)


class SuiteQuery(BaseModel):
    """Which suite; empty is a choice of them."""

    model_config = ConfigDict(extra="forbid")
    suite: str = Field("", max_length=500)


def router(site: Site) -> APIRouter:
    """``/compare``, ``/compare/case`` and ``/history``."""
    rooms = APIRouter()

    @rooms.get("/compare")
    def compare(request: Request, query: Annotated[FlipsQuery, Query()]) -> HTMLResponse:
        """Two sides, suite by suite."""
        a, b = choose(site, query.a), choose(site, query.b)
        if a is None or b is None:
            missing = query.a if a is None else query.b
            raise HTTPException(404, f"nothing is stored of {missing!r}")
        every = query.flips == "all"
        most = MOST_FLIPS if every else FEW_FLIPS
        try:
            found = compared_view(site, a, b, most=most)
        except ConfigError as error:
            raise HTTPException(404, error.message) from error
        paths = paths_of(site, a.run_id, b.run_id)
        return page(
            site,
            request,
            "compare.html.j2",
            found=found,
            a=a,
            b=b,
            paths=paths,
            most=most,
            whole=None if every else address("/compare", a=query.a, b=query.b, flips="all"),
        )

    @rooms.get("/compare/case")
    def case(request: Request, query: Annotated[CaseQuery, Query()]) -> HTMLResponse:
        """The answers to one case, side by side."""
        before = _trials(site, query.run_a, query.label_a, query)
        after = _trials(site, query.run_b, query.label_b, query)
        if not before and not after:
            raise HTTPException(404, f"there is no case {query.case!r} in these runs")
        return page(site, request, "case.html.j2", query=query, before=before, after=after)

    @rooms.get("/history")
    def history(request: Request, query: Annotated[SuiteQuery, Query()]) -> HTMLResponse:
        """A suite over time: the page that ``evalkit history --html`` writes, with its own policy; without a suite, a choice of them."""
        if not query.suite:
            return page(site, request, "suites.html.j2", suites=suites(site))
        try:
            text = history_page(site, query.suite)
        except TimeoutError:
            reply = page(site, request, "making.html.j2", status=202, suite=query.suite)
            reply.headers["refresh"] = "1"  # seconds, and without a script
            return reply
        if text is None:
            raise HTTPException(404, f"no whole run of the suite {query.suite!r} is stored")
        return whole_page(text)

    return rooms


def _trials(site: Site, run_id: str, label: str, query: CaseQuery) -> list[TrialPage]:
    return case_pages(
        site.store, run_id, suite_path=query.suite_path, case_id=query.case, label=label, limit=MOST_REPEATS
    )
