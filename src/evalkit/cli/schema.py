"""``evalkit schema``: the JSON Schema of suites, for editors."""

from __future__ import annotations

import json
from pathlib import Path

import click

from evalkit.cli.project import chosen_config, project_options
from evalkit.errors import ConfigError


@click.command("schema")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file. Default: print.")
@project_options
def schema_command(output: Path | None, *, untrusted: bool, settings: Path | None) -> int:
    """Print the JSON Schema of a suite, with which editors complete and check suites.

    \b
    Write it once, then begin each suite with a line that names it:
      evalkit schema --output suites/suite.schema.json
      # yaml-language-server: $schema=suite.schema.json
    """
    from evalkit.checks.catalog import editor_schemas
    from evalkit.harness.before.project_code import import_check_modules
    from evalkit.suites.schema import suite_schema

    config = chosen_config(untrusted=untrusted, settings=settings)
    import_check_modules(config)
    text = json.dumps(suite_schema(editor_schemas()), indent=2, ensure_ascii=False)
    if output is None:
        click.echo(text)
        return 0
    try:
        output.write_text(f"{text}\n", encoding="utf-8", newline="\n")
    except OSError as error:
        raise ConfigError(
            f"cannot write {output}: {error.strerror or error}", hint="choose a folder that you may write to"
        ) from error
    click.echo(f"wrote {output}")
    return 0
