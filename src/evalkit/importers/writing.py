"""What an import makes: written where nothing is yet, and planned as a run would plan it, so that every mistake in it is known at once."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import yaml

from evalkit.errors import ConfigError, EvalkitError, SuiteError
from evalkit.files import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from evalkit.config import Config
    from evalkit.importers.notes import Note
    from evalkit.model.calls import JSON

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9 ./_?()-]*\Z")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf"})


@dataclass(frozen=True, slots=True)
class Imported:
    """What a project becomes: ``prompts`` and ``suites`` (path in that folder → text), the ``notes`` of what changed, and how many ``cases`` there are.

    ``providers`` are the settings that the models need, as in ``[tool.evalkit.providers]``.
    """

    prompts: Mapping[str, str]
    suites: Mapping[str, str]
    notes: tuple[Note, ...]
    providers: Mapping[str, Mapping[str, str]]
    cases: int

    @property
    def left_out(self) -> tuple[Note, ...]:
        """The notes of what was not imported."""
        return tuple(note for note in self.notes if note.kind == "left out")


def dumped(value: Mapping[str, JSON]) -> str:
    """YAML that evalkit reads back as the same value: texts that could be anything else stand in quotation marks."""
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    return text


def listed(rows: Iterable[tuple[Sequence[str], Mapping[str, JSON]]]) -> str:
    """Members of a list, each with the comments that stand before it."""
    lines: list[str] = []
    for before, row in rows:
        lines += [f"  # {_line(comment)}" for comment in before]
        first, *rest = dumped(row).splitlines()
        lines += [f"  - {first}", *(f"    {line}" if line else "" for line in rest)]
    return "\n".join(lines) + "\n"


def comments(texts: Iterable[str]) -> str:
    """Each text as a comment of one line."""
    return "".join(f"# {_line(text)}\n" for text in texts)


def write(imported: Imported, config: Config) -> list[Path]:
    """Write the files into the project's folders; return their paths. Raises ConfigError, before the first is written, if one is there already."""
    wanted = {config.folder("prompts") / name: text for name, text in imported.prompts.items()}
    wanted |= {config.folder("suites") / name: text for name, text in imported.suites.items()}
    present = [shown(path, config.root) for path in wanted if os.path.lexists(path)]
    if present:
        raise ConfigError(
            f"{', '.join(present)} already there; nothing was written",
            hint="choose another name: --name NAME",
        )
    try:
        for path, text in wanted.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
    except OSError as error:
        raise ConfigError(
            f"cannot write {error.filename}: {error.strerror}", hint="choose a folder that you may write to"
        ) from error
    return list(wanted)


def missing_settings(imported: Imported, config: Config) -> str:
    """The entries of ``pyproject.toml`` that the models need and the project does not have."""
    lines: list[str] = []
    for name, entry in imported.providers.items():
        if name not in config.providers:
            lines += [f"[tool.evalkit.providers.{name}]", *(f'{key} = "{value}"' for key, value in entry.items()), ""]
    return "\n".join(lines)


def mistakes_in(imported: Imported, config: Config) -> tuple[str, ...]:
    """What evalkit says of the suites that were written, when it plans them with the settings that they need: nothing is called."""
    from evalkit.harness.before.planning import Planner

    planner = Planner(replace(config, providers={**imported.providers, **config.providers}))
    found: list[EvalkitError] = []
    for name in imported.suites:
        try:
            planner.plan(config.folder("suites") / name)
        except SuiteError as error:
            found += error.complaints or (error,)
        except EvalkitError as error:
            found.append(error)
    return tuple(map(str, found))


def _line(text: str) -> str:
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


class _Dumper(yaml.SafeDumper):
    """Writes no aliases, and quotes what YAML readers disagree about."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ANN401 - PyYAML's own signature
        """Equal parts are written twice."""
        del data
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: FBT002 - as above
        """Lists in mappings are indented."""
        del indentless
        super().increase_indent(flow, indentless=False)


def _text(dumper: _Dumper, data: str) -> yaml.ScalarNode:
    if "\n" in data and not re.search(r"[^\S\n]\n|^\s|[^\n -~\u00a0-\ud7ff\ue000-\ufefe\uff00-\ufffd]", data):
        return dumper.represent_scalar("tag:yaml.org,2002:str", data, style="|")
    plain = _PLAIN.match(data) and data.strip() == data and data.lower() not in _WORDS
    return dumper.represent_scalar("tag:yaml.org,2002:str", data, style=None if plain else '"')


_Dumper.add_representer(str, _text)
