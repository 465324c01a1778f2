"""The project that a command is about, and whether it is trusted: the options that say so, the same for every command that could import its Python."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from evalkit.config import find_root, load_config

if TYPE_CHECKING:
    from collections.abc import Callable

    from evalkit.config import Config

_Command = TypeVar("_Command", bound="Callable[..., Any]")


def project_options(command: _Command) -> _Command:
    """Give a command the options ``untrusted`` and ``settings`` that :func:`chosen_config` takes."""
    settings = click.option(
        "--config",
        "settings",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Read [tool.evalkit] of FILE too; its keys win over pyproject.toml.",
    )
    untrusted = click.option(
        "--untrusted", is_flag=True, help="The checkout is somebody else's: none of its code runs (docs/ci.md)."
    )
    return untrusted(settings(command))


def chosen_config(*, untrusted: bool, settings: Path | None, baseline: str | None = None) -> Config:
    """The settings of the project of the current folder; of one that is not trusted, the folder itself.

    What the user should know of an untrusted project is told on standard error, and its folders are taken off the import path. Raises ConfigError for
    settings that are wrong, and for an untrusted project in which even data is not safe.
    """
    from evalkit.cli.untrusted import fork_advice, hide_secrets, keep_out, told

    hide_secrets(os.environ)
    folder = Path.cwd()
    config = load_config(
        folder if untrusted else find_root(folder), settings=settings, untrusted=untrusted, baseline=baseline
    )
    if config.untrusted:
        keep_out(config.root)
    for line in told(config) if config.untrusted else filter(None, [fork_advice(os.environ)]):
        click.echo(line, err=True)
    return config
