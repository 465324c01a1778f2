"""Sending requests through a provider that is opened for them and closed after."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from evalkit.model.calls import Request, Response
    from evalkit.providers.base import Provider


def answers(opened: Callable[[], Provider], *requests: Request) -> list[Response]:
    """Open a provider on a loop of its own, send ``requests`` at once, and close it, also after a failure."""

    async def run() -> list[Response]:
        provider = opened()
        try:
            return list(await asyncio.gather(*(provider.complete(request) for request in requests)))
        finally:
            await provider.aclose()

    return asyncio.run(run())
