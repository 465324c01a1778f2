"""Is the server alive, and has it read the journals? Without a token, because the answer says nothing about the project."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel

if TYPE_CHECKING:
    from evalkit.server.site import Site


class Health(BaseModel):
    """The state of the server. ``detail`` says what is wrong with one that is in trouble."""

    status: Literal["ok", "reading", "trouble"]
    detail: str | None = None


def router(site: Site) -> APIRouter:
    """``/healthz`` and ``/readyz``."""
    rooms = APIRouter(tags=["health"])

    @rooms.get("/healthz", response_model_exclude_none=True)
    async def healthz() -> Health:
        """The server answers."""
        return Health(status="ok")

    @rooms.get(
        "/readyz",
        responses={503: {"model": Health, "description": "The journals are being read, or cannot be."}},
        response_model=Health,
    )
    async def readyz() -> JSONResponse:
        """The journals have been read since the server started, and go on being read."""
        trouble, ready = site.troubles.first, site.ready.is_set()
        found = Health(status="trouble" if trouble else "ok" if ready else "reading", detail=trouble)
        return JSONResponse(found.model_dump(exclude_none=True), 200 if found.status == "ok" else 503)

    return rooms
