"""What the API says when it does not answer as asked: one shape for every error, and how a client proves who it is."""

from __future__ import annotations

from typing import Any

from fastapi import Depends
from fastapi.security import HTTPBearer
from pydantic import BaseModel


class Problem(BaseModel):
    """An error, in one sentence."""

    detail: str


def _problem(description: str) -> dict[str, Any]:
    return {"model": Problem, "description": description}


GUARDED: dict[str, Any] = {
    "dependencies": [
        Depends(HTTPBearer(auto_error=False, description="The token of this start; browsers send it as a cookie."))
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
    403: _problem("The request does not come from this server's own pages."),
    413: _problem("The body is too large."),
}
