"""``evalkit``: the group of commands. Each is imported when it is used; errors become one message and an exit code."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING

import click

from evalkit import __version__
from evalkit.cli.group import Group
from evalkit.errors import CallError, EvalkitError, RecordingError, StoreError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

_COMMANDS = {
    "baseline": "evalkit.cli.baseline:baseline_group",
    "calibrate": "evalkit.cli.calibrate:calibrate_command",
    "check": "evalkit.cli.check:check_command",
    "cache": "evalkit.cli.cache:cache_group",
    "checks": "evalkit.cli.checks:checks_command",
    "compare": "evalkit.cli.compare:compare_command",
    "doctor": "evalkit.cli.doctor:doctor_command",
    "estimate": "evalkit.cli.estimate:estimate_command",
    "export": "evalkit.cli.export:export_command",
    "history": "evalkit.cli.history:history_command",
    "import": "evalkit.cli.import_suite:import_command",
    "ingest": "evalkit.cli.sql:ingest_command",
    "init": "evalkit.cli.init:init_command",
    "merge": "evalkit.cli.merge:merge_command",
    "prompts": "evalkit.cli.prompts:prompts_group",
    "purge": "evalkit.cli.purge:purge_command",
    "race": "evalkit.cli.race:race_command",
    "report": "evalkit.cli.report:report_command",
    "rescore": "evalkit.cli.rescore:rescore_command",
    "run": "evalkit.cli.run:run_command",
    "schema": "evalkit.cli.schema:schema_command",
    "serve": "evalkit.server.command:serve_command",
    "sql": "evalkit.cli.sql:sql_command",
}


class _LazyGroup(Group):
    """A group whose commands are imported when first asked for, so that ``evalkit --version`` stays fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        target = _COMMANDS.get(cmd_name)
        if target is None:
            ctx.fail(f"there is no command {cmd_name!r}; {did_you_mean(cmd_name, _COMMANDS)}")
        module, _, attribute = target.partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="evalkit")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def cli(*, debug: bool) -> None:
    """Run versioned prompts against YAML suites, and learn whether version 2 is better than version 1.

    \b
    Start here:
      evalkit init                       write an example project
      pytest suites                      run every suite
      evalkit run --mode replay          the same from recordings, without a key
      evalkit compare baseline candidate which variant is better, if anybody can know
    """
    del debug  # read in main(), which also has to handle errors of the command line itself


def main(arguments: Sequence[str] | None = None) -> None:
    """The console entry point, for ``arguments`` or those of the process. It always ends in SystemExit.

    Exit codes: 0 fine, 1 failed, 2 usage, 3 could not measure, 10 undecided, 129 SIGHUP, 130 Ctrl-C, 141 nobody reads on, 143 SIGTERM.
    """
    words = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in words
    try:
        code = cli.main(
            [word for word in words if word != "--debug"], prog_name="evalkit", standalone_mode=False, obj=debug
        )
    except click.exceptions.Abort:
        code = 130
    except click.ClickException as error:
        error.show()
        code = 2
    except EvalkitError as error:
        if debug:
            raise
        click.echo(f"error: {_clean(str(error))}", err=True)
        code = 3 if isinstance(error, (StoreError, RecordingError, CallError)) else 2
    except OSError as error:  # no place for temporary files, a folder that went away: whatever no command expects
        if debug:
            raise
        click.echo(f"error: {_clean(str(error))}", err=True)
        code = 3
    except Exception as error:  # the top: even a bug of evalkit's own is one message, and not "a case failed" (1)
        if debug:
            raise
        click.echo(f"error: evalkit itself failed: {_clean(f'{type(error).__name__}: {error}')[:500]}", err=True)
        click.echo("  hint: evalkit --debug … shows the traceback; please report it", err=True)
        code = 3
    sys.exit(code if isinstance(code, int) else 0)


def _clean(text: str) -> str:
    from evalkit.report.clean import clean

    return clean(text)
