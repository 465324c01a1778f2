"""Comparisons and histories as JSON: the same objects that the commands print."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from evalkit.compare.as_json import comparison_json
from evalkit.errors import ConfigError
from evalkit.report.history_text import history_json
from evalkit.server.answers import GUARDED, NOT_FOUND
from evalkit.server.comparing import choose, compared
from evalkit.server.histories import suite_history
from evalkit.server.site import Site


class CompareQuery(BaseModel):
    """The two sides of a comparison: a run id each, or ``RUN:VARIANT``."""

    model_config = ConfigDict(extra="forbid")
    a: str = Field(max_length=700, description="Before: RUN or RUN:VARIANT.")
    b: str = Field(max_length=700, description="After: RUN or RUN:VARIANT.")


class HistoryQuery(BaseModel):
    """Which suite."""

    model_config = ConfigDict(extra="forbid")
    suite: str = Field(max_length=500)


class Comparisons(BaseModel):
    """One comparison per suite and cell, and what was not compared, one sentence each."""

    comparisons: list[dict[str, Any]]
    notes: list[str]


def router(site: Site) -> APIRouter:
    """``/api/compare`` and ``/api/history``."""
    rooms = APIRouter(prefix="/api", tags=["comparisons"], **GUARDED)

    @rooms.get("/compare", responses=NOT_FOUND)
    def compare(query: Annotated[CompareQuery, Query()]) -> Comparisons:
        """Two sides, as ``evalkit compare --format json`` prints them."""
        a, b = choose(site, query.a), choose(site, query.b)
        if a is None or b is None:
            raise HTTPException(404, "there is no such run or variant")
        try:
            found = compared(site, a, b)
        except ConfigError as error:
            raise HTTPException(404, error.message) from error
        return Comparisons(comparisons=[comparison_json(one) for one in found.comparisons], notes=list(found.notes))

    @rooms.get("/history", responses=NOT_FOUND)
    def history(query: Annotated[HistoryQuery, Query()]) -> dict[str, Any]:
        """A suite over time, as ``evalkit history SUITE --format json`` prints it."""
        found = suite_history(site, query.suite)
        if found is None:
            raise HTTPException(404, "no whole run of that suite is stored")
        return history_json(found)

    return rooms
