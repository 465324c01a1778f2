"""``evalkit checks``: which checks there are, and how one is written."""

from __future__ import annotations

from pathlib import Path

import click

from evalkit.config import find_root, load_config


@click.command("checks")
@click.argument("name", required=False)
def checks_command(name: str | None) -> int:
    """List the checks, or show one: its parameters, an example and its source.

    \b
    Examples:
      evalkit checks
      evalkit checks contains
    """
    from evalkit.checks.reference import check_text, listing_text
    from evalkit.harness.planning import import_project_module

    config = load_config(find_root(Path.cwd()))
    for module in config.check_modules:
        import_project_module(module, config)
    click.echo(check_text(name) if name else listing_text())
    return 0
