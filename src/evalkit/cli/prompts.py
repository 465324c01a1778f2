"""``evalkit prompts``: list, show, compare, release and check the prompt versions of a project."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from evalkit.canon import short
from evalkit.cli.group import Group
from evalkit.config import find_root, load_config
from evalkit.errors import ConfigError, PromptChangedError, PromptError
from evalkit.report.clean import one_line, visible

if TYPE_CHECKING:
    from evalkit.model.calls import Message
    from evalkit.prompts.library import PromptLibrary
    from evalkit.prompts.version import PromptVersion

_AT = click.option("--at", metavar="REV", help="Read the prompt at this git revision (a branch, tag or commit).")


@click.group("prompts", cls=Group)
def prompts_group() -> None:
    """List, show, compare, release and check prompt versions.

    A prompt version is one file, prompts/NAME/v2.j2, and is called NAME:v2 (or NAME:latest).
    """


@prompts_group.command("list")
def list_command() -> None:
    """List every prompt version: released or not, digest, description.

    Example: evalkit prompts list
    """
    library = _library()
    released = library.lock_file.read()
    refs = [f"{name}:{version}" for name in library.names() for version in library.versions(name)]
    rows = [_row(library, ref, released.get(ref)) for ref in refs]
    if not rows:
        click.echo("no prompts yet: write one as prompts/NAME/v1.j2")
        return
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for ref, state, digest, description in rows:
        line = f"{ref:<{widths[0]}}  {state:<{widths[1]}}  {digest:<{widths[2]}}  {description}"
        click.echo(line.rstrip())


@prompts_group.command("show")
@click.argument("ref")
@_AT
@click.option("--vars", "variables", metavar="JSON", help='Show the messages for these variables: \'{"name": "Ana"}\'.')
def show_command(ref: str, at: str | None, variables: str | None) -> None:
    """Show a prompt's source and the files it uses, or its messages when --vars is given.

    Example: evalkit prompts show refund-reply:v2 --vars '{"customer": "Ana"}'
    """
    library = _library()
    version = library.load(ref, at=at)
    text = _source(version) if variables is None else _messages(library.render(version, _parsed(variables)))
    click.echo(visible(text), nl=False)


@prompts_group.command("diff")
@click.argument("old")
@click.argument("new")
@click.option("--old-at", metavar="REV", help="Read OLD at this git revision.")
@click.option("--new-at", metavar="REV", help="Read NEW at this git revision.")
def diff_command(old: str, new: str, old_at: str | None, new_at: str | None) -> None:
    """Show what changed between two versions, as a unified diff.

    Example: evalkit prompts diff refund-reply:v1 refund-reply:v2
    """
    from evalkit.prompts.diff import diff

    library = _library()
    text = diff(library.load(old, at=old_at), library.load(new, at=new_at))
    click.echo(visible(text) or "no difference\n", nl=False)


@prompts_group.command("release")
@click.argument("ref")
def release_command(ref: str) -> None:
    """Record a version in prompts.lock; from then on, editing it is an error.

    Example: evalkit prompts release refund-reply:v2
    """
    from evalkit.prompts.lock import release

    version = release(_library(), ref)
    click.echo(f"released {version.ref} {short(version.digest)}")


@prompts_group.command("check")
def check_command() -> None:
    """Load every prompt and compare the released ones with prompts.lock.

    Exit code 0: all is well; 1: a released version changed; 2: a prompt has a mistake.

    Example: evalkit prompts check
    """
    from evalkit.prompts.lock import check

    library = _library()
    problems = check(library)
    for problem in problems:
        click.echo(visible(str(problem)), err=True)
    if problems:
        raise SystemExit(1 if all(isinstance(problem, PromptChangedError) for problem in problems) else 2)
    count = sum(len(library.versions(name)) for name in library.names())
    click.echo(f"{count} prompt versions, {len(library.lock_file.read())} released, no problems")


def _library() -> PromptLibrary:
    from evalkit.prompts.library import PromptLibrary

    config = load_config(find_root(Path.cwd()))
    return PromptLibrary(config.root, config.folder("prompts"), confined=config.untrusted)


def _row(library: PromptLibrary, ref: str, released: str | None) -> tuple[str, str, str, str]:
    try:
        version = library.load(ref)
    except PromptError as error:
        return ref, "BROKEN", "", one_line(str(error), limit=200)
    state = "draft" if released is None else "released" if released == version.digest else "CHANGED"
    return ref, state, short(version.digest), one_line(version.description, limit=120)


def _source(version: PromptVersion) -> str:
    first, *others = version.sources.items()
    parts = [first[1], *(f"\n--- {path}\n{text}" for path, text in others)]
    return "".join(part if part.endswith("\n") else f"{part}\n" for part in parts)


def _messages(messages: tuple[Message, ...]) -> str:
    return "\n".join(f"[{message.role}]\n{message.content}\n" for message in messages)


def _parsed(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"--vars is not valid JSON: {error}", hint='write it like \'{"name": "Ana"}\'') from error
    if not isinstance(value, dict):
        raise ConfigError("--vars is not a JSON object", hint='write it like \'{"name": "Ana"}\'')
    return value
