"""``evalkit report``: the page of a stored run, written again, and the list of all runs."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import click

from evalkit.cli.output_files import json_file_option, markdown_option
from evalkit.config import find_root, load_config


@click.command("report")
@click.argument("run", default="latest", required=False)
@click.option("--index", is_flag=True, help="Write only reports/index.html, the list of all runs.")
@click.option("--open", "show", is_flag=True, help="Open the page in a browser.")
@markdown_option
@json_file_option
def report_command(run: str, *, index: bool, show: bool, markdown: Path | None, json_file: Path | None) -> int:
    """Write reports/<RUN>/index.html again from the journals of RUN (default: the latest; the beginning of an id will do).

    Nothing is asked and nothing is judged: the page says what was concluded when the run ended.

    \b
    Examples:
      evalkit report --open
      evalkit report 20261120T0915 --markdown summary.md
      evalkit report --index --open
    """
    from evalkit.report.page.index_page import write_index

    config = load_config(find_root(Path.cwd()))
    reports = config.folder("reports")
    if index and (markdown or json_file or run != "latest"):
        raise click.UsageError("--index is about all runs: it takes no RUN, --markdown or --json")
    code = 0
    if index:
        page = write_index(reports)
    else:
        page, code = _page(run, markdown=markdown, json_file=json_file)
    click.echo(page)
    if show and not webbrowser.open(page.resolve().as_uri()):
        click.echo("no browser could be started", err=True)
    return code


def _page(run: str, *, markdown: Path | None, json_file: Path | None) -> tuple[Path, int]:
    from evalkit.harness.after.lookback import look_back
    from evalkit.harness.after.outputs import write_files
    from evalkit.harness.after.reporting import stored_report
    from evalkit.report.clean import clean
    from evalkit.report.page.html import write_html
    from evalkit.report.page.index_page import write_index

    config = load_config(find_root(Path.cwd()))
    retold = stored_report(config, run)
    page = write_html(look_back(config, retold.report), config.folder("reports"))
    write_index(config.folder("reports"))
    problems = write_files(retold.report, json_file=json_file, markdown_file=markdown)
    for problem in (*retold.problems, *problems):
        click.echo(f"warning: {clean(problem)}", err=True)
    return page, 3 if problems else 0
