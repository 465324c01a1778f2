"""The reference of all commands, written from the commands themselves: ``docs/reference/cli.md``."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from evalkit.cli.main import cli

if TYPE_CHECKING:
    from collections.abc import Iterator

_INTRODUCTION = """\
# Commands

This page is written by `make docs` from the commands themselves; `evalkit COMMAND --help` prints the same in a terminal.
`pytest suites` needs none of them: its own options are in the group *evalkit* of `pytest --help`.

`evalkit --debug COMMAND` shows the traceback of an error. Unless a command says otherwise it returns 0 when all went well, 2 for a usage
error and 3 when something stored cannot be read or written.
"""


def commands() -> Iterator[tuple[click.Context, click.Command]]:
    """Every command, those of groups included, each with a context that knows its full name; sorted."""
    yield from _below(click.Context(cli, info_name="evalkit", **cli.context_settings), cli)


def _below(parent: click.Context, group: click.Group) -> Iterator[tuple[click.Context, click.Command]]:
    for name in group.list_commands(parent):
        command = group.get_command(parent, name)
        if command is None:
            continue
        context = click.Context(command, info_name=name, parent=parent, **command.context_settings)
        yield context, command
        if isinstance(command, click.Group):
            yield from _below(context, command)


def reference_markdown() -> str:
    """Return the reference page: usage, explanation, options and examples of every command."""
    return "\n".join([_INTRODUCTION, *(_section(context, command) for context, command in commands())])


def _section(context: click.Context, command: click.Command) -> str:
    blocks = [
        f"## `{context.command_path}`",
        _fenced(" ".join([context.command_path, *command.collect_usage_pieces(context)])),
    ]
    blocks += [_paragraph(block) for block in inspect.cleandoc(command.help or "").split("\n\n")]
    records = [option.get_help_record(context) for option in command.params if isinstance(option, click.Option)]
    rows = [f"| {_cell(f'`{names}`')} | {_cell(text)} |" for names, text in filter(None, records)]
    if rows:
        blocks.append("\n".join(["| option | meaning |", "|---|---|", *rows]))
    return "\n\n".join(blocks) + "\n"


def _paragraph(block: str) -> str:
    """Text as it is; lines that a terminal shows unwrapped (after click's mark) and examples become a code block."""
    lines = block.strip("\n").split("\n")
    if lines[0] == "\b":
        title, *rest = lines[1:]
        return f"{title}\n\n{_fenced(_dedented(rest))}"
    if lines[0].startswith("Example: "):
        return f"Example:\n\n{_fenced(block.removeprefix('Example: '))}"
    return block


def _dedented(lines: list[str]) -> str:
    return "\n".join(line.removeprefix("  ") for line in lines)


def _fenced(text: str) -> str:
    return f"```text\n{text}\n```"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(reference_markdown(), encoding="utf-8", newline="\n")
