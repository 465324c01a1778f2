"""``evalkit import``: a project of another tool as prompts and a suite."""

from __future__ import annotations

from pathlib import Path

import click

from evalkit.cli.project import chosen_config, project_options
from evalkit.files import shown


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", help="Name of the suite and its prompt (default: of the description, or the folder).")
@click.option("--model", metavar="PROVIDER/MODEL", help="Ask this model instead of the providers of FILE.")
@click.option("--judge", metavar="PROVIDER/MODEL", help="The model that judges where FILE names none.")
@click.option("--allow-left-out", is_flag=True, help="Exit with 0 although something was left out.")
@project_options
def import_command(
    file: Path,
    name: str | None,
    model: str | None,
    judge: str | None,
    allow_left_out: bool,
    untrusted: bool,
    settings: Path | None,
) -> int:
    """Write the prompts and tests of a promptfoo FILE (promptfooconfig.yaml) as prompts and a suite of evalkit.

    Nothing in FILE is run, and nothing that is already there is overwritten. Whatever could not be said in evalkit's words is listed with its
    line: "changed" is there, but not quite the same; "left out" is not there and stands in the suite as a comment; "to mend" is a mistake that
    evalkit finds in what it wrote. The last two make the exit code 1.

    \b
    Examples:
      evalkit import promptfooconfig.yaml
      evalkit import ../old/promptfooconfig.yaml --name refunds
      evalkit import promptfooconfig.yaml --model openai/gpt-5-mini --judge anthropic/claude-sonnet-4-5
    """
    from evalkit.importers.promptfoo.project import Wanted, import_promptfoo
    from evalkit.importers.writing import missing_settings, mistakes_in, write
    from evalkit.report.clean import clean

    imported = import_promptfoo(file, Wanted(name=name, model=model, judge=judge))
    config = chosen_config(untrusted=untrusted, settings=settings)
    written = write(imported, config)
    mistakes = mistakes_in(imported, config)
    for line in (*imported.notes, *(f"to mend: {mistake}" for mistake in mistakes)):
        click.echo(clean(str(line)))
    for path in written:
        click.echo(f"wrote {shown(path, Path.cwd())}")
    missing = missing_settings(imported, config)
    if missing:
        click.echo(f"\nadd to pyproject.toml, for its models:\n\n{missing}")
    left = len(imported.left_out)
    click.echo(
        f"{imported.cases} cases, {len(imported.prompts)} prompt versions; "
        f"{left} left out, {len(imported.notes) - left} changed, {len(mistakes)} to mend\n"
        f"next: evalkit estimate, then pytest {shown(config.folder('suites'), Path.cwd())}"
    )
    return 1 if mistakes or (left and not allow_left_out) else 0
