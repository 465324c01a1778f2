"""``evalkit doctor``: what this machine and project lack, in one screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from evalkit.cli.project import chosen_config, project_options

if TYPE_CHECKING:
    from pathlib import Path

_MARKS = {"ok": "✓", "note": "·", "problem": "✗"}


@click.command("doctor")
@click.option(
    "--online", is_flag=True, help="Also ask each provider in use for its list of models, once; costs nothing."
)
@project_options
def doctor_command(*, online: bool, untrusted: bool, settings: Path | None) -> int:
    """Look at Python, packages, folders, configuration, suites, keys, prices, journals and the database; say what to do about each fault.

    Nothing is written, and without --online nothing is sent. A key is never shown, only whether there is one. Returns 0 if nothing is in the
    way of a run (a note, marked ·, is not), else 1.

    \b
    Examples:
      evalkit doctor
      evalkit doctor --online
    """
    from evalkit.harness.doctor.examination import examine
    from evalkit.report.clean import clean

    area, problems = "", 0
    for finding in examine(lambda: chosen_config(untrusted=untrusted, settings=settings), online=online):
        if finding.area != area:
            area = finding.area
            click.echo(area)
        click.echo(clean(f"  {_MARKS[finding.status]} {finding.text}"))
        if finding.todo is not None:
            click.echo(clean(f"      → {finding.todo}"))
        problems += finding.status == "problem"
    click.echo(
        f"{problems} {'problem' if problems == 1 else 'problems'}" if problems else "nothing is in the way of a run"
    )
    return 1 if problems else 0
