"""The files that a command about a whole run writes beside its page, by options of the same name everywhere."""

from __future__ import annotations

from pathlib import Path

import click

json_file_option = click.option(
    "--json",
    "json_file",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write the whole run as JSON to FILE.",
)
"""``--json FILE``, given to the command as ``json_file``."""
markdown_option = click.option(
    "--markdown",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write a Markdown summary to FILE.",
)
"""``--markdown FILE``."""
