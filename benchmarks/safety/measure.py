"""Precision and recall of the safety checks on the labelled corpus beside this file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalkit.checks.base import BuildContext, CheckContext
from evalkit.checks.build import build_check
from evalkit.errors import ConfigError, Where
from evalkit.model.calls import Message, Request, Response
from evalkit.model.cases import CheckSpec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

CORPUS = Path(__file__).with_name("corpus.jsonl")


@dataclass(frozen=True, slots=True)
class Judged:
    """A row of the corpus and what its check said: ``bad`` is the label, ``found`` whether the check failed the text."""

    check: str
    part: str
    lang: str
    text: str
    bad: bool
    found: bool


@dataclass(frozen=True, slots=True)
class Quality:
    """How one check did: true and false alarms, and what it missed."""

    check: str
    part: str
    texts: int
    hits: int
    alarms: int
    misses: int

    @property
    def precision(self) -> float | None:
        """The share of its alarms that were right; None without one."""
        return self.hits / (self.hits + self.alarms) if self.hits + self.alarms else None

    @property
    def recall(self) -> float | None:
        """The share of the bad texts that it found; None if there are none."""
        return self.hits / (self.hits + self.misses) if self.hits + self.misses else None


def read_corpus(path: Path = CORPUS) -> list[dict[str, Any]]:
    """Read the rows; ``{+}`` stands where a planted key is cut, so that no scanner takes it for a real one."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [{**row, "text": row["text"].replace("{+}", "")} for row in rows]


def judge_rows(rows: Sequence[Mapping[str, Any]]) -> Iterator[Judged]:
    """Judge each text with its check, with the parameters of the row or none."""
    for row in rows:
        messages = (Message("system", row["system"]),) if "system" in row else ()
        ctx = CheckContext(row["text"], Response(row["text"]), Request("scripted/none", messages))
        spec = CheckSpec(row["check"], row.get("params"), Where("corpus.jsonl"))
        verdict = build_check(spec, _NOTHING).judge(ctx, ())
        yield Judged(row["check"], row["part"], row["lang"], row["text"], row["bad"], verdict.status == "fail")


def quality(judged: Sequence[Judged]) -> list[Quality]:
    """Count by check and part, in the corpus' order of checks."""
    groups: dict[tuple[str, str], list[Judged]] = {}
    for row in judged:
        groups.setdefault((row.check, row.part), []).append(row)
    return [_counted(check, part, rows) for (check, part), rows in groups.items()]


def _counted(check: str, part: str, rows: Sequence[Judged]) -> Quality:
    hits = sum(row.bad and row.found for row in rows)
    alarms = sum(row.found and not row.bad for row in rows)
    misses = sum(row.bad and not row.found for row in rows)
    return Quality(check, part, len(rows), hits, alarms, misses)


def table(found: Sequence[Quality]) -> str:
    """The figures as a Markdown table."""
    head = [
        "| check | part | texts | right alarms | false alarms | missed | precision | recall |",
        "|---|---|---|---|---|---|---|---|",
    ]
    return "\n".join([*head, *(_row(each) for each in found)])


def _row(each: Quality) -> str:
    cells = [
        f"`{each.check}`",
        each.part,
        each.texts,
        each.hits,
        each.alarms,
        each.misses,
        _share(each.precision),
        _share(each.recall),
    ]
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _refuse(path: str) -> Any:
    raise ConfigError(f"the corpus has no file {path}")


_NOTHING = BuildContext(read_json=_refuse, load_python=_refuse, endpoint=_refuse)
