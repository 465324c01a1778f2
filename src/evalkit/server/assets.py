"""The few scripts and the style sheet that pages load."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import Response

from evalkit.server.rendering import SCRIPTS, source

if TYPE_CHECKING:
    from evalkit.server.site import Site


def router(site: Site) -> APIRouter:
    """``/assets/{name}``: names from a list, never a path."""
    del site
    rooms = APIRouter()
    texts = {name: source(name) for name in ("style.css", *SCRIPTS)}

    @rooms.get("/assets/{name}")
    async def asset(name: str) -> Response:
        """One file."""
        if name not in texts:
            raise HTTPException(404, "there is no such file")
        return Response(texts[name], media_type="text/css" if name.endswith(".css") else "text/javascript")

    return rooms
