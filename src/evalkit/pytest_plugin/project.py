"""Which evalkit project a pytest session belongs to, if any."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from evalkit.config import find_root, load_config
from evalkit.errors import EvalkitError

if TYPE_CHECKING:
    from pathlib import Path

    from evalkit.config import Config

_PROJECT: pytest.StashKey[Config | None] = pytest.StashKey()
_TROUBLE: pytest.StashKey[pytest.UsageError] = pytest.StashKey()


def project_of(config: pytest.Config) -> Config | None:
    """The configuration of the project, read once per session; None when there is no evalkit project here.

    A project has ``[tool.evalkit]`` in its ``pyproject.toml``, or a prompt ``prompts/<name>/v1.j2``. Raises pytest.UsageError when
    the configuration is wrong.
    """
    if _PROJECT not in config.stash:
        config.stash[_PROJECT] = _find(config)
    return config.stash[_PROJECT]


def raise_trouble(config: pytest.Config) -> None:
    """Raise the usage error that :func:`project_of` met, if it met one: pytest would report it as a traceback of the folder."""
    if _TROUBLE in config.stash and not config.option.fulltrace:
        raise config.stash[_TROUBLE]


def config_of(config: pytest.Config) -> Config:
    """The project's configuration, or the defaults for a suite that was named on the command line outside any project."""
    return project_of(config) or _load(config, config.rootpath)


def _find(config: pytest.Config) -> Config | None:
    try:
        if config.getoption("evalkit_untrusted"):
            return _load(config, config.rootpath)  # a pyproject.toml further up is not the checkout's
        for start in dict.fromkeys((config.rootpath, config.invocation_params.dir)):
            root = find_root(start)
            if _has_table(root) or any((root / "prompts").glob("*/v*.j2")):
                return _load(config, root)
    except EvalkitError as error:
        config.stash[_TROUBLE] = pytest.UsageError(str(error))
        raise config.stash[_TROUBLE] from error
    return None


def _load(config: pytest.Config, root: Path) -> Config:
    settings = config.getoption("evalkit_config")
    return load_config(
        root,
        settings=config.invocation_params.dir / settings if settings else None,
        untrusted=config.getoption("evalkit_untrusted"),
    )


def _has_table(root: Path) -> bool:
    from evalkit.tomlfile import project_file

    return "[tool.evalkit" in (project_file(root).text() or "")
