"""``evalkit import``: a project of another tool as prompts and a suite."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from evalkit.cli.project import chosen_config, project_options
from evalkit.files import shown

if TYPE_CHECKING:
    from evalkit.config import Config


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
    """Write the prompts and tests of a promptfoo FILE (promptfooconfig.yaml) as prompts and a suite of evalkit, or the answers of its results
    (output.json) as recordings of the suites.

    Nothing in FILE is run, and nothing that is already there is overwritten. Whatever could not be said in evalkit's words is listed with its
    line: "changed" is there, but not quite the same; "left out" is not there and stands in the suite as a comment; "to mend" is a mistake that
    evalkit finds in what it wrote. The last two make the exit code 1.

    \b
    Examples:
      evalkit import promptfooconfig.yaml
      evalkit import ../old/promptfooconfig.yaml --name refunds
      evalkit import promptfooconfig.yaml --model openai/gpt-5-mini --judge anthropic/claude-sonnet-4-5
      evalkit import output.json         afterwards: what promptfoo paid is replayed without a key
    """
    from evalkit.importers.promptfoo.answers import is_results

    config = chosen_config(untrusted=untrusted, settings=settings)
    if is_results(file):
        return _answers(file, config, allow_left_out=allow_left_out)
    from evalkit.importers.promptfoo.project import Wanted, import_promptfoo
    from evalkit.importers.writing import missing_settings, mistakes_in, write
    from evalkit.report.clean import clean

    imported = import_promptfoo(file, Wanted(name=name, model=model, judge=judge))
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


def _answers(file: Path, config: Config, *, allow_left_out: bool) -> int:
    """Record what ``file`` answers; 1 if a request of the suites has no answer in it."""
    from evalkit.importers.promptfoo.answers import read_answers
    from evalkit.importers.recording import record
    from evalkit.report.clean import clean

    answers = read_answers(file)
    recorded = record(answers, config, note=f"from {clean(file.name)}, of promptfoo")
    for why, count in answers.passed_over.items():
        click.echo(f"left out: {file.name}: {count} of its rows: {clean(why)}")
    for path, count in recorded.added.items():
        click.echo(f"wrote {shown(path, Path.cwd())}: {count} answers")
    click.echo(
        f"{recorded.found} of {recorded.requests} requests of the suites have an answer; next: evalkit run --mode replay"
    )
    return 0 if recorded.found == recorded.requests or (recorded.found and allow_left_out) else 1
