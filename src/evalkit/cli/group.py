"""A group of commands whose help says each command's first sentence to its end."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

_WHOLE = 1000
"""Characters after which click would cut a sentence; none is so long."""
_NOBODY_READS = 141
"""What a shell reports of a program that SIGPIPE ended."""


class Group(click.Group):
    """A click group that wraps the summaries of its commands, and returns 141 when nobody reads on (click's own is 1)."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands with their summaries."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [(name, command.get_short_help_str(_WHOLE)) for name, command in commands if command is not None]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - what a command returns
        """Run the command that was named. A closed pipe is no failure of a case, which 1 would mean."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains when it closes
            return _NOBODY_READS
