"""The reference of all checks, written from the checks themselves: as text for a terminal and as ``docs/reference/checks.md``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import yaml

from evalkit.checks.catalog import CHECKS, describe
from evalkit.model.results import Family

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evalkit.checks.catalog import CheckDescription, Parameter

_INTRODUCTION = """\
# Checks

This page is written by `make docs` from the checks themselves; `evalkit checks` prints the same in a terminal.

A check is written as its name alone, as `name: value` (the short form, which fills the parameter named below), or as
`name: {parameter: value, …}`:

```yaml
checks:
  - json
  - contains: refund
  - number: {select: $.amount, equals: 12.5, within: 0.01}
  - not: {contains: "as an AI"}
  - any_of: [{starts_with: Dear}, {starts_with: Hello}]
  - length: {words: {max: 200}}
    severity: warn
```

- `not` turns a check round; `any_of` and `all_of` combine several. A check that could not judge (`error`) stays an error, unless the
  others decide.
- `select` applies a check to what a JSONPath (RFC 9535) takes out of the answer's JSON. No match fails; with several matches the
  check must hold for each.
- `severity: warn` records a failure without failing the case.
- A text with `{{ }}` is an expression over the case's variables and expectations, and keeps its type when it is the whole value.
- *How many* is a range, `{min: 2, max: 5}`, or a whole number for exactly that many.
- Types are strict: `"5"` is not a number and `5` is not a text.
"""


def reference_markdown(names: Sequence[str] | None = None) -> str:
    """Return the reference page: every built-in check (or those of ``names``), by family."""
    described = [describe(name) for name in names or CHECKS.names()]
    parts = [_INTRODUCTION]
    for family in get_args(Family):
        members = [description for description in described if description.family == family]
        if members:
            parts.append(f"## {family.capitalize()}\n")
            parts.extend(_markdown(description) for description in members)
    return "\n".join(parts)


def _markdown(description: CheckDescription) -> str:
    blocks = [f"### `{description.name}`", _plain(description.summary)]
    if description.details:
        blocks.append(_plain(description.details))
    if description.parameters:
        rows = [_row(description, parameter) for parameter in description.parameters]
        blocks.append("\n".join(["| parameter | type | default | meaning |", "|---|---|---|---|", *rows]))
    blocks.append(f"```yaml\n{example_yaml(description)}```")
    outcome = "\n".join(f"- {verb}: {_inline(answer)}" for verb, answer in _answers(description))
    if outcome:
        blocks.append(outcome)
    if description.source:
        blocks.append(f"Source: {_plain(description.source)}")
    return "\n\n".join(blocks) + "\n"


def _plain(text: str) -> str:
    return text.replace("``", "`")


def _row(description: CheckDescription, parameter: Parameter) -> str:
    mark = " (short form)" if parameter.name == description.short else ""
    cells = [f"`{parameter.name}`{mark}", parameter.type, _default(parameter), _plain(parameter.doc)]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _default(parameter: Parameter) -> str:
    if parameter.required:
        return "required"
    return "" if parameter.default is None else f"`{json.dumps(parameter.default, ensure_ascii=False)}`"


def _answers(description: CheckDescription) -> Iterator[tuple[str, Any]]:
    for verb in ("passes", "fails"):
        if verb in description.example:
            yield verb, description.example[verb]


def _inline(answer: object) -> str:
    text = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
    shown = json.dumps(text, ensure_ascii=False) if "\n" in text or not text.strip() else text
    fence = "``" if "`" in shown else "`"
    return f"{fence} {shown} {fence}" if "`" in shown else f"{fence}{shown}{fence}"


def example_yaml(description: CheckDescription) -> str:
    """Return the example as a suite would hold it: one list item of ``checks:``."""
    params = description.example.get("params")
    if not description.example and any(parameter.required for parameter in description.parameters):
        params = {p.name: "…" if p.required else p.default for p in description.parameters}
    if params is None or params == {}:
        return f"- {description.name}\n"
    text: str = yaml.safe_dump(
        {description.name: params}, allow_unicode=True, sort_keys=False, default_flow_style=True, width=10_000
    )
    return f"- {text.strip()[1:-1]}\n"


def listing_text() -> str:
    """Return one line per check, by family, for a terminal."""
    described = [describe(name) for name in CHECKS]
    width = max(len(description.name) for description in described)
    lines: list[str] = []
    for family in get_args(Family):
        members = [description for description in described if description.family == family]
        if members:
            lines += [family, *(f"  {member.name:{width}}  {_plain(member.summary)}" for member in members), ""]
    lines += ["not, any_of and all_of combine checks; select: $.path judges a part of a JSON answer."]
    return "\n".join(lines)


def check_text(name: str) -> str:
    """Return one check's page for a terminal. Raises ConfigError if there is no such check."""
    description = describe(name)
    lines = [f"{name} ({description.family}): {_plain(description.summary)}"]
    if description.details:
        lines += ["", _plain(description.details)]
    if description.parameters:
        lines += ["", "Parameters:"]
        lines += [_parameter_text(description, parameter) for parameter in description.parameters]
    lines += ["", "Example:", *(f"  {line}" for line in example_yaml(description).rstrip().split("\n"))]
    lines += [f"  {verb}: {_inline(answer)}" for verb, answer in _answers(description)]
    if description.source:
        lines += ["", f"Source: {_plain(description.source)}"]
    return "\n".join(lines)


def _parameter_text(description: CheckDescription, parameter: Parameter) -> str:
    default = _default(parameter).replace("`", "")
    notes = [parameter.type, "required" if parameter.required else f"default {default}" if default else "optional"]
    if parameter.name == description.short:
        notes.append("short form")
    return f"  {parameter.name}: {parameter.doc} ({'; '.join(notes)})"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(reference_markdown(), encoding="utf-8", newline="\n")
