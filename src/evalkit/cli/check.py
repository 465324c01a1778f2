"""``evalkit check``: one check on one text."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from evalkit.cli.project import chosen_config, project_options

if TYPE_CHECKING:
    from evalkit.model.results import Status, Verdict

_CODES: dict[Status, int] = {"pass": 0, "fail": 1, "error": 3, "skip": 3}
_SPANS = 10


@click.command("check")
@click.argument("check")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False)
@click.option("--vars", "variables", metavar="JSON", help="The case's variables, as JSON or YAML: '{name: Ana}'.")
@click.option("--expect", metavar="JSON", help="The case's expectations, as JSON or YAML.")
@click.option("--live", is_flag=True, help="Let a check ask its model. Each call is paid.")
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as JSON instead of text.")
@project_options
def check_command(
    check: str,
    file: Path | None,
    variables: str | None,
    expect: str | None,
    *,
    live: bool,
    as_json: bool,
    untrusted: bool,
    settings: Path | None,
) -> int:
    """Try CHECK, written as in a suite, on the text of FILE or of the standard input.

    One line end at the end of the text does not count. Checks that ask a model are refused without --live.

    \b
    Exit codes:
      0  the check passes
      1  it fails
      2  the check or the command line is wrong
      3  it could not judge

    \b
    Examples:
      evalkit check "contains: hello" < answer.txt
      evalkit check "pii: {allow: [email]}" answer.txt
      evalkit check "json_schema: schemas/reply.json" answer.json --json
      evalkit check "contains: '{{ name }}'" answer.txt --vars '{name: Ana}'
    """
    from evalkit.harness.trying import try_check

    config = chosen_config(untrusted=untrusted, settings=settings)
    given, expected = _mapping(variables, "--vars"), _mapping(expect, "--expect")
    answer, verdict = try_check(config, check, lambda: _text(file), vars=given, expect=expected, live=live)
    click.echo(_as_json(verdict) if as_json else _as_text(verdict, answer))
    return _CODES[verdict.status]


def _text(file: Path | None) -> str:
    data = sys.stdin.buffer.read() if file is None else file.read_bytes()
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise click.UsageError(f"the text is not UTF-8: byte {error.start} is 0x{data[error.start]:02x}") from error
    return text.removesuffix("\n").removesuffix("\r")


def _mapping(text: str | None, option: str) -> dict[str, Any]:
    from evalkit.yamlfile import parse_yaml

    if text is None:
        return {}
    value = parse_yaml(text, name=option, aliases=False).plain()
    if not isinstance(value, dict):
        raise click.UsageError(f"{option} is not a mapping, such as '{{name: Ana}}'")
    return value


def _as_text(verdict: Verdict, answer: str) -> str:
    from evalkit.report.clean import clean, one_line

    lines = [f"{verdict.status}: {one_line(verdict.check)}: {clean(verdict.reason)}"]
    if verdict.score is not None:
        lines.append(f"  score {verdict.score:g}")
    secret = verdict.family == "safety"  # what it found may be what nobody should read in a log
    for start, end in verdict.spans[:_SPANS]:
        lines.append(
            f"  characters {start} to {end}" + ("" if secret else f": {one_line(answer[start:end], limit=200)}")
        )
    lines += [f"  {clean(line)}" for line in verdict.detail.split("\n") if line]
    return "\n".join(lines)


def _as_json(verdict: Verdict) -> str:
    found = {
        "check": verdict.check,
        "family": verdict.family,
        "status": verdict.status,
        "reason": verdict.reason,
        "score": verdict.score,
        "spans": [list(span) for span in verdict.spans],
        "detail": verdict.detail,
    }
    return json.dumps(found, indent=2)
