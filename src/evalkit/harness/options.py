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
    ``baseline`` names what to compare with; ``allow_no_baseline`` lets a run exit 0 although there is none yet.

    ``workers`` is the number of xdist processes that share the run's concurrency, limits and ceilings, and ``worker`` which of them this one is,
    from 0. Raises ConfigError for a value that no
    run can have.
    """

    mode: Mode | None = None
    concurrency: int | None = None
    max_cost_usd: float | None = None
    max_tokens: int | None = None
    max_calls: int | None = None
    record: bool = False
    baseline: str | None = None
    allow_no_baseline: bool = False
    workers: int = 1
    worker: int = 0

    def __post_init__(self) -> None:
        if self.mode is not None and self.mode not in get_args(Mode):
            raise ConfigError(f"there is no mode {self.mode!r}", hint=did_you_mean(str(self.mode), get_args(Mode)))
        if self.concurrency is not None and self.concurrency < 1:
            raise ConfigError(
                f"concurrency {self.concurrency}: at least 1 is needed", hint="write --evalkit-concurrency 8, say"
            )
        if self.max_cost_usd is not None and not self.max_cost_usd >= 0:
            raise ConfigError(
                f"max_cost_usd {self.max_cost_usd}: a number of US dollars, 0 or more",
                hint="write --max-cost 0.50, say",
            )
        if self.baseline is not None and not self.baseline.strip():
            raise ConfigError("the baseline has no name", hint="name a run, latest:<branch>, or a file")
        for name, value in (("max_tokens", self.max_tokens), ("max_calls", self.max_calls)):
            if value is not None and value < 0:
                raise ConfigError(
                    f"{name} {value}: a whole number, 0 or more", hint=f"write --{name.replace('_', '-')} 1000, say"
                )

    def apply(self, config: Config) -> Config:
        """The configuration with these choices in it."""
        chosen = {
            name: value
            for name, value in (
                ("mode", self.mode),
                ("concurrency", self.concurrency),
                ("max_cost_usd", self.max_cost_usd),
                ("max_tokens", self.max_tokens),
                ("max_calls", self.max_calls),
                ("baseline", self.baseline),
                (
                    "on_undecided",
                    "allow_no_baseline" if self.allow_no_baseline and config.on_undecided == "fail" else None,
                ),
            )
            if value is not None
        }
        config = replace(config, **chosen)  # type: ignore[arg-type]
        if self.workers == 1:
            return config
        return replace(
            config,
            workers=self.workers,
            concurrency=max(1, config.concurrency // self.workers),
            max_cost_usd=None if config.max_cost_usd is None else config.max_cost_usd / self.workers,
            max_tokens=self._part(config.max_tokens),
            max_calls=self._part(config.max_calls),
            limits={
                account: {name: max(1, value // self.workers) for name, value in row.items()}
                for account, row in config.limits.items()
            },
        )

    def _part(self, whole: int | None) -> int | None:
        """This worker's part of a ceiling; what cannot be divided goes to the first ones."""
        return None if whole is None else whole // self.workers + (self.worker < whole % self.workers)
