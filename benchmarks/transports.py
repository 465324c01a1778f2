"""CPU per call of each way to a model, against a local server that answers at once: ``python benchmarks/transports.py URL``.

``URL`` is any OpenAI-compatible server without latency. The rounds are interleaved, medians are shown, and the ratio is to the
official client used plainly (with its models built and its own connections).
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from openai import AsyncOpenAI

from evalkit.model.calls import Delivery, Message, Request
from evalkit.providers.base import ProviderSettings
from evalkit.providers.openai.provider import OpenAI

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

CALLS, AT_ONCE, ROUNDS = 500, 32, 7
ANSWER = '{"order_id": "A-1", "city": "Oslo", "status": "shipped", "summary": "It left the warehouse on Monday."}'


def prompt(number: int) -> str:
    return f"Where is order {number}? Answer with one JSON object and nothing else.\nREPLY: {ANSWER}"


def plain(client: AsyncOpenAI) -> Callable[[int], Awaitable[str | None]]:
    async def ask(number: int) -> str | None:
        messages = [{"role": "user", "content": prompt(number)}]
        reply = await client.chat.completions.create(model="gpt-5-mini", messages=messages)  # type: ignore[arg-type]
        return reply.choices[0].message.content

    return ask


def ours(provider: object, delivery: Delivery) -> Callable[[int], Awaitable[str | None]]:
    async def ask(number: int) -> str | None:
        request = Request("openai/gpt-5-mini", (Message("user", prompt(number)),), delivery=delivery)
        return (await provider.complete(request)).text  # type: ignore[attr-defined]

    return ask


async def cpu_ms(ask: Callable[[int], Awaitable[str | None]]) -> float:
    """CPU milliseconds of this process per call."""
    numbers = iter(range(CALLS))

    async def worker() -> None:
        for number in numbers:
            assert await ask(number) == ANSWER

    before = time.process_time()
    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
    return (time.process_time() - before) / CALLS * 1000


async def main(url: str) -> None:
    client = AsyncOpenAI(base_url=url, api_key="none", max_retries=0)
    provider = OpenAI.open(ProviderSettings("openai", Path(), {"base_url": url}, max_connections=AT_ONCE))
    ways = {
        "official client": plain(client),
        "sdk": ours(provider, Delivery(transport="sdk")),
        "sdk, streamed": ours(provider, Delivery(transport="sdk", stream=True)),
        "http": ours(provider, Delivery(transport="http")),
        "http, streamed": ours(provider, Delivery(transport="http", stream=True)),
    }
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(ROUNDS + 1):
        for name, ask in ways.items():
            spent = await cpu_ms(ask)
            if number:  # the first round warms up
                taken[name].append(spent)
    await provider.aclose()
    await client.close()
    base = statistics.median(taken["official client"])
    for name, several in taken.items():
        middle = statistics.median(several)
        print(f"{name:16} {middle:6.3f} ms/call   {middle / base:5.2f}   [{min(several):.3f} .. {max(several):.3f}]")


asyncio.run(main(sys.argv[1]))
