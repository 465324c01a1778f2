"""The provider kinds: built-in ones, and those of installed packages (entry-point group ``evalkit.providers``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalkit.providers.base import ProviderSettings
from evalkit.registry import Registry

if TYPE_CHECKING:
    from evalkit.config import Config
    from evalkit.providers.base import ProviderKind

PROVIDERS: Registry[ProviderKind] = Registry(
    "provider kind",
    builtin={
        "openai": "evalkit.providers.openai.provider:OpenAI",
        "anthropic": "evalkit.providers.anthropic.provider:Anthropic",
        "scripted": "evalkit.providers.scripted:Scripted",
    },
    group="evalkit.providers",
)


def provider_names(config: Config) -> list[str]:
    """Names that a model reference may start with: the configured ones and the kinds themselves."""
    return sorted({*config.providers, *PROVIDERS.names()})


def resolve(name: str, config: Config) -> tuple[ProviderKind, ProviderSettings]:
    """Return the kind and the settings behind a provider's ``name``. Raises ConfigError that lists the valid names."""
    from evalkit.errors import ConfigError, did_you_mean

    options = config.providers.get(name)
    if options is None and name not in PROVIDERS:
        raise ConfigError(
            f"no provider named {name!r}",
            hint=f"{did_you_mean(name, provider_names(config))}; others are set up in [tool.evalkit.providers.<name>]",
        )
    options = dict(options or {})
    if config.untrusted and "function" in options:
        raise ConfigError(
            f"the provider {name!r} is a function of the project, and the project is not trusted",
            hint="give it answers, or replay recordings",
        )
    kind = PROVIDERS.get(str(options.get("kind", name)))
    settings = ProviderSettings(
        name=name,
        root=config.root,
        options=options,
        timeout_s=float(options.get("timeout_s", config.timeout_s)),
        max_connections=int(
            config.limits.get(str(options.get("account", name)), {}).get("concurrency", config.concurrency)
        ),
    )
    return kind, settings
