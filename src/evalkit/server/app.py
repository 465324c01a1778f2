"""The application: one router per room, the guard around all of them, and errors as replies."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from evalkit import __version__
from evalkit.errors import EvalkitError
from evalkit.server import (
    api_compare,
    api_labels,
    api_live,
    api_runs,
    assets,
    health,
    pages_compare,
    pages_labels,
    pages_runs,
)
from evalkit.server.guard import Guard
from evalkit.server.refreshing import Refresher
from evalkit.server.rendering import page

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request
    from starlette.responses import Response

    from evalkit.server.site import Site

MAX_BODY = 64 * 1024
"""Bytes of a request's body: a comment is the longest thing that is ever sent."""


def create_app(site: Site) -> FastAPI:
    """The ASGI application of one server. Its lifespan keeps the store up to date in one thread."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        refresher = Refresher(site)
        refresher.start()
        site.live.start()
        yield
        site.live.stop()
        refresher.stop()
        site.book.close()

    app = FastAPI(
        title="evalkit serve",
        version=__version__,
        summary="Stored runs of evaluations: figures, trials, comparisons and labels.",
        lifespan=lifespan,
        docs_url=None,  # its pages load scripts from other hosts
        redoc_url=None,
        max_body_size=MAX_BODY,
        redirect_slashes=False,
        middleware=[Middleware(Guard, access=site.access)],
        separate_input_output_schemas=False,
    )
    for room in (health, api_runs, api_compare, api_live, api_labels):
        app.include_router(room.router(site))
    for room in (assets, pages_runs, pages_compare, pages_labels):
        app.include_router(room.router(site), include_in_schema=False)
    _explain_errors(app, site)
    return app


def _explain_errors(app: FastAPI, site: Site) -> None:
    """JSON for programs, a page for people; what a client sent is not sent back."""

    def reply(request: Request, status: int, detail: str, headers: dict[str, str] | None = None) -> Response:
        if request.url.path.startswith("/api/") or request.method != "GET":
            return JSONResponse({"detail": detail}, status, headers)
        return page(site, request, "error.html.j2", status=status, detail=detail)

    @app.exception_handler(HTTPException)
    async def _refused(request: Request, error: HTTPException) -> Response:
        return reply(request, error.status_code, str(error.detail), dict(error.headers or {}))

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> Response:
        places = [f"{'.'.join(str(part) for part in one['loc'][1:])}: {one['msg']}" for one in error.errors()]
        return reply(request, 422, "; ".join(places)[:2000].encode("ascii", "backslashreplace").decode())

    @app.exception_handler(EvalkitError)
    async def _failed(request: Request, error: EvalkitError) -> Response:
        return reply(request, 503, error.message)
