"""``evalkit checks``: which checks there are, and how one is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from evalkit.cli.project import chosen_config, project_options

if TYPE_CHECKING:
    from pathlib import Path


@click.command("checks")
@click.argument("name", required=False)
@project_options
def checks_command(name: str | None, *, untrusted: bool, settings: Path | None) -> int:
    """List the checks, or show one: its parameters, an example and its source.

    \b
    Examples:
      evalkit checks
      evalkit checks contains
    """
    from evalkit.checks.reference import check_text, listing_text
    from evalkit.harness.before.project_code import import_check_modules

    config = chosen_config(untrusted=untrusted, settings=settings)
    import_check_modules(config)
    click.echo(check_text(name) if name else listing_text())
    return 0
