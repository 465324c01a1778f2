"""The loop that answers arrive on: whoever waits for it hears of its end."""

from __future__ import annotations

import asyncio
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING

import pytest

from evalkit.engine.loop import BackgroundLoop

if TYPE_CHECKING:
    from concurrent.futures import Future


async def for_ever() -> None:
    await asyncio.Event().wait()


async def exits_when_cancelled() -> None:
    try:
        await for_ever()
    finally:
        raise SystemExit(2)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # which Python itself passes over
@pytest.mark.parametrize("last", [for_ever, exits_when_cancelled])
def test_what_was_submitted_just_before_a_task_exits_is_cancelled(last) -> None:
    """It had not begun when SystemExit ended the loop, or leaves with SystemExit itself: a session once waited for ever. What comes later is cancelled at once."""
    loop = BackgroundLoop()
    begun = loop.submit(for_ever())
    late: list[Future[None]] = []

    async def exits() -> None:
        late.extend((loop.submit(last()), loop.submit(for_ever())))
        raise SystemExit(1)

    with pytest.raises(SystemExit, match="1"):
        loop.submit(exits()).result(60)
    for future in (begun, late[1]):
        with pytest.raises(CancelledError):
            future.result(60)
    with pytest.raises((CancelledError, SystemExit)):
        late[0].result(60)
    with pytest.raises(CancelledError):
        loop.submit(for_ever()).result(60)
    loop.close(for_ever(), grace_s=1)
