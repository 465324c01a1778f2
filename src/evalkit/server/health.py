"""Is the server alive, and has it read the journals? Without a token, because the answer says nothing about the project."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel

if TYPE_CHECKING:
    from evalkit.server.site import Site


class Health(BaseModel):
    """The state of the server."""

    status: Literal["ok", "reading"]


def router(site: Site) -> APIRouter:
    """``/healthz`` and ``/readyz``."""
    rooms = APIRouter(tags=["health"])

    @rooms.get("/healthz")
    async def healthz() -> Health:
        """The server answers."""
        return Health(status="ok")

    @rooms.get(
        "/readyz",
        responses={503: {"model": Health, "description": "The journals are being read."}},
        response_model=Health,
    )
    async def readyz() -> JSONResponse:
        """The journals have been read since the server started."""
        ready = site.ready.is_set()
        return JSONResponse({"status": "ok" if ready else "reading"}, 200 if ready else 503)

    return rooms
