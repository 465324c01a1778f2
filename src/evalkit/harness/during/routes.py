"""Which provider answers in which mode: live ones, recordings, scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalkit.engine.budget import Pricing
from evalkit.engine.policy import Policy, Route
from evalkit.errors import CallError, ConfigError, did_you_mean
from evalkit.metrics.cost import Prices
from evalkit.providers.catalog import provider_names, resolve
from evalkit.tomlfile import project_file

if TYPE_CHECKING:
    from collections.abc import Callable

    from evalkit.config import Config
    from evalkit.providers.base import Provider, ProviderKind, ProviderSettings


def recording_path(suite: str, config: Config) -> str:
    """The recording of the suite named ``suite``, relative to the project."""
    return f"{config.recordings}/{suite}.jsonl"


def make_routes(config: Config, *, collector: Callable[[str], Provider] | None = None) -> Callable[[str], Route]:
    """Return the function that tells how a provider's requests are answered in this run.

    ``collector`` stands where live providers would, in batch mode: what is not cached goes into a batch, past every limit.

    In replay mode the project's recordings are read here, so that a damaged one is an error (RecordingError) before anything
    else happens. Scripted providers are asked in every mode: they cost nothing.
    """
    replay = _recorded(config) if config.mode == "replay" else None

    def route(name: str) -> Route:
        kind, settings = resolve(name, config)
        account = str(settings.options.get("account", name))
        if settings.options.get("kind", name) == "scripted":
            return Route(lambda: kind.open(settings), "scripted", cached=False, account=account)
        if collector is not None:
            return Route(lambda: collector(name), "cache", cached=True, account=f"{account}, batches")
        if replay is not None:
            return Route(lambda: replay, "replay", cached=False, account=account)
        return Route(lambda: _open_live(kind, settings), "live", cached=config.mode == "cache", account=account)

    return route


def _recorded(config: Config) -> Provider:
    from evalkit.providers.recordings.recording import read_recordings
    from evalkit.providers.recordings.replay import ReplayProvider

    paths = sorted(config.folder("recordings").rglob("*.jsonl"))
    exchanges = [exchange for path in paths for exchange in read_recordings(path, root=config.root)]
    return ReplayProvider(exchanges, folder=config.recordings)


def make_policy(config: Config) -> Policy:
    """The engine's limits from the configuration. Raises ConfigError for limits of an account that no provider has."""
    accounts = {
        *provider_names(config),
        *(str(row["account"]) for row in config.providers.values() if "account" in row),
    }
    for account in config.limits:
        if account not in accounts:
            raise ConfigError(
                f"[tool.evalkit.limits.{account}]: no provider has that account",
                hint=did_you_mean(account, accounts),
                where=project_file(config.root).where("limits", account),
            )
    return Policy(
        concurrency=config.concurrency,
        retries=config.retries,
        deadline_s=config.deadline_s,
        max_cost_usd=config.max_cost_usd,
        max_tokens=config.max_tokens,
        max_calls=config.max_calls,
        limits=config.limits,
        workers=config.workers,
    )


def make_pricing(config: Config) -> Pricing:
    """Prices from the configuration, then from the price table that ships with a library."""
    prices = Prices(config.prices)
    return Pricing(cost_usd=prices.cost_usd, worst_case_usd=prices.worst_case_usd)


def _open_live(kind: ProviderKind, settings: ProviderSettings) -> Provider:
    problem = kind.ready(settings)
    if problem is not None:
        raise CallError(problem, kind="auth")
    return kind.open(settings)
