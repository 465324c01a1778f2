"""A project in a folder of its own: one prompt, one suite with a check per instruction, and GPT-4's answers as a recording."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import yaml

from benchmarks.ifeval.convert import checks_of
from evalkit.errors import EvalkitError, Where

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

MODEL = "openai/gpt-4"
NOTE = "answer of GPT-4 from November 2023, published with the benchmark IFEval"


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Read the benchmark's rows. Raises EvalkitError if the file is missing or not what it should be."""
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except FileNotFoundError as error:
        raise EvalkitError(
            f"no file {path}: this benchmark needs the IFEval answers and their reference verdicts",
            hint="give the file with --data; everything else in this repository works without it",
        ) from error
    except ValueError as error:
        raise EvalkitError(f"not JSON lines: {error}", where=Where(str(path))) from error
    wanted = {"key", "prompt", "instructions", "response", "strict"}
    if not rows or not all(isinstance(row, dict) and wanted <= row.keys() for row in rows):
        raise EvalkitError(f"a row lacks one of {', '.join(sorted(wanted))}", where=Where(str(path)))
    return rows


def write_project(folder: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the project into ``folder``, which is made."""
    files = {
        "pyproject.toml": '[tool.evalkit]\nmode = "replay"\n',
        "prompts/ifeval/v1.j2": "{{ prompt }}",
        "suites/ifeval.yaml": suite_yaml(rows),
        "suites/recordings/ifeval.jsonl": "".join(recording_line(row) for row in rows),
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")


def suite_yaml(rows: Sequence[Mapping[str, Any]]) -> str:
    """The suite: a case per row, and per instruction one check, in the same order."""
    cases = [{"id": str(row["key"]), "vars": {"prompt": asked(row)}, "checks": checks_of(row)} for row in rows]
    suite = {"suite": "ifeval", "prompt": "ifeval:v1", "models": [MODEL], "cases": cases}
    text: str = yaml.safe_dump(suite, allow_unicode=True, sort_keys=False)
    return text


def asked(row: Mapping[str, Any]) -> str:
    """The prompt as it is sent: evalkit sends no white space around a message."""
    text: str = row["prompt"].strip()
    return text


def recording_line(row: Mapping[str, Any]) -> str:
    """One recorded exchange: the prompt as the only message, and the real answer."""
    line = {
        "model": MODEL,
        "request": {"messages": [{"role": "user", "content": asked(row)}]},
        "response": {"text": row["response"]},
        "note": NOTE,
    }
    return json.dumps(line, ensure_ascii=False) + "\n"
