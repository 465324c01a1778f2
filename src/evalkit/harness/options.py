"""What a user chose for one run, on top of the project's configuration."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evalkit.config import Config
    from evalkit.model.results import Mode


@dataclass(frozen=True, slots=True)
class RunOptions:
    """Command-line choices; None leaves the configuration's value. ``record`` writes live answers to the recordings.

    ``workers`` is the number of xdist processes that share the run's concurrency and ceiling.
    """

    mode: Mode | None = None
    concurrency: int | None = None
    max_cost_usd: float | None = None
    record: bool = False
    workers: int = 1

    def apply(self, config: Config) -> Config:
        """The configuration with these choices in it."""
        chosen = {
            name: value
            for name, value in (
                ("mode", self.mode),
                ("concurrency", self.concurrency),
                ("max_cost_usd", self.max_cost_usd),
            )
            if value is not None
        }
        config = replace(config, **chosen)  # type: ignore[arg-type]
        ceiling = None if config.max_cost_usd is None else config.max_cost_usd / self.workers
        return replace(config, concurrency=max(1, config.concurrency // self.workers), max_cost_usd=ceiling)
