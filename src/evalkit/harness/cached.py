"""The response cache in one line, for a person."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from evalkit.store.cache import CACHE_FILE, Cache

if TYPE_CHECKING:
    from evalkit.config import Config


def cache_facts(config: Config) -> str:
    """Return how many answers the cache holds, its size and the span of their times, journals read first. Raises StoreError."""
    path = config.folder("reports") / CACHE_FILE
    with closing(Cache(path)) as cache:
        cache.absorb(config.journals)
        rows, oldest, newest = cache.span()
    size = path.stat().st_size / 1e6
    if oldest is None or newest is None:
        return "no answers; they come from runs with live calls"
    return f"{rows:,} answers from {_day(oldest)} to {_day(newest)}, {size:,.1f} MB in {path.relative_to(config.root)}"


def _day(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"
