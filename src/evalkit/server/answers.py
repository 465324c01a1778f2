"""What the API says when it does not answer as asked: one shape for every error, and how a client proves who it is."""

from __future__ import annotations

from typing import Any

from fastapi import Depends
from fastapi.security import HTTPBearer
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request


class Problem(BaseModel):
    """An error, in one sentence."""

    detail: str


def _problem(description: str) -> dict[str, Any]:
    return {"model": Problem, "description": description}


def once(request: Request) -> None:
    """Refuse a parameter that is given twice: one of the two would be left out without a word. Raises HTTPException."""
    names = [name for name, _ in request.query_params.multi_items()]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise HTTPException(422, f"{twice[0][:60]}: given {names.count(twice[0])} times")


GUARDED: dict[str, Any] = {
    "dependencies": [
        Depends(once),
        Depends(HTTPBearer(auto_error=False, description="The token of this start; browsers send it as a cookie.")),
    ],
    "responses": {
        401: _problem("No valid token."),
        422: _problem("A parameter or the body is not as described."),
        503: _problem("The store cannot be read right now."),
    },
}
"""Arguments of every API router. The token itself is checked by the guard, before any router sees the request."""

NOT_FOUND: dict[int | str, dict[str, Any]] = {404: _problem("There is no such run or trial.")}
REFUSED: dict[int | str, dict[str, Any]] = {
    400: _problem("The body is not JSON."),
    409: _problem("The run's journal is not here, or cannot be written."),
    403: _problem("The request does not come from this server's own pages."),
    413: _problem("The body is too large."),
}
