"""``evalkit merge``: the shards of a CI pipeline as one run."""

from __future__ import annotations

from pathlib import Path

import click

from evalkit.cli.output_files import json_file_option, markdown_option
from evalkit.cli.project import chosen_config, project_options

_SHOWN = 20


@click.command("merge")
@click.argument(
    "folders",
    nargs=-1,
    required=True,
    metavar="SHARD...",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
)
@click.option("--shards", type=click.IntRange(1), metavar="N", help="Refuse to merge another number of shards than N.")
@json_file_option
@markdown_option
@project_options
def merge_command(
    folders: tuple[Path, ...],
    shards: int | None,
    json_file: Path | None,
    markdown: Path | None,
    *,
    untrusted: bool,
    settings: Path | None,
) -> int:
    """Join the runs of several CI jobs into one: gates are judged over all of it, and it has a report of its own.

    A SHARD is a folder reports/journal/<run id>, or one that holds a single run below it, such as the reports folder of a job. Run this in
    the checkout that the shards ran. Merging the same shards again adds nothing. Exit codes are those of a run: 3 if shards contradict
    each other, are of different commits, or if tests of their suites are in none of them.

    \b
    Example:
      evalkit merge --shards 4 artifacts/shard-*
    """
    from evalkit.harness.after.outputs import write_files
    from evalkit.harness.merging import merge
    from evalkit.report.clean import clean, one_line
    from evalkit.report.text import terminal_summary

    if shards is not None and len(set(folders)) != shards:
        click.echo(f"error: {shards} shards were expected, {len(set(folders))} named", err=True)
        click.echo("  hint: name the reports folder of every job; a job that wrote none did not run", err=True)
        return 3
    merged = merge(chosen_config(untrusted=untrusted, settings=settings), folders)
    report = merged.finished.report
    already = " (it was merged before, nothing is added)" if merged.known else ""
    click.echo(f"{len(merged.shards)} shards with {merged.trials:,} trials are run {report.run.run_id}{already}")
    for test_id in merged.missing[:_SHOWN]:
        click.echo(f"missing: {one_line(test_id)}", err=True)
    if len(merged.missing) > _SHOWN:
        click.echo(f"missing: {len(merged.missing) - _SHOWN:,} more tests", err=True)
    click.echo(terminal_summary(report))
    problems = write_files(report, json_file=json_file, markdown_file=markdown)
    for problem in problems:
        click.echo(f"problem: {clean(problem)}", err=True)
    click.echo("\n".join(map(clean, merged.finished.closing_lines())))
    return 3 if problems else int(merged.finished.exit_code)
