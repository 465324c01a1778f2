"""Runs in progress as JSON, and as server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import asdict, replace
from typing import Annotated

from fastapi import APIRouter, Header
from fastapi.sse import format_sse_event
from starlette.exceptions import HTTPException
from starlette.responses import StreamingResponse

from evalkit.server.answers import GUARDED, NOT_FOUND
from evalkit.server.api_runs import RunId
from evalkit.server.site import Site
from evalkit.store.browse.questions import has_run
from evalkit.store.journal.following import LiveRun

TICK_S = 0.25
"""Seconds between two looks at what there is to send."""
PING_TICKS = 40
"""Ticks of silence after which a comment is sent, so that a dead connection is noticed."""
_EVENT = {
    "type": "object",
    "required": ["event", "data"],
    "properties": {
        "event": {"type": "string", "enum": ["progress", "stored"]},
        "data": {"type": "string", "description": "JSON: a LiveRun with the new trials, or the run's id."},
        "id": {"type": "string", "description": "Number of the last trial that was told."},
    },
}


def router(site: Site) -> APIRouter:
    """``/api/live`` and the events of one run."""
    rooms = APIRouter(prefix="/api", tags=["live"], **GUARDED)

    @rooms.get("/live")
    def live() -> list[LiveRun]:
        """The runs in progress, newest first."""
        return site.live.runs()

    @rooms.get(
        "/runs/{run_id}/events",
        responses={**NOT_FOUND, 200: {"content": {"text/event-stream": {"schema": _EVENT}}}},
        response_class=StreamingResponse,
    )
    def events(
        run_id: RunId, last_event_id: Annotated[int, Header(ge=0, le=2**53, description="Trials that are known.")] = 0
    ) -> StreamingResponse:
        """A run as it goes on: ``progress`` with the trials since the last event, and ``stored`` at its end.

        An event's id is the number of the last trial in it: whoever reconnects with it goes on from there.
        """
        if site.live.run(run_id) is None and not has_run(site.store, run_id):
            raise HTTPException(404, "there is no such run")
        return StreamingResponse(follow(site, run_id, last_event_id), media_type="text/event-stream")

    return rooms


async def follow(site: Site, run_id: str, seen: int) -> AsyncIterator[bytes]:
    """The events of one run until it is stored, or the server ends."""
    sent: LiveRun | None = None
    silent = 0
    while not site.closing.is_set():
        run = site.live.run(run_id)
        if run is None:
            yield format_sse_event(event="stored", data_str=json.dumps({"run_id": run_id}))
            return
        if run is not sent:
            sent, silent = run, 0
            fresh = [trial for trial in run.trials if trial.number > seen]
            seen = max([seen, *(trial.number for trial in fresh)])
            data = json.dumps(asdict(replace(run, trials=fresh)))
            yield format_sse_event(event="progress", data_str=data, id=str(seen))
        elif silent >= PING_TICKS:
            silent = 0
            yield format_sse_event(comment="still here")
        silent += 1
        await asyncio.sleep(TICK_S)
