"""What a user chose for one run, on top of the project's configuration."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, get_args

from evalkit.errors import ConfigError, did_you_mean
from evalkit.model.results import Mode

if TYPE_CHECKING:
    from evalkit.config import Config


@dataclass(frozen=True, slots=True)
class RunOptions:
    """Command-line choices; None leaves the configuration's value. ``record`` writes live answers to the recordings.

    ``workers`` is the number of xdist processes that share the run's concurrency and ceiling. Raises ConfigError for a value that no
    run can have.
    """

    mode: Mode | None = None
    concurrency: int | None = None
    max_cost_usd: float | None = None
    record: bool = False
    workers: int = 1

    def __post_init__(self) -> None:
        if self.mode is not None and self.mode not in get_args(Mode):
            raise ConfigError(f"there is no mode {self.mode!r}", hint=did_you_mean(str(self.mode), get_args(Mode)))
        if self.concurrency is not None and self.concurrency < 1:
            raise ConfigError(f"concurrency {self.concurrency}: at least 1 is needed")
        if self.max_cost_usd is not None and not self.max_cost_usd >= 0:
            raise ConfigError(f"max_cost_usd {self.max_cost_usd}: a number of US dollars, 0 or more")

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
