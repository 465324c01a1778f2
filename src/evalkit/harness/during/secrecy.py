"""Which secrets a run knows: those of the environment, and those that its providers are given."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from evalkit.providers.redact import Redactor, is_secret

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalkit.config import Config

_SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "x-auth"})


def redactor_for(config: Config | None) -> Redactor:
    """What takes secrets out of everything that a run of this project writes; the environment's if the settings cannot be read."""
    return Redactor(dict(os.environ), given={} if config is None else dict(_given(config)))


def mask_commands() -> list[str]:
    """The commands that make GitHub's log hide the secrets of the environment, one for each line of each value."""
    secrets = (value for name, value in os.environ.items() if is_secret(name, value))
    return [f"::add-mask::{line}" for value in secrets for line in value.splitlines() if line.strip()]


def _given(config: Config) -> Iterator[tuple[str, str]]:
    for name, options in config.providers.items():
        variable = options.get("api_key_env")
        if isinstance(variable, str) and variable in os.environ:
            yield variable, os.environ[variable]
        headers = options.get("headers")
        for header, value in headers.items() if isinstance(headers, dict) else ():
            if isinstance(value, str) and (header.lower() in _SECRET_HEADERS or is_secret(header, value)):
                yield f"{name} {header}", value.rpartition(" ")[2]
