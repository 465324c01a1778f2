"""Coming back for batches: the command to repeat, and waiting until every open batch is finished."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack, closing
from typing import TYPE_CHECKING

from evalkit.errors import FATAL, CallError, ConfigError
from evalkit.harness.batch.mode import UNCLEAR_S
from evalkit.providers.batch import open_batch_api
from evalkit.store.batches import BATCHES_FOLDER, BatchLog

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from evalkit.config import Config
    from evalkit.providers.batch import BatchApi
    from evalkit.store.batches import Batch, Command

FIRST_PAUSE_S = 10.0
LONGEST_PAUSE_S = 300.0
"""Pauses between two looks at open batches grow from the first to the longest, by half each time."""


def last_command(config: Config) -> Command:
    """Return the last command that ran in batch mode. Raises ConfigError if there was none, StoreError if the log is damaged or held."""
    folder = config.folder("reports") / BATCHES_FOLDER
    command = None
    if folder.is_dir():
        with closing(BatchLog(folder)) as log:
            command = log.command
    if command is None:
        raise ConfigError("there are no batches to come back for", hint="hand some in: evalkit run --mode batch")
    return command


def open_batches(config: Config) -> tuple[Batch, ...]:
    """Return the batches whose answers are not taken in yet. Raises StoreError if the log is damaged or held."""
    folder = config.folder("reports") / BATCHES_FOLDER
    if not folder.is_dir():
        return ()
    with closing(BatchLog(folder)) as log:
        return log.open


def waiting_requests(config: Config) -> dict[str, Batch]:
    """Return the open batch of every request whose answer is not taken in yet, by key. Raises StoreError if the log is damaged or held."""
    folder = config.folder("reports") / BATCHES_FOLDER
    if not folder.is_dir():
        return {}
    with closing(BatchLog(folder)) as log:
        return {key: batch for batch in log.open for key in log.requests(batch)}


async def until_finished(batches: Sequence[Batch], config: Config, say: Callable[[str], None]) -> None:
    """Return when every one of ``batches`` is finished; ``say`` hears, before each pause, how many are not.

    Raises CallError for what waiting cannot mend (a bad key).
    """
    left, pause = list(batches), FIRST_PAUSE_S
    async with AsyncExitStack() as stack:
        apis: dict[str, BatchApi] = {}
        for provider in dict.fromkeys(batch.provider for batch in left):
            apis[provider] = open_batch_api(provider, config)
            stack.push_async_callback(apis[provider].aclose)
        while True:
            left = [batch for batch in left if not await _finished(batch, apis[batch.provider])]
            if not left:
                return
            requests = sum(batch.size for batch in left)
            say(f"waiting for {len(left)} of {len(batches)} batches, {requests} requests; next look in {pause:.0f} s")
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, LONGEST_PAUSE_S)


async def _finished(batch: Batch, api: BatchApi) -> bool:
    if batch.id is None:
        return time.time() - batch.at >= UNCLEAR_S  # the next pass looks for it, and hands it in again if there is none
    try:
        return (await api.poll(batch.id)).finished
    except CallError as error:
        if error.kind in FATAL:
            raise
        return False
